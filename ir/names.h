/* A table from names to numbers, for the axes, bindings and outputs of a function. */
#ifndef SCANLINE_IR_NAMES_H
#define SCANLINE_IR_NAMES_H

#include "ir/arena.h"

#include <stdbool.h>

typedef struct NameTable NameTable;

#define NAME_ABSENT UINT32_MAX

NameTable *name_table_create(Arena *arena);
uint32_t name_table_find(const NameTable *table,
                         const char *name); /* NAME_ABSENT when there is none */

/* Keeps the pointer. False, and no change, when the name is there already. */
bool name_table_add(NameTable *table, const char *name, uint32_t value);

#endif
