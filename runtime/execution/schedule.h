/* The scalars of an update rule: learning rate, bias corrections and the like. They depend on the
 * step alone and are computed in double precision, once a step, by this small program of
 * three-address code. */
#ifndef SCANLINE_RUNTIME_SCHEDULE_H
#define SCANLINE_RUNTIME_SCHEDULE_H

#include <stdint.h>

typedef enum ScalarOp {
    SCALAR_CONST, /* value */
    SCALAR_STEP,  /* the step, from 1 */
    SCALAR_NEGATE,
    SCALAR_ABS,
    SCALAR_EXP,
    SCALAR_LOG,
    SCALAR_SQRT,
    SCALAR_SIN,
    SCALAR_COS,
    SCALAR_TANH,
    SCALAR_FLOOR,
    SCALAR_NOT,
    SCALAR_ADD,
    SCALAR_SUB,
    SCALAR_MUL,
    SCALAR_DIV,
    SCALAR_POW,
    SCALAR_MIN,
    SCALAR_MAX,
    SCALAR_LESS,
    SCALAR_LESS_EQUAL,
    SCALAR_EQUAL,
    SCALAR_AND,
    SCALAR_OR,
    SCALAR_SELECT, /* b where a, else c */
    SCALAR_OP_COUNT
} ScalarOp;

typedef struct ScalarInstruction {
    ScalarOp op;
    uint32_t a, b, c; /* earlier instructions */
    double value;
} ScalarInstruction;

typedef struct Schedule {
    uint32_t count, output_count;
    ScalarInstruction *instructions;
    uint32_t *outputs; /* instruction that gives $scalar.I */
    char **names;      /* what each is for people: "lr", or the expression's text; may be NULL */
} Schedule;

/* values: output_count doubles. The same bits on every machine: it uses its own exp, log, sin, cos.
 */
int schedule_evaluate(const Schedule *schedule, int64_t step,
                      double *values); /* 0, or -1: no memory */

#endif
