/* The reference: what a function means, computed in double precision with plain loops.
 *
 * f32 and bf16 are not rounded: the results are what compiled code approximates. i32 wraps modulo
 * 2^32, and random draws are the very values that compiled code draws. */
#ifndef SCANLINE_IR_INTERPRET_H
#define SCANLINE_IR_INTERPRET_H

#include "ir/external.h"

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

/* One call of an external function, on blocks that lie row by row in the order of its signature. */
typedef struct InterpretCall {
    const External *external;
    bool is_gradient;               /* its gradient is called */
    const int64_t *extents;         /* of external_dims */
    const double *const *arguments; /* by parameter; of the gradient, then the result's gradient */
    double *const *results; /* the result; of the gradient, those of the parameters of f32 */
} InterpretCall;

/* Who makes such calls; false and `error`: it cannot be. */
typedef struct InterpretCaller {
    bool (*call)(void *user, const InterpretCall *call, InterpretError *error);
    void *user;
} InterpretCaller;

/* The values of the function's outputs, in their order, each row by row in the order of its node's
 * axes; they and all memory that is needed are the arena's. Bindings that the function lacks are
 * passed over. NULL and `error` when one is missing or wrong, or a tensor is too large. The
 * function must be valid (ir/verify.h). */
double **interpret(const Function *function, const InterpretBinding *bindings, size_t count,
                   Arena *arena, InterpretError *error);

/* The same with somebody who calls external functions; without (NULL, as above) a function that has
 * calls is an error. */
double **interpret_calling(const Function *function, const InterpretBinding *bindings, size_t count,
                           const InterpretCaller *caller, Arena *arena, InterpretError *error);

#endif
