/* What can be said of an experiment before it is run: for `check`. Nothing is allocated or run for
 * it but the graph itself. */
#ifndef SCANLINE_FRONTEND_REPORT_H
#define SCANLINE_FRONTEND_REPORT_H

#include "ir/graph.h"
#include "runtime/execution/experiment.h"

typedef struct Report {
    int64_t parameters; /* elements of all together; the table of them is experiment->parameters */
    /* Floating-point operations of one training step on a whole batch: two for each
     * multiply-and-add of the contractions that the loss needs, and twice that again for the
     * gradients. A product under a sum is a contraction when each factor has an axis that the other
     * lacks. What masks of positions hide is not counted (frontend/report_mask.h); a causal mask
     * hides half. */
    double flops_per_step;
    /* The loss before the first step, where it is the same for any data and any draw of the
     * parameters: ln v for a head of zeros. With `where`, for an image that has any part chosen. */
    bool first_loss_known;
    double first_loss;
} Report;

/* Of a module made by lower_experiment. */
Report report_create(Arena *arena, const Module *module, const Experiment *experiment);

/* The first loss alone: true, and the value, where it is known. */
bool report_first_loss(Arena *arena, const Function *init, const Function *forward, double *loss);

#endif
