/* Open addressing with linear probing over FNV-1a hashes; at most half full. */
#include "ir/names.h"

#include <string.h>

typedef struct Entry {
    const char *name; /* NULL: free */
    uint64_t hash;
    uint32_t value;
} Entry;

struct NameTable {
    Arena *arena;
    Entry *entries;
    uint32_t count, capacity; /* capacity: a power of two */
};

enum { FIRST_CAPACITY = 16 };

static uint64_t names_hash(const char *name) {
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (; *name; name++)
        hash = (hash ^ (unsigned char)*name) * UINT64_C(0x100000001b3);
    return hash ^ hash >> 32;
}

/* The entry of that name, or the free one where it belongs. */
static Entry *names_entry(Entry *entries, uint32_t capacity, const char *name, uint64_t hash) {
    uint32_t place = (uint32_t)hash & (capacity - 1);
    while (entries[place].name &&
           (entries[place].hash != hash || strcmp(entries[place].name, name) != 0))
        place = (place + 1) & (capacity - 1);
    return &entries[place];
}

NameTable *name_table_create(Arena *arena) {
    NameTable *table = arena_alloc(arena, sizeof *table);
    table->arena = arena;
    table->capacity = FIRST_CAPACITY;
    table->entries = arena_array(arena, FIRST_CAPACITY, sizeof(Entry));
    return table;
}

uint32_t name_table_find(const NameTable *table, const char *name) {
    const Entry *entry = names_entry(table->entries, table->capacity, name, names_hash(name));
    return entry->name ? entry->value : NAME_ABSENT;
}

static void names_double(NameTable *table) {
    uint32_t capacity = table->capacity * 2;
    Entry *entries = arena_array(table->arena, capacity, sizeof(Entry));
    for (uint32_t i = 0; i < table->capacity; i++) {
        const Entry *old = &table->entries[i];
        if (old->name)
            *names_entry(entries, capacity, old->name, old->hash) = *old;
    }
    table->entries = entries;
    table->capacity = capacity;
}

bool name_table_add(NameTable *table, const char *name, uint32_t value) {
    if (table->count >= table->capacity / 2)
        names_double(table);
    uint64_t hash = names_hash(name);
    Entry *entry = names_entry(table->entries, table->capacity, name, hash);
    if (entry->name)
        return false;
    *entry = (Entry){.name = name, .hash = hash, .value = value};
    table->count++;
    return true;
}
