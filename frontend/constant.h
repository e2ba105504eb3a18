/* Numbers known when compiling: expressions over numbers, dims and consts.
 *
 * Integers stay integers under + - * // % ^ min max abs, and are exact (an integer beyond 2^53 is
 * an error). `/`, sqrt and floor give reals; for a dim, `/` is exact and gives an integer. */
#ifndef SCANLINE_FRONTEND_CONSTANT_H
#define SCANLINE_FRONTEND_CONSTANT_H

#include "frontend/diagnostic.h"
#include "frontend/syntax.h"

typedef struct Constant {
    double value;
    bool integer; /* exactly an integer by its expression: 3, 2 * 3, n // 2; not 6 / 2 */
} Constant;

typedef enum ConstantStatus {
    CONSTANT_KNOWN,
    CONSTANT_MISSING, /* it needs a dim that has no value: *missing is its use */
    CONSTANT_FAULTY,  /* reported */
} ConstantStatus;

typedef struct ConstantScope {
    Arena *arena;
    Diagnostics *diagnostics;
    /* What a name stands for; reports unknown ones. */
    ConstantStatus (*lookup)(void *context, Name use, Constant *constant, Name *missing);
    /* Adds to a diagnostic where the value of a name was given. May be NULL. */
    void (*relate)(void *context, const char *name, Diagnostic *diagnostic);
    void *context;
    bool exact; /* of a dim: `/` must leave no remainder */
} ConstantScope;

ConstantStatus constant_evaluate(const ConstantScope *scope, const Expr *expr, Constant *constant,
                                 Name *missing);

#endif
