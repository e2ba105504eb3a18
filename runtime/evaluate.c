#include "runtime/evaluate.h"

#include "runtime/block.h"
#include "runtime/executor.h"

#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What one thread fills and reads: a chunk of images. */
typedef struct Lane {
    int32_t *tokens, *labels, *images;
    void **inputs, **outputs;
    float *results; /* an output after the other, each `chunk` floats from a multiple of
                       PLAN_ALIGNMENT */
} Lane;

struct Evaluator {
    const Program *program;
    const PlanFunction *eval;
    const DataSet *data;
    int threads;
    int64_t chunk;
    Executor *executor;
    Lane *lanes;
    int32_t seed, step, draw;
};

static int64_t output_bytes(const PlanFunction *eval, uint32_t output) {
    return block_aligned(eval->outputs[output].elements *
                         (int64_t)plan_type_size(eval->outputs[output].type));
}

static int64_t lane_result_bytes(const PlanFunction *eval) {
    int64_t bytes = 0;
    for (uint32_t i = 0; i < eval->output_count; i++)
        bytes += output_bytes(eval, i);
    return bytes;
}

int64_t evaluation_bytes(const Program *program, int threads) {
    ExecutorUse use = {plan_function(program->plan, "eval"), EXECUTOR_ALONE};
    int64_t results = use.function ? lane_result_bytes(use.function) : 0;
    return executor_bytes(program->plan, threads, &use, 1) + threads * results;
}

static void *aligned_zeros(int64_t bytes) {
    int64_t padded = block_aligned(bytes ? bytes : 1);
    void *memory = aligned_alloc(PLAN_ALIGNMENT, (size_t)padded);
    return memory ? memset(memory, 0, (size_t)padded) : NULL;
}

static bool lane_create(const Evaluator *evaluator, Lane *lane) {
    const PlanFunction *eval = evaluator->eval;
    int64_t integers = evaluator->chunk * (int64_t)sizeof(int32_t);
    lane->tokens = aligned_zeros(integers * evaluator->data->positions);
    lane->labels = aligned_zeros(integers);
    lane->images = aligned_zeros(integers);
    lane->results = aligned_zeros(lane_result_bytes(eval));
    lane->inputs = calloc(eval->input_count + 1, sizeof *lane->inputs);
    lane->outputs = calloc(eval->output_count + 1, sizeof *lane->outputs);
    return lane->tokens && lane->labels && lane->images && lane->results && lane->inputs &&
           lane->outputs;
}

Evaluator *evaluation_create(const Program *program, const DataSet *data, int threads,
                             RunError *error) {
    Evaluator *evaluator = calloc(1, sizeof *evaluator);
    const TrainSettings *train = &program->experiment->train;
    if (!evaluator) {
        run_no_memory(error, "the evaluation");
        return NULL;
    }
    *evaluator = (Evaluator){
        .program = program,
        .eval = plan_function(program->plan, "eval"),
        .data = data,
        .threads = threads,
        .chunk = train->batch / train->chunks,
    };
    ExecutorUse use = {evaluator->eval, EXECUTOR_ALONE};
    if (!evaluator->eval) {
        run_fail(error, EXIT_INPUT, "this program has no evaluation");
        evaluation_free(evaluator);
        return NULL;
    }
    evaluator->executor = executor_create(program, threads, &use, 1);
    evaluator->lanes = calloc((size_t)threads, sizeof *evaluator->lanes);
    bool made = evaluator->executor && evaluator->lanes;
    for (int i = 0; made && i < threads; i++)
        made = lane_create(evaluator, &evaluator->lanes[i]);
    if (made)
        return evaluator;
    run_no_memory(error, "the evaluation");
    evaluation_free(evaluator);
    return NULL;
}

void evaluation_free(Evaluator *evaluator) {
    if (!evaluator)
        return;
    for (int i = 0; evaluator->lanes && i < evaluator->threads; i++) {
        Lane *lane = &evaluator->lanes[i];
        free(lane->tokens);
        free(lane->labels);
        free(lane->images);
        free(lane->results);
        free(lane->inputs);
        free(lane->outputs);
    }
    free(evaluator->lanes);
    executor_free(evaluator->executor);
    free(evaluator);
}

/* --- running --- */

