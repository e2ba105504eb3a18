/* Open addressing with linear probing; at most half full. */
#include "frontend/names.h"

#include <string.h>

enum { FIRST_CAPACITY = 64 };

static uint64_t names_hash(const char *text, size_t length) {
    uint64_t hash = 0xcbf29ce484222325u; /* FNV-1a */
    for (size_t i = 0; i < length; i++)
        hash = (hash ^ (unsigned char)text[i]) * 0x100000001b3u;
    return hash ^ hash >> 32;
}

/* The slot that holds the name, or the free one where it belongs. */
static NamesSlot *names_slot(const Names *names, const char *text, size_t length) {
    size_t i = names_hash(text, length) & (names->capacity - 1);
    for (;; i = (i + 1) & (names->capacity - 1)) {
        NamesSlot *slot = &names->slots[i];
        if (!slot->name || (!strncmp(slot->name, text, length) && !slot->name[length]))
            return slot;
    }
}

static void names_reserve(Names *names, Arena *arena) {
    if (2 * (names->count + 1) <= names->capacity)
        return;
    Names larger = {.capacity = names->capacity ? 2 * names->capacity : FIRST_CAPACITY,
                    .count = names->count};
    larger.slots = arena_array(arena, larger.capacity, sizeof *larger.slots);
    for (size_t i = 0; i < names->capacity; i++) {
        const char *name = names->slots[i].name;
        if (name)
            *names_slot(&larger, name, strlen(name)) = names->slots[i];
    }
    *names = larger;
}

void *names_find(const Names *names, const char *name) {
    return names->capacity ? names_slot(names, name, strlen(name))->value : NULL;
}

void names_add(Names *names, Arena *arena, const char *name, void *value) {
    names_reserve(names, arena);
    *names_slot(names, name, strlen(name)) = (NamesSlot){name, value};
    names->count++;
}

NamesSlot *names_intern(Names *names, Arena *arena, const char *text, size_t length) {
    names_reserve(names, arena);
    NamesSlot *slot = names_slot(names, text, length);
    if (!slot->name) {
        slot->name = arena_string(arena, text, length);
        names->count++;
    }
    return slot;
}
