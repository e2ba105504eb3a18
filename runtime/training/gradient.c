/* The outputs of `grad` (the loss, then the gradients) lie one after another in one buffer, the
 * same layout in every buffer, so that nodes of the tree are added by loops over floats. Buffer i
 * of a worker holds the node at depth i of its stack. A worker merges as it goes on, to need few
 * buffers; what all of them hold at the end is summed block by block, each block through the rest
 * of the tree and the search for what is not finite while it is in cache. The batch's sum ends in
 * buffer 0 of worker 0. */
#include "runtime/training/gradient.h"

#include "runtime/execution/float_mode.h"
#include "runtime/model/worker.h"
#include "runtime/training/adding.h"
#include "runtime/training/tree_block.h"

#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>

typedef struct Part {
    Gradient *gradient;
    Worker worker;       /* of `grad`, with `depth` copies of its outputs: the buffers */
    Adding adding;       /* where the program has it */
    int64_t first, last; /* its chunks */
    TreeStack stack;
} Part;

struct Gradient {
    const PlanFunction *function;
    const PlanFunction *adding; /* `grad_add`; NULL: none */
    Executor *executor;
    ExecutorMode mode;
    int64_t chunks;
    int64_t *offsets; /* by output of `grad` */
    int64_t loss;     /* which output it is */
    int part_count;
    Part *parts;
    TreeNode *nodes; /* of all parts, from left to right: room for them */
    ChunkFill *fill; /* of the call under way */
    void *user;
};

/* --- memory --- */

int64_t gradient_bytes(const Program *program, int threads) {
    const PlanFunction *function = plan_function(program->plan, "grad");
    const PlanFunction *adding = adding_function(program);
    int64_t chunks = program->experiment->train.chunks, buffers = 0, bytes = 0;
    int parts = worker_count(program->experiment, threads);
    for (int i = 0; i < parts; i++)
        buffers += tree_depth(chunks * i / parts, chunks * (i + 1) / parts, adding != NULL);
    if (function)
        bytes += buffers * worker_copy_bytes(function);
    if (adding)
        bytes += parts * adding_bytes(adding);
    return bytes + parts * chunk_bytes(program->experiment);
}

