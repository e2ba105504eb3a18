/* Numbers known when compiling: expressions over numbers, dims and consts. */
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

/* What a name stands for; reports unknown ones. */
typedef ConstantStatus (*ConstantLookup)(void *context, Name use, Constant *constant,
                                         Name *missing);

typedef struct ConstantScope {
    ConstantLookup lookup;
    void *context;
    bool exact; /* of a dim: `/` is integer division and must leave no remainder */
    Diagnostics *diagnostics;
} ConstantScope;

/* Operators + - * / // % ^ and sqrt, abs, floor, min, max. */
ConstantStatus constant_evaluate(const ConstantScope *scope, const Expr *expr, Constant *constant,
                                 Name *missing);

#endif
