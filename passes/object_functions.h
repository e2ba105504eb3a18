/* The functions of an object file: where they lie in its code. */
#ifndef SCANLINE_PASSES_OBJECT_FUNCTIONS_H
#define SCANLINE_PASSES_OBJECT_FUNCTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct ObjectFunction {
    const char *name; /* in the object */
    uint64_t offset;  /* in its section */
    uint64_t size;    /* bytes */
    uint16_t section;
} ObjectFunction;

/* A relocatable ELF file of this machine's kind, of which nothing is taken for granted. Calls
 * `visit` for each function that it defines, until that gives false. False: the bytes are no such
 * file, or `visit` gave false. */
bool object_functions(const char *bytes, size_t size,
                      bool (*visit)(void *user, const ObjectFunction *function), void *user);

/* A section by its name, in the object's bytes; NULL: there is none, or the bytes are no object. */
const char *object_section(const char *bytes, size_t size, const char *name, size_t *length);

#endif
