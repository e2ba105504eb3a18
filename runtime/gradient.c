/* The outputs of `grad` (the loss, then the gradients) lie one after another in one buffer, the
 * same layout in every buffer, so that a node of the tree is added to another by one loop over
 * floats. Buffer i of a worker holds the node at depth i of its stack; the batch's sum ends in
 * buffer 0 of worker 0. */
#include "runtime/gradient.h"

#include "runtime/float_mode.h"
#include "runtime/tree_sum.h"
#include "runtime/worker.h"

#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>

typedef struct Part {
    Gradient *gradient;
    Worker worker;       /* with `depth` copies of the outputs: the buffers */
    int64_t first, last; /* its chunks */
    TreeStack stack;
} Part;

struct Gradient {
    const PlanFunction *function;
    Executor *executor;
    ExecutorMode mode;
    int64_t chunks;
    int64_t loss; /* which output it is */
    int part_count;
    Part *parts;
    ChunkFill *fill; /* of the call under way */
    void *user;
};

ExecutorMode gradient_mode(const Experiment *experiment, int threads) {
    return experiment->train.chunks >= threads ? EXECUTOR_ALONE : EXECUTOR_TEAM;
}

int gradient_workers(const Experiment *experiment, int threads) {
    return gradient_mode(experiment, threads) == EXECUTOR_ALONE ? threads : 1;
}

/* --- memory --- */

int64_t gradient_bytes(const Program *program, int threads) {
    const PlanFunction *function = plan_function(program->plan, "grad");
    int64_t chunks = program->experiment->train.chunks, bytes = 0;
    int parts = gradient_workers(program->experiment, threads);
    for (int i = 0; i < parts && function; i++)
        bytes +=
            tree_depth(chunks * i / parts, chunks * (i + 1) / parts) * worker_copy_bytes(function);
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

static bool gradient_prepare(Gradient *gradient, const Model *model, RunError *error) {
    const PlanFunction *function = gradient->function;
    if (!function)
        return run_fail(error, EXIT_INPUT, "the program has no function grad");
    if (!outputs_fit(function, error))
        return false;
    gradient->loss = plan_find_output(function, "loss");
    gradient->parts = calloc((size_t)gradient->part_count, sizeof *gradient->parts);
    if (!gradient->parts)
        return run_no_memory(error, "the gradients");
    for (int i = 0; i < gradient->part_count; i++) {
        Part *part = &gradient->parts[i];
        part->gradient = gradient;
        part->first = gradient->chunks * i / gradient->part_count;
        part->last = gradient->chunks * (i + 1) / gradient->part_count;
        if (!worker_create(&part->worker, function, model, tree_depth(part->first, part->last),
                           error))
            return false;
    }
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
        .executor = executor,
        .mode = gradient_mode(program->experiment, threads),
        .chunks = program->experiment->train.chunks,
        .part_count = gradient_workers(program->experiment, threads),
    };
    if (gradient_prepare(gradient, model, error))
        return gradient;
    gradient_free(gradient);
    return NULL;
}

void gradient_free(Gradient *gradient) {
    if (!gradient)
        return;
    for (int i = 0; gradient->parts && i < gradient->part_count; i++)
        worker_free(&gradient->parts[i].worker);
    free(gradient->parts);
    free(gradient);
}

/* --- summing --- */

/* sum[i] += other[i] for this thread's share of the floats. */
static void add_share(float *restrict sum, const float *restrict other, int64_t count, int share,
                      int shares) {
    int64_t first = count * share / shares, last = count * (share + 1) / shares;
    for (int64_t i = first; i < last; i++)
        sum[i] += other[i];
}

static int64_t float_count(const Gradient *gradient) {
    return worker_copy_bytes(gradient->function) / (int64_t)sizeof(float);
}

