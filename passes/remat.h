/* The kernels of a fused function as what is to be scheduled; a choice of those that run again; the
 * schedule that follows from it, and the memory that it takes. Private to remat*.c. */
#ifndef SCANLINE_PASSES_REMAT_H
#define SCANLINE_PASSES_REMAT_H

#include "ir/graph.h"
#include "passes/emit/target.h"

/* A kernel, in the order in which kernels run. */
typedef struct RematStep {
    NodeId kernel;
    uint32_t first_result, result_count; /* buffers */
    const uint32_t *reads;               /* buffers; bindings are left out */
    uint32_t read_count;
    const uint32_t *inputs; /* of the function that it reads, of those that steps replace */
    uint32_t input_count;
    const uint32_t *replaces; /* inputs in whose place its results are to be */
    uint32_t replace_count;
    double flops;
    double cost;     /* about the time it takes, in operations */
    bool is_forward; /* the loss depends on it */
    bool is_update;  /* of the update; what is neither is of the backward part */
} RematStep;

typedef struct RematBuffer {
    uint32_t step;       /* that writes it */
    int64_t bytes;       /* in the arena: 0 for an output of the function */
    int64_t bytes_again; /* of the one that is written by a step that runs again */
} RematBuffer;

typedef struct RematGraph {
    const Function *function;
    RematStep *steps;
    uint32_t step_count;
    RematBuffer *buffers;
    uint32_t buffer_count;
    uint32_t input_count; /* that steps of the update replace */
    double cost;          /* of all steps, once each */
} RematGraph;

RematGraph remat_graph(const Function *fused, const Target *target); /* remat_graph.c */

/* --- remat_schedule.c --- */

typedef struct RematRun {
    uint32_t step;
    bool is_again;
} RematRun;

/* Working memory for putting the steps of the update between the others. */
typedef struct RematPlacing {
    RematRun *runs;
    uint32_t *last_read; /* by input: the last run that reads it, + 1 */
    uint32_t *place;     /* by step of the update: the run that it comes after, + 1 */
    uint32_t *first;     /* by run, + 1: the first step of the update that comes after it, + 1 */
    uint32_t *next;      /* by step of the update: the next that comes after the same run, + 1 */
} RematPlacing;

/* What runs when, for a choice of forward steps to be dropped: what these have computed, the
 * backward part computes again. Steps of the update run as soon as all that they read is there and
 * nothing reads what they replace any more. Filled in anew by each remat_schedule; its arrays are
 * allocated once. */
typedef struct RematSchedule {
    const RematGraph *graph;
    RematRun *runs;
    uint32_t run_count;
    int64_t peak; /* bytes alive at once, at the most: no arena is smaller */
    double cost;  /* of the steps that run again */
    uint32_t *birth,
        *death;      /* by buffer, then by buffer that is written again: run + 1; 0: never */
    int64_t *change; /* by run: bytes that come alive, less those that died with the one before */
    bool *is_again;  /* by step */
    uint32_t *stack;
    RematPlacing placing;
} RematSchedule;

RematSchedule remat_schedule_create(const RematGraph *graph);
void remat_schedule(RematSchedule *schedule, const bool *dropped);

/* The arena that the plan (passes/plan.h) will give to the function with this schedule. */
int64_t remat_arena(const RematSchedule *schedule);

/* --- remat_choose.c --- */

/* Fills in `schedule` by the cheapest choice of steps, dropped[step], whose arena takes at most
 * `limit` bytes; where none does, by the one with the smallest arena. No limit: 0. */
void remat_choose(RematSchedule *schedule, int64_t limit, bool *dropped);

#endif
