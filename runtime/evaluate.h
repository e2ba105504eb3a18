/* Losses and metrics over a whole split: each image once, no augmentation, step 0. Chunks of images
 * are computed by workers or by a team as in training; figures are kept by image and averaged in
 * double precision in the order of the split, so nothing depends on the number of threads. */
#ifndef SCANLINE_RUNTIME_EVALUATE_H
#define SCANLINE_RUNTIME_EVALUATE_H

#include "runtime/chunk.h"
#include "runtime/executor.h"
#include "runtime/model.h"
#include "runtime/run_error.h"

typedef struct Evaluation {
    int64_t count;   /* images */
    double loss;     /* mean; NaN of no images */
    double *metrics; /* means, in the experiment's order */
} Evaluation;

typedef struct Evaluator Evaluator;

int64_t evaluation_bytes(const Program *program, int threads);

/* The executor must serve `eval` in gradient_mode. */
Evaluator *evaluation_create(const Program *program, const Model *model, Executor *executor,
                             const DataSet *data, RunError *error);
void evaluation_free(Evaluator *evaluator);

/* The answer's metrics are valid until the next call. False and `error`: no memory. */
bool evaluation_run(Evaluator *evaluator, DataSplit split, int32_t draw, Evaluation *evaluation,
                    RunError *error);

#endif
