#include "runtime/evaluate.h"

#include "runtime/gradient.h"

#include <math.h>
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One worker's inputs and outputs. */
typedef struct Part {
    Chunk chunk;
    PageBlock outputs;
    Bound bound;
} Part;

struct Evaluator {
    const Program *program;
    const PlanFunction *function;
    Executor *executor;
    ExecutorMode mode;
    const DataSet *data;
    int64_t loss;     /* which output */
    int64_t *metrics; /* by metric of the experiment: which output */
    double *means;    /* [metric_count] */
    int part_count;
    Part *parts;
    /* of the run under way */
    const DataImages *images;
    int32_t draw;
    float *figures; /* [1 + metric_count, images] */
};

static int64_t outputs_bytes(const PlanFunction *function) {
    int64_t bytes = 0;
    for (uint32_t i = 0; i < function->output_count; i++)
        bytes += block_aligned(function->outputs[i].elements *
                               (int64_t)plan_type_size(function->outputs[i].type));
    return bytes;
}

int64_t evaluation_bytes(const Program *program, int threads) {
    const PlanFunction *function = plan_function(program->plan, "eval");
    int64_t part = chunk_bytes(program->experiment) + (function ? outputs_bytes(function) : 0);
    return part * gradient_workers(program->experiment, threads);
}

/* --- life --- */

/* The output of that name, which must have a figure an image. */
static bool figure_find(const Evaluator *evaluator, const char *name, int64_t *output,
                        RunError *error) {
    const PlanFunction *function = evaluator->function;
    *output = plan_find_output(function, name);
    return (*output >= 0 && function->outputs[*output].type == PLAN_F32 &&
            function->outputs[*output].elements == chunk_size(evaluator->program->experiment)) ||
           run_fail(error, EXIT_INPUT, "the program's function eval gives no %s an image", name);
}

static bool figures_find(Evaluator *evaluator, RunError *error) {
    const Experiment *experiment = evaluator->program->experiment;
    if (!evaluator->function)
        return run_fail(error, EXIT_INPUT, "the program has no function eval");
    if (!figure_find(evaluator, "loss", &evaluator->loss, error))
        return false;
    for (uint32_t i = 0; i < experiment->metric_count; i++) {
        char name[256];
        snprintf(name, sizeof name, "metric.%s", experiment->metrics[i]);
        if (!figure_find(evaluator, name, &evaluator->metrics[i], error))
            return false;
    }
    return true;
}

static bool part_create(const Evaluator *evaluator, Part *part, const Model *model,
                        RunError *error) {
    const PlanFunction *function = evaluator->function;
    if (!chunk_create(&part->chunk, evaluator->program->experiment, error))
        return false;
    Slots inputs = {0}, outputs = {0};
    bool made = block_create(&part->outputs, outputs_bytes(function)) &&
                chunk_slots(&part->chunk, &inputs) && model_slots(model, &inputs);
    char *place = part->outputs.bytes;
    for (uint32_t i = 0; i < function->output_count && made; i++) {
        const PlanBinding *output = &function->outputs[i];
        made = slots_add(&outputs, output->name, output->type, output->elements, place);
        place += block_aligned(output->elements * (int64_t)plan_type_size(output->type));
    }
    made = made ? bound_create(&part->bound, function, &inputs, &outputs, error)
                : run_no_memory(error, "evaluation");
    slots_free(&inputs);
    slots_free(&outputs);
    return made;
}

static bool evaluator_prepare(Evaluator *evaluator, const Model *model, RunError *error) {
    uint32_t metrics = evaluator->program->experiment->metric_count;
    evaluator->metrics = calloc(metrics + 1, sizeof *evaluator->metrics);
    evaluator->means = calloc(metrics + 1, sizeof *evaluator->means);
    evaluator->parts = calloc((size_t)evaluator->part_count, sizeof *evaluator->parts);
    if (!evaluator->metrics || !evaluator->means || !evaluator->parts)
        return run_no_memory(error, "evaluation");
    if (!figures_find(evaluator, error))
        return false;
    for (int i = 0; i < evaluator->part_count; i++)
        if (!part_create(evaluator, &evaluator->parts[i], model, error))
            return false;
    return true;
}

