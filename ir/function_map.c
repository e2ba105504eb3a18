/* Open addressing with linear probing; at most half full. */
#include "ir/function_map.h"

typedef struct Entry {
    const Function *function; /* NULL: free */
    uint32_t value;
} Entry;

struct FunctionMap {
    Arena *arena;
    Entry *entries;
    uint32_t count, capacity; /* capacity: a power of two */
};

enum { FIRST_CAPACITY = 16 };

static Entry *map_entry(Entry *entries, uint32_t capacity, const Function *function) {
    uint64_t hash = (uint64_t)(uintptr_t)function * UINT64_C(0x9E3779B97F4A7C15);
    uint32_t place = (uint32_t)(hash >> 32) & (capacity - 1);
    while (entries[place].function && entries[place].function != function)
        place = (place + 1) & (capacity - 1);
    return &entries[place];
}

FunctionMap *function_map_create(Arena *arena) {
    FunctionMap *map = arena_alloc(arena, sizeof *map);
    map->arena = arena;
    map->capacity = FIRST_CAPACITY;
    map->entries = arena_array(arena, FIRST_CAPACITY, sizeof(Entry));
    return map;
}

uint32_t function_map_find(const FunctionMap *map, const Function *function) {
    const Entry *entry = map_entry(map->entries, map->capacity, function);
    return entry->function ? entry->value : FUNCTION_ABSENT;
}

void function_map_add(FunctionMap *map, const Function *function, uint32_t value) {
    if (map->count >= map->capacity / 2) {
        uint32_t capacity = map->capacity * 2;
        Entry *entries = arena_array(map->arena, capacity, sizeof(Entry));
        for (uint32_t i = 0; i < map->capacity; i++)
            if (map->entries[i].function)
                *map_entry(entries, capacity, map->entries[i].function) = map->entries[i];
        map->entries = entries;
        map->capacity = capacity;
    }
    Entry *entry = map_entry(map->entries, map->capacity, function);
    if (entry->function)
        return;
    *entry = (Entry){function, value};
    map->count++;
}