static bool part_create(Part *part, const Model *model, RunError *error) {
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

static bool gradient_prepare(Gradient *gradient, const Model *model, RunError *error) {
    const PlanFunction *function = gradient->function;
    if (!function)
        return run_fail(error, EXIT_INPUT, "the program has no function grad");
    if (!outputs_fit(function, error))
        return false;
    gradient->loss = plan_find_output(function, "loss");
    gradient->offsets = calloc(function->output_count + 1, sizeof *gradient->offsets);
    gradient->parts = calloc((size_t)gradient->part_count, sizeof *gradient->parts);
    gradient->nodes = calloc((size_t)gradient->chunks, sizeof *gradient->nodes);
    if (!gradient->offsets || !gradient->parts || !gradient->nodes)
        return run_no_memory(error, "the gradients");
    for (int i = 0; i < gradient->part_count; i++) {
        Part *part = &gradient->parts[i];
        part->gradient = gradient;
        part->first = gradient->chunks * i / gradient->part_count;
        part->last = gradient->chunks * (i + 1) / gradient->part_count;
        if (!part_create(part, model, error))
            return false;
    }
    const Worker *first = &gradient->parts[0].worker;
    for (uint32_t i = 0; i < function->output_count; i++)
        gradient->offsets[i] = (char *)worker_first_output(first, i) - first->outputs.bytes;
    return true;
}

Gradient *gradient_create(const Program *program, const Model *model, Executor *executor,
                          RunError *error) {
    Gradient *gradient = calloc(1, sizeof *gradient);
    if (!gradient) {
        run_no_memory(error, "the gradients");
        return NULL;
    }
    int threads = executor_threads(executor);
    *gradient = (Gradient){
        .function = plan_function(program->plan, "grad"),
        .adding = adding_function(program),
        .executor = executor,
        .mode = worker_mode(program->experiment, threads),
        .chunks = program->experiment->train.chunks,
        .part_count = worker_count(program->experiment, threads),
    };
    if (gradient_prepare(gradient, model, error))
        return gradient;
    gradient_free(gradient);
    return NULL;
}

void gradient_free(Gradient *gradient) {
    if (!gradient)
        return;
    for (int i = 0; gradient->parts && i < gradient->part_count; i++) {
        worker_free(&gradient->parts[i].worker);
        adding_free(&gradient->parts[i].adding);
    }
    free(gradient->parts);
    free(gradient->nodes);
    free(gradient->offsets);
    free(gradient);
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

/* Fills the part's chunk. What is to be run makes it the new top of the stack. */
static const Bound *part_begin(Part *part, int64_t number) {
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

static int64_t float_count(const Gradient *gradient) {
    return worker_copy_bytes(gradient->function) / (int64_t)sizeof(float);
}

/* Adds the top of a stack to the node below it: this thread's share of the floats. */
static void add_top(const Part *part, int share, int shares) {
    const TreeNode *top = &part->stack.nodes[part->stack.depth - 1];
    int64_t count = float_count(part->gradient), first = count * share / shares;
    tree_block_add(top[-1].sum + first, top->sum + first, count * (share + 1) / shares - first);
}

/* Computes one chunk; `worker` alone, or the team where it is -1. */
static void part_run_chunk(Part *part, int64_t number, int worker) {
    const Gradient *gradient = part->gradient;
    bool adds = part_adds(part, number);
    const Bound *bound = adds ? part_begin_adding(part, number) : part_begin(part, number);
    if (worker < 0)
        executor_run(gradient->executor, bound->function, bound->inputs, bound->outputs);
    else
        executor_run_alone(gradient->executor, worker, bound->function, bound->inputs,
                           bound->outputs);
    if (adds)
        adding_settle(&part->adding, top_of(part), gradient->offsets);
}

static void part_run_alone(Part *part, int worker) {
    Profile *profile = executor_profile(part->gradient->executor);
    uint32_t line = profile_enter(profile, PROFILE_EXECUTOR);
    uint64_t before = float_mode_flush();
    part->stack.depth = 0;
    for (int64_t number = part->first; number < part->last; number++) {
        profile_enter(profile, PROFILE_SUM);
        for (; tree_can_merge(&part->stack); tree_merge(&part->stack))
            add_top(part, 0, 1);
        profile_enter(profile, PROFILE_EXECUTOR);
        part_run_chunk(part, number, worker);
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

static void part_run_team(Part *part) {
    part->stack.depth = 0;
    for (int64_t number = part->first; number < part->last; number++) {
        while (tree_can_merge(&part->stack))
            merge_by_team(part);
        part_run_chunk(part, number, -1);
    }
}

/* --- the sum of all --- */

/* Adds what the parts hold; whether all of it is finite. */
static bool parts_sum(Gradient *gradient) {
    int nodes = 0, wrong = 0;
    for (int i = 0; i < gradient->part_count; i++) {
        const TreeStack *stack = &gradient->parts[i].stack;
        memcpy(gradient->nodes + nodes, stack->nodes, (size_t)stack->depth * sizeof(TreeNode));
        nodes += stack->depth;
    }
    float *sum = worker_first_output(&gradient->parts[0].worker, 0);
    int64_t count = float_count(gradient);
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

bool gradient_compute(Gradient *gradient, ChunkFill *fill, void *user) {
    gradient->fill = fill;
    gradient->user = user;
    if (gradient->mode == EXECUTOR_TEAM) {
        part_run_team(&gradient->parts[0]);
    } else {
        int parts = gradient->part_count;
        Profile *profile = executor_profile(gradient->executor);
        uint32_t line = profile_enter(profile, PROFILE_EXECUTOR);
#pragma omp parallel num_threads(parts)
        {
            for (int i = omp_get_thread_num(); i < parts; i += omp_get_num_threads())
                part_run_alone(&gradient->parts[i], i);
            profile_enter(profile, PROFILE_WAITING);
        }
        profile_enter(profile, line);
    }
    return parts_sum(gradient);
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
