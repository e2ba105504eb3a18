/* Losses and metrics of a whole split: each image once, without augmentation, in evaluation's draws
 * (step 0, draw 0). */
#ifndef SCANLINE_RUNTIME_EVALUATE_H
#define SCANLINE_RUNTIME_EVALUATE_H

#include "runtime/data.h"
#include "runtime/program.h"
#include "runtime/run_error.h"

enum { EVALUATION_MAX_METRICS = 16 };

typedef struct Evaluation {
    int64_t images;
    double loss;                            /* mean over the images */
    double metrics[EVALUATION_MAX_METRICS]; /* experiment->metrics, means over the images */
} Evaluation;

typedef struct Evaluator Evaluator;

int64_t evaluation_bytes(const Program *program, int threads);

/* NULL and `error`. The data set must fit the experiment (data_fits) and, as the program, outlive
 * it. */
Evaluator *evaluation_create(const Program *program, const DataSet *data, int threads,
                             RunError *error);
void evaluation_free(Evaluator *evaluator);

/* parameters in the Experiment's order. Sums are in the order of the images, in double precision:
 * the same bits for any number of threads. `draw` selects the masks of objectives that have random
 * ones. */
bool evaluate(Evaluator *evaluator, float *const *parameters, int64_t seed, int64_t draw,
              DataSplit split, Evaluation *evaluation, RunError *error);

#endif