static void *eval_input(Evaluator *evaluator, Lane *lane, float *const *parameters,
                        const char *name) {
    const Experiment *experiment = evaluator->program->experiment;
    if (strcmp(name, "tokens") == 0)
        return lane->tokens;
    if (strcmp(name, "label") == 0)
        return lane->labels;
    if (strcmp(name, "$image") == 0)
        return lane->images;
    if (strcmp(name, "$seed") == 0)
        return &evaluator->seed;
    if (strcmp(name, "$step") == 0)
        return &evaluator->step;
    if (strcmp(name, "$draw") == 0)
        return &evaluator->draw;
    for (uint32_t i = 0; i < experiment->parameter_count; i++)
        if (strcmp(experiment->parameters[i].path, name) == 0)
            return parameters[i];
    return NULL;
}

static void lane_bind(Evaluator *evaluator, Lane *lane, float *const *parameters) {
    const PlanFunction *eval = evaluator->eval;
    char *result = (char *)lane->results;
    for (uint32_t i = 0; i < eval->input_count; i++)
        lane->inputs[i] = eval_input(evaluator, lane, parameters, eval->inputs[i].name);
    for (uint32_t i = 0; i < eval->output_count; i++) {
        lane->outputs[i] = result;
        result += output_bytes(eval, i);
    }
}

/* Images of chunk `number` of the list, the last one repeated to fill it. */
static int64_t lane_fill(const Evaluator *evaluator, Lane *lane, const DataImages *list,
                         int64_t number) {
    int64_t first = number * evaluator->chunk, count = list->count - first;
    if (count > evaluator->chunk)
        count = evaluator->chunk;
    for (int64_t i = 0; i < evaluator->chunk; i++)
        lane->images[i] = list->images[first + (i < count ? i : count - 1)];
    data_batch(evaluator->data, NULL, 0, lane->images, evaluator->chunk, lane->tokens,
               lane->labels);
    return count;
}

/* The outputs that are one number an image: loss, then the metrics in the Experiment's order. */
static uint32_t figures_of(const Evaluator *evaluator,
                           int64_t figures[1 + EVALUATION_MAX_METRICS]) {
    const Experiment *experiment = evaluator->program->experiment;
    uint32_t count = 0;
    figures[count++] = plan_find_output(evaluator->eval, "loss");
    for (uint32_t i = 0; i < experiment->metric_count && i < EVALUATION_MAX_METRICS; i++) {
        char name[256];
        snprintf(name, sizeof name, "metric.%s", experiment->metrics[i]);
        figures[count++] = plan_find_output(evaluator->eval, name);
    }
    return count;
}

/* values[figure * list->count + image] */
static void evaluate_images(Evaluator *evaluator, float *const *parameters, const DataImages *list,
                            const int64_t *figures, uint32_t figure_count, float *values) {
    int64_t chunks = (list->count + evaluator->chunk - 1) / evaluator->chunk;
#pragma omp parallel for num_threads(evaluator->threads) schedule(static)
    for (int64_t number = 0; number < chunks; number++) {
        int thread = omp_get_thread_num();
        Lane *lane = &evaluator->lanes[thread];
        lane_bind(evaluator, lane, parameters);
        int64_t count = lane_fill(evaluator, lane, list, number);
        executor_run_alone(evaluator->executor, thread, evaluator->eval, lane->inputs,
                           lane->outputs);
        for (uint32_t figure = 0; figure < figure_count; figure++)
            if (figures[figure] >= 0)
                memcpy(values + figure * list->count + number * evaluator->chunk,
                       lane->outputs[figures[figure]], (size_t)count * sizeof *values);
    }
}

static double mean_of(const float *values, int64_t count) {
    double sum = 0;
    for (int64_t i = 0; i < count; i++)
        sum += values[i];
    return sum / (double)count;
}

bool evaluate(Evaluator *evaluator, float *const *parameters, int64_t seed, int64_t draw,
              DataSplit split, Evaluation *evaluation, RunError *error) {
    const DataImages *list = &evaluator->data->splits[split];
    int64_t figures[1 + EVALUATION_MAX_METRICS];
    uint32_t figure_count = figures_of(evaluator, figures);
    *evaluation = (Evaluation){.images = list->count};
    if (list->count == 0)
        return run_fail(error, EXIT_INPUT, "the %s split has no images: give it a share in `data`",
                        data_split_name(split));
    float *values = calloc((size_t)list->count * figure_count, sizeof *values);
    if (!values)
        return run_no_memory(error, "the evaluation");
    evaluator->seed = (int32_t)seed;
    evaluator->step = 0;
    evaluator->draw = (int32_t)draw;
    evaluate_images(evaluator, parameters, list, figures, figure_count, values);
    evaluation->loss = mean_of(values, list->count);
    for (uint32_t i = 1; i < figure_count; i++)
        evaluation->metrics[i - 1] = mean_of(values + i * list->count, list->count);
    free(values);
    return true;
}
