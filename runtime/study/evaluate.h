/* Losses, metrics and accuracy over a whole split: each image once, no augmentation, step 0.
 * Figures are kept by image and averaged in double precision in the order of the split, so nothing
 * depends on the number of threads.
 *
 * Where the objective has `output class` and the data set has labels there is an accuracy, whether
 * or not the spec has a metric of that name (which is then this one). Where `random` takes part,
 * classes are voted for by several draws (runtime/study/vote.h); loss and metrics are of draw 0.
 */
#ifndef SCANLINE_RUNTIME_EVALUATE_H
#define SCANLINE_RUNTIME_EVALUATE_H

#include "runtime/data/data.h"
#include "runtime/execution/executor.h"
#include "runtime/model/inference.h"
#include "runtime/model/model.h"
#include "runtime/ranks/ranks.h"
#include "runtime/run/log.h"
#include "runtime/run/metrics.h"
#include "runtime/run_error.h"

typedef struct Evaluation {
    int64_t count;                /* images */
    double loss;                  /* mean; NaN of no images */
    const MetricsFigure *figures; /* the loss; metrics in the experiment's order; accuracy */
    uint32_t figure_count;
    int draws; /* that classes are the vote of; 0: there are no classes, and what follows is 0 */
    int64_t labelled, correct; /* images that have a label, and those of them taken for it */
    int64_t classes;
    const int64_t *confusion; /* images [classes, classes]: of this label (row), taken for that
                                 class; NULL: of more than 1024 classes there is no table */
} Evaluation;

typedef struct Evaluator Evaluator;

/* Whether evaluations on this data set have an accuracy. */
bool evaluation_has_accuracy(const Program *program, const DataSet *data);

/* That of an evaluation; -1: it has none. */
double evaluation_accuracy(const Evaluation *evaluation);

int64_t evaluation_bytes(const Program *program, int threads);

/* Executor and threads are as inference_create takes them. */
Evaluator *evaluation_create(const Program *program, const Model *model, Executor *executor,
                             int threads, const DataSet *data, RunError *error);
void evaluation_free(Evaluator *evaluator);

/* From now on each rank computes some of the chunks of images, and all have the figures of all.
 * Where the ranks are lost rank 0 computes them alone. */
void evaluation_share(Evaluator *evaluator, Ranks *ranks);

/* From now on people are told how far a run is; NULL: nobody is. */
void evaluation_tell(Evaluator *evaluator, Log *log);

/* Runs of a process alone end when they are told to: that fails with EXIT_STOPPED. */
void evaluation_stop_when(Evaluator *evaluator, InferenceStop *stop, void *user);

/* What the answer points at is valid until the next call. False and `error`: it was told to end, no
 * memory, or (not for rank 0) the ranks are lost. */
bool evaluation_run(Evaluator *evaluator, DataSplit split, Evaluation *evaluation, RunError *error);

#endif