Evaluator *evaluation_create(const Program *program, const Model *model, Executor *executor,
                             const DataSet *data, RunError *error) {
    Evaluator *evaluator = calloc(1, sizeof *evaluator);
    if (!evaluator) {
        run_no_memory(error, "evaluation");
        return NULL;
    }
    int threads = executor_threads(executor);
    *evaluator = (Evaluator){
        .program = program,
        .function = plan_function(program->plan, "eval"),
        .executor = executor,
        .mode = gradient_mode(program->experiment, threads),
        .data = data,
        .part_count = gradient_workers(program->experiment, threads),
    };
    if (evaluator_prepare(evaluator, model, error))
        return evaluator;
    evaluation_free(evaluator);
    return NULL;
}

void evaluation_free(Evaluator *evaluator) {
    if (!evaluator)
        return;
    for (int i = 0; evaluator->parts && i < evaluator->part_count; i++) {
        chunk_free(&evaluator->parts[i].chunk);
        block_free(&evaluator->parts[i].outputs);
        bound_free(&evaluator->parts[i].bound);
    }
    free(evaluator->parts);
    free(evaluator->metrics);
    free(evaluator->means);
    free(evaluator->figures);
    free(evaluator);
}

/* --- running --- */

/* The chunk's images; the last chunk is filled up with the split's last image. */
static void chunk_fill(const Evaluator *evaluator, Chunk *chunk, int64_t number) {
    int64_t last = evaluator->images->count - 1;
    for (int64_t i = 0; i < chunk->size; i++) {
        int64_t at = number * chunk->size + i;
        chunk->image[i] = evaluator->images->images[at < last ? at : last];
        chunk->weight[i] = at <= last ? 1 : 0;
    }
    *chunk->step = 0;
    *chunk->draw = evaluator->draw;
    chunk_read(chunk, evaluator->data, NULL, 0);
}

static void figures_take(Evaluator *evaluator, const Part *part, int64_t number) {
    int64_t first = number * part->chunk.size, total = evaluator->images->count;
    int64_t count = total - first < part->chunk.size ? total - first : part->chunk.size;
    size_t bytes = (size_t)count * sizeof(float);
    memcpy(evaluator->figures + first, part->bound.outputs[evaluator->loss], bytes);
    for (uint32_t i = 0; i < evaluator->program->experiment->metric_count; i++)
        memcpy(evaluator->figures + (i + 1) * total + first,
               part->bound.outputs[evaluator->metrics[i]], bytes);
}

static void chunks_run(Evaluator *evaluator, int64_t chunks) {
    int parts = evaluator->part_count;
    if (evaluator->mode == EXECUTOR_TEAM) {
        Part *part = &evaluator->parts[0];
        for (int64_t number = 0; number < chunks; number++) {
            chunk_fill(evaluator, &part->chunk, number);
            executor_run(evaluator->executor, evaluator->function, part->bound.inputs,
                         part->bound.outputs);
            figures_take(evaluator, part, number);
        }
        return;
    }
#pragma omp parallel num_threads(parts)
    for (int i = omp_get_thread_num(); i < parts; i += omp_get_num_threads()) {
        Part *part = &evaluator->parts[i];
        for (int64_t number = chunks * i / parts; number < chunks * (i + 1) / parts; number++) {
            chunk_fill(evaluator, &part->chunk, number);
            executor_run_alone(evaluator->executor, i, evaluator->function, part->bound.inputs,
                               part->bound.outputs);
            figures_take(evaluator, part, number);
        }
    }
}

static double mean(const float *values, int64_t count) {
    double sum = 0;
    for (int64_t i = 0; i < count; i++)
        sum += values[i];
    return count ? sum / (double)count : NAN;
}

bool evaluation_run(Evaluator *evaluator, DataSplit split, int32_t draw, Evaluation *evaluation,
                    RunError *error) {
    const uint32_t metrics = evaluator->program->experiment->metric_count;
    const int64_t size = chunk_size(evaluator->program->experiment);
    const int64_t count = evaluator->data->splits[split].count;
    evaluator->images = &evaluator->data->splits[split];
    evaluator->draw = draw;
    free(evaluator->figures);
    evaluator->figures = calloc((size_t)count * (metrics + 1) + 1, sizeof *evaluator->figures);
    if (!evaluator->figures)
        return run_no_memory(error, "evaluation");
    chunks_run(evaluator, (count + size - 1) / size);
    *evaluation = (Evaluation){count, mean(evaluator->figures, count), evaluator->means};
    for (uint32_t i = 0; i < metrics; i++)
        evaluator->means[i] = mean(evaluator->figures + (i + 1) * count, count);
    return true;
}
