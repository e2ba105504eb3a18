/* Checks that the tests of passes share: gradients against differences, functions against each
 * other. */
#ifndef SCANLINE_TESTS_PASSES_SUPPORT_H
#define SCANLINE_TESTS_PASSES_SUPPORT_H

#include "ir/interpret.h"
#include "passes/gradients.h"

/* An arena; a test that runs out of memory ends there. */
Arena *test_arena(void);

/* Numbers that depend on the seed alone. */
typedef struct Draws {
    uint64_t state;
} Draws;

uint64_t draw_below(Draws *draws, uint64_t limit);
double draw_between(Draws *draws, double least, double most);

/* The last function of a text that must be right; a test fails where it is not. */
Function *parse_function(Arena *arena, const char *text);

/* What differences say of a gradient. */
typedef struct GradientReport {
    uint32_t compared; /* derivatives that were compared */
    double worst;      /* the largest difference, relative to the larger of 1 and the derivative */
    char where[128];   /* the param, and the two numbers */
} GradientReport;

/* Differentiates a function whose output "loss" lacks any axis or has `batch` alone, and compares
 * with central differences of the interpreted loss: for each PARAM along a few random directions
 * and along a few single elements. */
GradientReport gradient_compare(const Function *forward, AxisId batch,
                                const InterpretBinding *bindings, size_t count,
                                GradientRule *const rules[OP_COUNT], uint64_t seed);

#define GRADIENT_STEP     1e-5
#define GRADIENT_ROUNDING 1e-9

/* The same of a function with calls of external functions. */
typedef struct GradientCalls {
    const InterpretCaller *caller;
    double step;     /* of the differences: GRADIENT_STEP, or more where the caller rounds */
    double rounding; /* of the loss: GRADIENT_ROUNDING, or more */
} GradientCalls;

GradientReport gradient_compare_calling(const Function *forward, AxisId batch,
                                        const InterpretBinding *bindings, size_t count,
                                        GradientRule *const rules[OP_COUNT],
                                        const GradientCalls *calls, uint64_t seed);

/* As many nodes of the op as there are. */
uint32_t count_ops(const Function *function, OpCode op);

#endif
