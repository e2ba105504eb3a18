/* Buffer i of a worker holds the node at depth i of its stack. A worker merges as it goes on, to
 * need few buffers. With other ranks it runs its last chunk from one bucket to the next. */
#include "runtime/training/gradient_part.h"

#include "runtime/execution/float_mode.h"
#include "runtime/training/tree_block.h"

#include <omp.h>

bool part_create(Part *part, const Model *model, RunError *error) {
    const Gradient *gradient = part->gradient;
    int depth = tree_depth(part->first, part->last, gradient->adding != NULL);
    if (!worker_create(&part->worker, gradient->function, model, depth, error))
        return false;
    if (!gradient->adding)
        return true;
    Slots inputs = {0};
    bool made = chunk_slots(&part->worker.chunk, &inputs) && model_slots(model, &inputs)
                    ? adding_create(&part->adding, gradient->adding, &inputs, error)
                    : run_no_memory(error, "the run's tables");
    slots_free(&inputs);
    return made;
}

void part_free(Part *part) {
    worker_free(&part->worker);
    adding_free(&part->adding);
}

/* --- chunks --- */

static char *top_of(const Part *part) {
    return (char *)(void *)part->stack.nodes[part->stack.depth - 1].sum;
}

static void part_fill(Part *part, int64_t number) {
    const Gradient *gradient = part->gradient;
    Profile *profile = executor_profile(gradient->executor);
    uint32_t line = profile_enter(profile, PROFILE_BATCH);
    gradient->fill(gradient->user, number, &part->worker.chunk);
    profile_enter(profile, line);
}

const Bound *part_begin(Part *part, int64_t number) {
    part_fill(part, number);
    char *buffer = worker_use_copy(&part->worker, part->stack.depth);
    tree_push(&part->stack, (TreeNode){0, number, (float *)(void *)buffer});
    return &part->worker.bound;
}

/* The same, but what is to be run adds it to the top of the stack. */
static const Bound *part_begin_adding(Part *part, int64_t number) {
    const Gradient *gradient = part->gradient;
    part_fill(part, number);
    adding_aim(&part->adding, top_of(part), gradient->offsets);
    tree_add(&part->stack);
    return &part->adding.bound;
}

static bool part_adds(const Part *part, int64_t number) {
    return part->gradient->adding && tree_can_add(&part->stack, number);
}

int64_t part_floats(const Gradient *gradient) {
    return worker_copy_bytes(gradient->function) / (int64_t)sizeof(float);
}

/* Adds the top of a stack to the node below it: this thread's share of the floats. */
static void add_top(const Part *part, int share, int shares) {
    const TreeNode *top = &part->stack.nodes[part->stack.depth - 1];
    int64_t count = part_floats(part->gradient), first = count * share / shares;
    tree_block_add(top[-1].sum + first, top->sum + first, count * (share + 1) / shares - first);
}

/* Runs steps first ... last - 1 of a function: the part's worker alone, or the team. */
static void part_run_steps(const Part *part, const Bound *bound, uint32_t first, uint32_t last) {
    const Gradient *gradient = part->gradient;
    if (gradient->mode == EXECUTOR_TEAM)
        executor_run_part(gradient->executor, bound->function, first, last, bound->inputs,
                          bound->outputs);
    else
        executor_run_alone_part(gradient->executor, part->number, bound->function, first, last,
                                bound->inputs, bound->outputs);
}

/* The same up to the last bucket that is ready before the end, telling after each that it is past.
 * Returns where it is then. */
static uint32_t part_run_passing(const Part *part, const Bound *bound, bool adds) {
    const Gradient *gradient = part->gradient;
    uint32_t at = 0;
    for (int i = 0; i < gradient->buckets.count; i++) {
        const uint32_t ready = gradient->buckets.all[i].ready[adds];
        if (ready == bound->function->step_count)
            break;
        if (ready > at)
            part_run_steps(part, bound, at, ready);
        at = ready;
        rank_sum_pass(gradient->ranks, part->number, i + 1);
    }
    return at;
}

static void part_run_chunk(Part *part, int64_t number) {
    const Gradient *gradient = part->gradient;
    const bool adds = part_adds(part, number);
    const bool passes = gradient->ranks && number == part->last - 1;
    const Bound *bound = adds ? part_begin_adding(part, number) : part_begin(part, number);
    const uint32_t at = passes ? part_run_passing(part, bound, adds) : 0;
    part_run_steps(part, bound, at, bound->function->step_count);
    if (adds)
        adding_settle(&part->adding, top_of(part), gradient->offsets);
    if (passes)
        rank_sum_pass(gradient->ranks, part->number, gradient->buckets.count);
}

void part_run_alone(Part *part) {
    Profile *profile = executor_profile(part->gradient->executor);
    uint32_t line = profile_enter(profile, PROFILE_EXECUTOR);
    uint64_t before = float_mode_flush();
    part->stack.depth = 0;
    for (int64_t number = part->first; number < part->last; number++) {
        profile_enter(profile, PROFILE_SUM);
        for (; tree_can_merge(&part->stack); tree_merge(&part->stack))
            add_top(part, 0, 1);
        profile_enter(profile, PROFILE_EXECUTOR);
        part_run_chunk(part, number);
    }
    float_mode_restore(before);
    profile_enter(profile, line);
}

static void merge_by_team(Part *part) {
    Profile *profile = executor_profile(part->gradient->executor);
    uint32_t line = profile_enter(profile, PROFILE_SUM);
#pragma omp parallel num_threads(executor_threads(part->gradient->executor))
    {
        profile_enter(profile, PROFILE_SUM);
        uint64_t before = float_mode_flush();
        add_top(part, omp_get_thread_num(), omp_get_num_threads());
        float_mode_restore(before);
        profile_enter(profile, PROFILE_WAITING);
    }
    profile_enter(profile, line);
    tree_merge(&part->stack);
}

void part_run_team(Part *part) {
    part->stack.depth = 0;
    for (int64_t number = part->first; number < part->last; number++) {
        while (tree_can_merge(&part->stack))
            merge_by_team(part);
        part_run_chunk(part, number);
    }
}
