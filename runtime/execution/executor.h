/* Runs the functions of a plan on one pool of threads (OpenMP's).
 *
 * There are two ways to use the threads, and they give the same bits, as tiles are independent and
 * their number is fixed in the plan:
 *
 *     team    all threads share the tiles of each step, and wait for each other where a step needs
 *             what others are doing (runtime/execution/waits.h)
 *     alone   every thread runs whole invocations by itself (a chunk of a batch, say), in an arena
 *             of its own
 *
 * Arenas and scratch are reserved once. Denormals are flushed to zero while kernels run, on every
 * thread. */
#ifndef SCANLINE_RUNTIME_EXECUTOR_H
#define SCANLINE_RUNTIME_EXECUTOR_H

#include "runtime/execution/profile.h"

#include <stdbool.h>

typedef enum ExecutorMode { EXECUTOR_TEAM, EXECUTOR_ALONE } ExecutorMode;

/* A function that will be run, and how. */
typedef struct ExecutorUse {
    const PlanFunction *function; /* of the program's plan; NULL: none */
    ExecutorMode mode;
} ExecutorUse;

typedef struct Executor Executor;

/* Memory that executor_create takes for arenas and scratch, in bytes. */
int64_t executor_bytes(const Plan *plan, int threads, const ExecutorUse *uses, uint32_t use_count);

/* NULL: no memory. The program must outlive it. */
Executor *executor_create(const Program *program, int threads, const ExecutorUse *uses,
                          uint32_t use_count);
void executor_free(Executor *executor);
int executor_threads(const Executor *executor);

/* From now on what runs is measured; NULL, as in the beginning: nothing is. */
void executor_set_profile(Executor *executor, Profile *profile);
Profile *executor_profile(const Executor *executor);

/* inputs[i], outputs[i]: the memory of the function's i-th input and output, 64-byte aligned. They
 * must not overlap, except an output and the input donated to it. */
void executor_run(Executor *executor, const PlanFunction *function, void *const *inputs,
                  void *const *outputs);

/* The same of steps first ... last - 1 of the function alone. Those before them must have been run,
 * on the same memory, and no other function since. */
void executor_run_part(Executor *executor, const PlanFunction *function, uint32_t first,
                       uint32_t last, void *const *inputs, void *const *outputs);

/* Alone, in the calling thread, with the arena of number `thread` < threads. Call it inside a
 * parallel region. */
void executor_run_alone(Executor *executor, int thread, const PlanFunction *function,
                        void *const *inputs, void *const *outputs);
void executor_run_alone_part(Executor *executor, int thread, const PlanFunction *function,
                             uint32_t first, uint32_t last, void *const *inputs,
                             void *const *outputs);

/* As executor_run_alone for thread 0, the first `count` steps of the function alone, telling
 * `watch` after each what its operands are (outputs last), until it answers false. To find where a
 * NaN arose. */
typedef bool ExecutorWatch(void *user, const PlanStep *step, const PlanKernel *kernel,
                           char *const *operands);
void executor_run_watched(Executor *executor, const PlanFunction *function, uint32_t count,
                          void *const *inputs, void *const *outputs, ExecutorWatch *watch,
                          void *user);

#endif
