/* The canonical form of a function: bytes that are equal exactly where one machine code serves
 * both.
 *
 * Axes are numbered by first use and given by extent; spans, the names of axes, of inputs and of
 * the function, and the keys of random draws (which kernels take as immediates) are left out. */
#ifndef SCANLINE_PASSES_CANONICAL_H
#define SCANLINE_PASSES_CANONICAL_H

#include "ir/graph.h"

typedef struct CanonicalForm {
    const unsigned char *bytes;
    size_t length;
} CanonicalForm;

/* In the arena given. */
CanonicalForm canonical_form(Arena *arena, const Function *function);

/* The keys of a body's random draws, in node order: the immediates of a step. */
uint32_t canonical_keys(Arena *arena, const Function *body, int64_t **keys);

#endif
