/* Within gradients (runtime/training/gradient.h): a part is the chunks that one worker computes, or
 * that the team does. */
#ifndef SCANLINE_RUNTIME_GRADIENT_PART_H
#define SCANLINE_RUNTIME_GRADIENT_PART_H

#include "runtime/model/worker.h"
#include "runtime/training/adding.h"
#include "runtime/training/gradient.h"
#include "runtime/training/rank_sum.h"
#include "runtime/training/tree_sum.h"

typedef struct Part {
    Gradient *gradient;
    Worker worker; /* of `grad`, with `depth` copies of its outputs: the buffers */
    Adding adding; /* where the program has it */
    int number;
    int64_t first, last; /* its chunks */
    TreeStack stack;
} Part;

struct Gradient {
    const PlanFunction *function;
    const PlanFunction *adding; /* `grad_add`; NULL: none */
    Executor *executor;
    ExecutorMode mode;
    int64_t first, last; /* chunks of this rank */
    int64_t *offsets;    /* by output of `grad` */
    int64_t loss;        /* which output it is */
    int part_count;
    Part *parts;
    TreeNode *nodes; /* of all parts, from left to right: room for them */
    Buckets buckets; /* with other ranks */
    RankSum *ranks;  /* NULL: alone */
    ChunkFill *fill; /* of the call under way */
    void *user;
};

bool part_create(Part *part, const Model *model, RunError *error);
void part_free(Part *part);

/* Computes its chunks: in the calling thread, or by the team. What they leave is its stack. */
void part_run_alone(Part *part);
void part_run_team(Part *part);

/* Fills the part's chunk. What is to be run makes it the new top of the stack. */
const Bound *part_begin(Part *part, int64_t number);

/* Floats of a buffer. */
int64_t part_floats(const Gradient *gradient);

#endif
