/* The outputs of `grad` (the loss, then the gradients) lie one after another in one buffer, the
 * same layout in every buffer, so that nodes of the tree are added by loops over floats. What the
 * parts hold at the end is summed block by block, each block through the rest of the tree and the
 * search for what is not finite while it is in cache. The batch's sum ends in buffer 0 of part 0.
 */
#include "runtime/training/gradient.h"

#include "runtime/execution/float_mode.h"
#include "runtime/training/gradient_part.h"
#include "runtime/training/tree_block.h"

#include <omp.h>
#include <stdlib.h>
#include <string.h>

/* What the parts hold, from left to right; returns how many nodes these are. */
static int nodes_collect(const Gradient *gradient) {
    int nodes = 0;
    for (int i = 0; i < gradient->part_count; i++) {
        const TreeStack *stack = &gradient->parts[i].stack;
        memcpy(gradient->nodes + nodes, stack->nodes, (size_t)stack->depth * sizeof(TreeNode));
        nodes += stack->depth;
    }
    return nodes;
}

/* --- with other ranks --- */

/* What this rank has of a bucket. Every part is in its last chunk, and past that. */
static void bucket_take(void *user, const Bucket *bucket, float *sum) {
    const Gradient *gradient = user;
    for (uint32_t i = 0; i < bucket->piece_count; i++) {
        const BucketPiece *piece = &gradient->buckets.pieces[bucket->first_piece + i];
        const int nodes = nodes_collect(gradient);
        for (int node = 0; node < nodes; node++)
            gradient->nodes[node].sum += piece->first;
        tree_block_sum(gradient->nodes, nodes, sum, 0, piece->count);
        sum += piece->count;
    }
}

static void bucket_put(void *user, const Bucket *bucket, const float *sum) {
    const Gradient *gradient = user;
    float *whole = worker_first_output(&gradient->parts[0].worker, 0);
    for (uint32_t i = 0; i < bucket->piece_count; i++) {
        const BucketPiece *piece = &gradient->buckets.pieces[bucket->first_piece + i];
        memcpy(whole + piece->first, sum, (size_t)piece->count * sizeof *sum);
        sum += piece->count;
    }
}

/* --- memory --- */

int64_t gradient_bytes(const Program *program, int threads) {
    const PlanFunction *function = plan_function(program->plan, "grad");
    const PlanFunction *adding = adding_function(program);
    int64_t chunks = program->experiment->train.chunks, buffers = 0, bytes = 0;
    int parts = worker_count(program->experiment->train.chunks, threads);
    for (int i = 0; i < parts; i++)
        buffers += tree_depth(chunks * i / parts, chunks * (i + 1) / parts, adding != NULL);
    if (function)
        bytes += buffers * worker_copy_bytes(function);
    if (adding)
        bytes += parts * adding_bytes(adding);
    return bytes + parts * chunk_bytes(program->experiment);
}

/* Only f32 is summed. */
static bool outputs_fit(const PlanFunction *function, RunError *error) {
    for (uint32_t i = 0; i < function->output_count; i++)
        if (function->outputs[i].type != PLAN_F32)
            return run_fail(error, EXIT_INPUT, "the program's %s is not in f32",
                            function->outputs[i].name);
    int64_t loss = plan_find_output(function, "loss");
    return (loss >= 0 && function->outputs[loss].elements == 1) ||
           run_fail(error, EXIT_INPUT, "the program's function grad gives no loss");
}

static bool parts_create(Gradient *gradient, const Model *model, RunError *error) {
    const int64_t chunks = gradient->last - gradient->first;
    for (int i = 0; i < gradient->part_count; i++) {
        Part *part = &gradient->parts[i];
        part->gradient = gradient;
        part->number = i;
        part->first = gradient->first + chunks * i / gradient->part_count;
        part->last = gradient->first + chunks * (i + 1) / gradient->part_count;
        if (!part_create(part, model, error))
            return false;
    }
    return true;
}

static bool gradient_prepare(Gradient *gradient, const Model *model, RunError *error) {
    const PlanFunction *function = gradient->function;
    if (!function)
        return run_fail(error, EXIT_INPUT, "the program has no function grad");
    if (!outputs_fit(function, error))
        return false;
    gradient->loss = plan_find_output(function, "loss");
    gradient->offsets = calloc(function->output_count + 1, sizeof *gradient->offsets);
    gradient->parts = calloc((size_t)gradient->part_count, sizeof *gradient->parts);
    gradient->nodes = calloc((size_t)(gradient->last - gradient->first), sizeof *gradient->nodes);
    if (!gradient->offsets || !gradient->parts || !gradient->nodes)
        return run_no_memory(error, "the gradients");
    if (!parts_create(gradient, model, error))
        return false;
    const Worker *first = &gradient->parts[0].worker;
    for (uint32_t i = 0; i < function->output_count; i++)
        gradient->offsets[i] = (char *)worker_first_output(first, i) - first->outputs.bytes;
    return true;
}

