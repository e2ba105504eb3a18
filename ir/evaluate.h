/* Inside the interpreter: the evaluation of one node, and the memory that values lie in. */
#ifndef SCANLINE_IR_EVALUATE_H
#define SCANLINE_IR_EVALUATE_H

#include "ir/interpret.h"

enum { POOL_CLASSES = 32 };

/* What an interpretation shares: arrays of doubles, kept for reuse by the logarithm of their size;
 * who calls external functions, and what became of it. */
typedef struct Pool {
    Arena *arena;
    void *free[POOL_CLASSES];
    const InterpretCaller *caller; /* NULL: nobody */
    InterpretError *error;
    bool failed; /* a call did; the error says why */
} Pool;

double *pool_take(Pool *pool, int64_t count); /* not cleared */
void pool_give(Pool *pool, double *values, int64_t count);

/* Values of a node: one array for each result. */
typedef double **NodeValues;

/* A function being evaluated. */
typedef struct Evaluation {
    Pool *pool;
    const Function *function;
    const double *const *bindings; /* of its params and inputs, in node order */
    NodeValues *values;            /* by node */
    uint32_t bindings_read;
    const Node *node; /* the one whose rule runs */
    double **results; /* of it, to be written entirely */
} Evaluation;

typedef void ValueRule(Evaluation *evaluation);

#define OP(ID, name, arity, shape, gradient, value, ...) ValueRule evaluate_##value;
#include "ir/ops.def"
#undef OP

/* The bits of a value that is a bf16. */
uint16_t evaluation_bf16(double value);

/* Always false. */
bool interpret_fail(InterpretError *error, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Source number `which` of the node: its node, and its value. */
const Node *evaluation_source(const Evaluation *evaluation, uint32_t which);
const double *evaluation_value(const Evaluation *evaluation, uint32_t which);

/* Evaluates a function. Keeps the values of all nodes, or of the outputs alone. */
NodeValues *evaluate_function(Pool *pool, const Function *function, const double *const *bindings,
                              bool keep_all);

/* Gives back the values of those nodes that still have some. */
void evaluate_release(Pool *pool, const Function *function, NodeValues *values);

/* One application of an elementwise op; sources and result are numbers. */
double maximum_of(double a, double b);

/* The derivative of an elementwise op on f32 by source number `which`, as its gradient rule has it.
 */
double elementwise_partial(OpCode op, uint32_t which, const double *sources, double result);

#endif
