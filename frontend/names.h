/* A table from names to pointers. It is never iterated: orders come from arrays. */
#ifndef SCANLINE_FRONTEND_NAMES_H
#define SCANLINE_FRONTEND_NAMES_H

#include "ir/arena.h"

typedef struct NamesSlot {
    const char *name;
    void *value;
} NamesSlot;

/* All zero: empty. */
typedef struct Names {
    NamesSlot *slots;
    size_t capacity; /* 0, or a power of two */
    size_t count;
} Names;

void *names_find(const Names *names, const char *name); /* NULL: absent */
/* The name must be absent and live as long as the table. */
void names_add(Names *names, Arena *arena, const char *name, void *value);

/* The slot of a name given by its bytes; made, with a copy of the name and a NULL value, if absent.
 * Good until the next name is added. */
NamesSlot *names_intern(Names *names, Arena *arena, const char *text, size_t length);

#endif
