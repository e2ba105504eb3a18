/* The reference: what a function means, computed in double precision with plain loops.
 *
 * f32 and bf16 are not rounded: the results are what compiled code approximates. i32 wraps modulo
 * 2^32, and random draws are the very values that compiled code draws. */
#ifndef SCANLINE_IR_INTERPRET_H
#define SCANLINE_IR_INTERPRET_H

#include "ir/graph.h"

/* No tensor that is interpreted may be larger. */
#define INTERPRET_MAX_ELEMENTS (INT64_C(1) << 28)

/* The value of a param or input: row by row in the order of its axes; i32 and bool as numbers. */
typedef struct InterpretBinding {
    const char *name;
    const double *values;
    int64_t count;
} InterpretBinding;

typedef struct InterpretError {
    char text[256];
} InterpretError;

/* The values of the function's outputs, in their order, each row by row in the order of its node's
 * axes; they and all memory that is needed are the arena's. Bindings that the function lacks are
 * passed over. NULL and `error` when one is missing or wrong, or a tensor is too large. The
 * function must be valid (ir/verify.h). */
double **interpret(const Function *function, const InterpretBinding *bindings, size_t count,
                   Arena *arena, InterpretError *error);

#endif