/* Adds the top of a stack to the node below it, by the whole team. */
static void add_top(const Gradient *gradient, const TreeStack *stack) {
    const TreeNode *top = &stack->nodes[stack->depth - 1], *below = top - 1;
#pragma omp parallel num_threads(executor_threads(gradient->executor))
    {
        uint64_t before = float_mode_flush();
        add_share(below->sum, top->sum, float_count(gradient), omp_get_thread_num(),
                  omp_get_num_threads());
        float_mode_restore(before);
    }
}

/* --- chunks --- */

/* Fills the part's chunk and sets the outputs to the buffer on top of its stack. */
static void part_begin(Part *part, int64_t number) {
    const Gradient *gradient = part->gradient;
    gradient->fill(gradient->user, number, &part->worker.chunk);
    char *buffer = worker_use_copy(&part->worker, part->stack.depth);
    tree_push(&part->stack, (TreeNode){0, number, (float *)(void *)buffer});
}

static void part_run_alone(Part *part, int worker) {
    const Gradient *gradient = part->gradient;
    uint64_t before = float_mode_flush();
    part->stack.depth = 0;
    for (int64_t number = part->first; number < part->last; number++) {
        part_begin(part, number);
        executor_run_alone(gradient->executor, worker, part->worker.bound.function,
                           part->worker.bound.inputs, part->worker.bound.outputs);
        while (tree_can_merge(&part->stack)) {
            const TreeNode *top = &part->stack.nodes[part->stack.depth - 1];
            add_share(top[-1].sum, top->sum, float_count(gradient), 0, 1);
            tree_merge(&part->stack);
        }
    }
    float_mode_restore(before);
}

static void part_run_team(Part *part) {
    const Gradient *gradient = part->gradient;
    part->stack.depth = 0;
    for (int64_t number = part->first; number < part->last; number++) {
        part_begin(part, number);
        executor_run(gradient->executor, part->worker.bound.function, part->worker.bound.inputs,
                     part->worker.bound.outputs);
        while (tree_can_merge(&part->stack)) {
            add_top(gradient, &part->stack);
            tree_merge(&part->stack);
        }
    }
}

/* Merges the parts' stacks; at the end what is left over is added from the right. */
static void parts_merge(const Gradient *gradient) {
    TreeStack stack = {0};
    for (int i = 0; i < gradient->part_count; i++)
        for (int node = 0; node < gradient->parts[i].stack.depth; node++) {
            tree_push(&stack, gradient->parts[i].stack.nodes[node]);
            while (tree_can_merge(&stack)) {
                add_top(gradient, &stack);
                tree_merge(&stack);
            }
        }
    while (stack.depth > 1) {
        add_top(gradient, &stack);
        stack.depth--;
    }
}

static const float *sum_of(const Gradient *gradient, int64_t output) {
    return worker_first_output(&gradient->parts[0].worker, output);
}

/* x - x is 0 for every finite x, and NaN for all others. */
static bool sum_is_finite(const Gradient *gradient) {
    const float *sum = sum_of(gradient, 0);
    int64_t count = float_count(gradient);
    int wrong = 0;
#pragma omp parallel for num_threads(executor_threads(gradient->executor)) reduction(| : wrong)
    for (int64_t i = 0; i < count; i++)
        wrong |= !(sum[i] - sum[i] == 0);
    return !wrong;
}

bool gradient_compute(Gradient *gradient, ChunkFill *fill, void *user) {
    gradient->fill = fill;
    gradient->user = user;
    if (gradient->mode == EXECUTOR_TEAM) {
        part_run_team(&gradient->parts[0]);
    } else {
        int parts = gradient->part_count;
#pragma omp parallel num_threads(parts)
        for (int i = omp_get_thread_num(); i < parts; i += omp_get_num_threads())
            part_run_alone(&gradient->parts[i], i);
    }
    parts_merge(gradient);
    return sum_is_finite(gradient);
}

float gradient_loss(const Gradient *gradient) { return *sum_of(gradient, gradient->loss); }

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
    part_begin(part, number);
    executor_run_watched(gradient->executor, part->worker.bound.function, part->worker.bound.inputs,
                         part->worker.bound.outputs, watch, watcher);
}