static bool sum_prepare(Gradient *gradient, Ranks *ranks, RunError *error) {
    if (ranks_count(ranks) == 1)
        return true;
    if (!buckets_create(&gradient->buckets, gradient->function, gradient->adding, gradient->offsets,
                        error))
        return false;
    const RankSumPlaces places = {bucket_take, bucket_put, gradient};
    gradient->ranks =
        rank_sum_create(ranks, &gradient->buckets, gradient->part_count, &places, error);
    return gradient->ranks != NULL;
}

/* Those of each rank. */
static int64_t chunks_of(const Program *program, const Ranks *ranks) {
    return program->experiment->train.chunks / ranks_count(ranks);
}

ExecutorMode gradient_mode(const Program *program, const Ranks *ranks, int threads) {
    return worker_mode(chunks_of(program, ranks), threads);
}

Gradient *gradient_create(const Program *program, const Model *model, Executor *executor,
                          Ranks *ranks, RunError *error) {
    Gradient *gradient = calloc(1, sizeof *gradient);
    if (!gradient) {
        run_no_memory(error, "the gradients");
        return NULL;
    }
    const int threads = executor_threads(executor);
    const int64_t chunks = chunks_of(program, ranks);
    *gradient = (Gradient){
        .function = plan_function(program->plan, "grad"),
        .adding = adding_function(program),
        .executor = executor,
        .mode = gradient_mode(program, ranks, threads),
        .first = chunks * ranks_number(ranks),
        .last = chunks * (ranks_number(ranks) + 1),
        .part_count = worker_count(chunks, threads),
    };
    if (gradient_prepare(gradient, model, error) && sum_prepare(gradient, ranks, error))
        return gradient;
    gradient_free(gradient);
    return NULL;
}

void gradient_free(Gradient *gradient) {
    if (!gradient)
        return;
    rank_sum_free(gradient->ranks);
    buckets_free(&gradient->buckets);
    for (int i = 0; gradient->parts && i < gradient->part_count; i++) {
        part_free(&gradient->parts[i]);
    }
    free(gradient->parts);
    free(gradient->nodes);
    free(gradient->offsets);
    free(gradient);
}

/* --- the sum of all --- */

/* Adds what the parts hold; whether all of it is finite. */
static bool parts_sum(const Gradient *gradient) {
    const int nodes = nodes_collect(gradient);
    int wrong = 0;
    float *sum = worker_first_output(&gradient->parts[0].worker, 0);
    int64_t count = part_floats(gradient);
    Profile *profile = executor_profile(gradient->executor);
    uint32_t line = profile_enter(profile, PROFILE_SUM);
#pragma omp parallel num_threads(executor_threads(gradient->executor)) reduction(| : wrong)
    {
        profile_enter(profile, PROFILE_SUM);
        int64_t share = omp_get_thread_num(), shares = omp_get_num_threads();
        uint64_t before = float_mode_flush();
        wrong |= !tree_block_sum(gradient->nodes, nodes, sum, count * share / shares,
                                 count * (share + 1) / shares);
        float_mode_restore(before);
        profile_enter(profile, PROFILE_WAITING);
    }
    profile_enter(profile, line);
    return !wrong;
}

static bool ranks_sum(const Gradient *gradient) {
    Profile *profile = executor_profile(gradient->executor);
    uint32_t line = profile_enter(profile, PROFILE_RANKS);
    const bool finite = rank_sum_end(gradient->ranks);
    profile_enter(profile, line);
    return finite;
}

/* --- a step --- */

bool gradient_compute(Gradient *gradient, ChunkFill *fill, void *user) {
    gradient->fill = fill;
    gradient->user = user;
    if (gradient->ranks)
        rank_sum_begin(gradient->ranks);
    if (gradient->mode == EXECUTOR_TEAM) {
        part_run_team(&gradient->parts[0]);
    } else {
        int parts = gradient->part_count;
        Profile *profile = executor_profile(gradient->executor);
        uint32_t line = profile_enter(profile, PROFILE_EXECUTOR);
#pragma omp parallel num_threads(parts)
        {
            for (int i = omp_get_thread_num(); i < parts; i += omp_get_num_threads())
                part_run_alone(&gradient->parts[i]);
            profile_enter(profile, PROFILE_WAITING);
        }
        profile_enter(profile, line);
    }
    return gradient->ranks ? ranks_sum(gradient) : parts_sum(gradient);
}

float gradient_loss(const Gradient *gradient) {
    return *(const float *)worker_first_output(&gradient->parts[0].worker, gradient->loss);
}

bool gradient_slots(const Gradient *gradient, Slots *slots) {
    for (uint32_t i = 0; i < gradient->function->output_count; i++) {
        const PlanBinding *output = &gradient->function->outputs[i];
        if (i != (uint32_t)gradient->loss &&
            !slots_add(slots, output->name, output->type, output->elements,
                       worker_first_output(&gradient->parts[0].worker, i)))
            return false;
    }
    return true;
}

void gradient_watch(Gradient *gradient, int64_t number, ChunkFill *fill, void *user,
                    ExecutorWatch *watch, void *watcher) {
    Part *part = &gradient->parts[0];
    gradient->fill = fill;
    gradient->user = user;
    part->stack.depth = 0;
    const Bound *bound = part_begin(part, number);
    executor_run_watched(gradient->executor, bound->function, bound->function->step_count,
                         bound->inputs, bound->outputs, watch, watcher);
}
