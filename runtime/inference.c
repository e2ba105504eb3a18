/* Parameters are bound once, for all threads; each thread has its own memory for the other inputs
 * and for the outputs of a chunk. */
#include "runtime/inference.h"

#include "runtime/executor.h"

#include <omp.h>
#include <stdlib.h>
#include <string.h>

/* What an input is filled from. */
typedef enum InputKind {
    INPUT_PARAMETER,
    INPUT_TOKENS,
    INPUT_LABEL,
    INPUT_IMAGE,
    INPUT_SEED,
    INPUT_DRAW,
    INPUT_STEP,
} InputKind;

/* One thread's bindings. */
typedef struct Bindings {
    void **inputs, **outputs;
} Bindings;

struct Inference {
    const PlanFunction *function;
    Executor *executor;
    InputKind *kinds; /* of the function's inputs */
    int threads;
    int64_t chunk;      /* images at once */
    int64_t positions;  /* tokens an image */
    Bindings *bindings; /* [threads] */
};

/* --- binding --- */

/* The index of the parameter, -1: none. */
static int64_t find_parameter(const Experiment *experiment, const char *path) {
    for (uint32_t i = 0; i < experiment->parameter_count; i++)
        if (strcmp(experiment->parameters[i].path, path) == 0)
            return i;
    return -1;
}

static bool kind_of(const Experiment *experiment, const PlanBinding *input, InputKind *kind) {
    static const struct {
        const char *name;
        InputKind kind;
    } others[] = {{"tokens", INPUT_TOKENS}, {"label", INPUT_LABEL}, {"$image", INPUT_IMAGE},
                  {"$seed", INPUT_SEED},    {"$draw", INPUT_DRAW},  {"$step", INPUT_STEP}};
    const int64_t parameter = find_parameter(experiment, input->name);
    *kind = INPUT_PARAMETER;
    if (parameter >= 0)
        return input->type == PLAN_F32 &&
               input->elements == experiment->parameters[parameter].elements;
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (strcmp(others[i].name, input->name) == 0) {
            *kind = others[i].kind;
            return input->type == PLAN_I32;
        }
    return false;
}

/* Whether the inputs have the sizes that a chunk of images has; sets chunk and positions. */
static bool sizes_agree(Inference *inference) {
    const PlanFunction *function = inference->function;
    for (uint32_t i = 0; i < function->output_count; i++)
        if (function->outputs[i].axis_count > 0)
            inference->chunk = function->outputs[i].extents[0];
    if (inference->chunk < 1)
        return false;
    for (uint32_t i = 0; i < function->input_count; i++) {
        const PlanBinding *input = &function->inputs[i];
        const InputKind kind = inference->kinds[i];
        if (kind == INPUT_TOKENS) {
            if (input->axis_count < 1 || input->extents[0] != inference->chunk)
                return false;
            inference->positions = input->elements / inference->chunk;
        } else if (kind == INPUT_LABEL || kind == INPUT_IMAGE) {
            if (input->elements != inference->chunk)
                return false;
        } else if (kind != INPUT_PARAMETER && input->elements != 1) {
            return false;
        }
    }
    for (uint32_t i = 0; i < function->output_count; i++)
        if (function->outputs[i].axis_count < 1 ||
            function->outputs[i].extents[0] != inference->chunk)
            return false;
    return true;
}

static void *binding_memory(const PlanBinding *binding) {
    const size_t bytes = (size_t)binding->elements * plan_type_size(binding->type);
    const size_t rounded = (bytes + PLAN_ALIGNMENT) / PLAN_ALIGNMENT * PLAN_ALIGNMENT;
    void *memory = aligned_alloc(PLAN_ALIGNMENT, rounded);
    if (memory)
        memset(memory, 0, rounded);
    return memory;
}

static bool bind_thread(const Inference *inference, const Experiment *experiment,
                        float *const *parameters, Bindings *bindings) {
    const PlanFunction *function = inference->function;
    bindings->inputs = calloc(function->input_count + 1, sizeof *bindings->inputs);
    bindings->outputs = calloc(function->output_count + 1, sizeof *bindings->outputs);
    bool ok = bindings->inputs && bindings->outputs;
    for (uint32_t i = 0; ok && i < function->input_count; i++) {
        bindings->inputs[i] =
            inference->kinds[i] == INPUT_PARAMETER
                ? (void *)parameters[find_parameter(experiment, function->inputs[i].name)]
                : binding_memory(&function->inputs[i]);
        ok = bindings->inputs[i] != NULL;
    }
    for (uint32_t i = 0; ok && i < function->output_count; i++) {
        bindings->outputs[i] = binding_memory(&function->outputs[i]);
        ok = bindings->outputs[i] != NULL;
    }
    return ok;
}

static void unbind_thread(const Inference *inference, Bindings *bindings) {
    for (uint32_t i = 0; bindings->inputs && i < inference->function->input_count; i++)
        if (inference->kinds[i] != INPUT_PARAMETER)
            free(bindings->inputs[i]);
    for (uint32_t i = 0; bindings->outputs && i < inference->function->output_count; i++)
        free(bindings->outputs[i]);
    free(bindings->inputs);
    free(bindings->outputs);
}

/* --- making --- */

static bool check_inputs(Inference *inference, const Experiment *experiment, RunError *error) {
    const PlanFunction *function = inference->function;
    inference->kinds = calloc(function->input_count + 1, sizeof *inference->kinds);
    if (!inference->kinds)
        return run_no_memory(error, "the bindings of a function");
    for (uint32_t i = 0; i < function->input_count; i++)
        if (!kind_of(experiment, &function->inputs[i], &inference->kinds[i]))
            return run_fail(error, EXIT_INPUT, "the function %s reads %s, which an image has not",
                            function->name, function->inputs[i].name);
    if (!sizes_agree(inference))
        return run_fail(
            error, EXIT_INPUT,
            "the inputs and outputs of the function %s are not those of a chunk of images",
            function->name);
    return true;
}

static bool make(Inference *inference, const Program *program, float *const *parameters,
                 RunError *error) {
    if (!check_inputs(inference, program->experiment, error))
        return false;
    const ExecutorUse use = {inference->function, EXECUTOR_ALONE};
    inference->executor = executor_create(program, inference->threads, &use, 1);
    inference->bindings = calloc((size_t)inference->threads, sizeof *inference->bindings);
    bool ok = inference->executor && inference->bindings;
    for (int i = 0; ok && i < inference->threads; i++)
        ok = bind_thread(inference, program->experiment, parameters, &inference->bindings[i]);
    return ok ? true : run_no_memory(error, "running the model");
}

Inference *inference_create(const Program *program, const char *function, float *const *parameters,
                            int threads, RunError *error) {
    const PlanFunction *found = plan_function(program->plan, function);
    if (!found) {
        run_fail(error, EXIT_INPUT, "the model has no function %s", function);
        return NULL;
    }
    Inference *inference = calloc(1, sizeof *inference);
    if (!inference) {
        run_no_memory(error, "running the model");
        return NULL;
    }
    *inference = (Inference){.function = found, .threads = threads};
    if (make(inference, program, parameters, error))
        return inference;
    inference_free(inference);
    return NULL;
}

void inference_free(Inference *inference) {
    if (!inference)
        return;
    for (int i = 0; inference->bindings && i < inference->threads; i++)
        unbind_thread(inference, &inference->bindings[i]);
    free(inference->bindings);
    free(inference->kinds);
    executor_free(inference->executor);
    free(inference);
}

const PlanFunction *inference_function(const Inference *inference) { return inference->function; }

int64_t inference_chunk(const Inference *inference) { return inference->chunk; }

/* --- running --- */

/* Copies `count` of a chunk's rows from `first` on, and makes the rest 0. */
static void fill_rows(const Inference *inference, const int32_t *from, int64_t width, int64_t first,
                      int64_t count, int32_t *to) {
    memcpy(to, from + first * width, (size_t)(count * width) * sizeof *to);
    memset(to + count * width, 0, (size_t)((inference->chunk - count) * width) * sizeof *to);
}

static void fill_inputs(const Inference *inference, const InferenceImages *images, int64_t first,
                        int64_t count, void *const *inputs) {
    for (uint32_t i = 0; i < inference->function->input_count; i++) {
        int32_t *to = inputs[i];
        switch (inference->kinds[i]) {
        case INPUT_PARAMETER:
            break;
        case INPUT_TOKENS:
            fill_rows(inference, images->tokens, inference->positions, first, count, to);
            break;
        case INPUT_LABEL:
            fill_rows(inference, images->labels, 1, first, count, to);
            break;
        case INPUT_IMAGE:
            for (int64_t image = 0; image < inference->chunk; image++)
                to[image] = image >= count   ? 0
                            : images->images ? images->images[first + image]
                                             : (int32_t)(first + image);
            break;
        case INPUT_SEED:
            to[0] = images->seed;
            break;
        case INPUT_DRAW:
            to[0] = images->draw;
            break;
        case INPUT_STEP:
            to[0] = 0;
            break;
        }
    }
}

static bool has_inputs(const Inference *inference, const InferenceImages *images) {
    for (uint32_t i = 0; i < inference->function->input_count; i++)
        if ((inference->kinds[i] == INPUT_TOKENS && !images->tokens) ||
            (inference->kinds[i] == INPUT_LABEL && !images->labels))
            return false;
    return true;
}

bool inference_run(Inference *inference, const InferenceImages *images, InferenceTake *take,
                   void *user) {
    if (!has_inputs(inference, images))
        return false;
    const int64_t chunks = (images->count + inference->chunk - 1) / inference->chunk;
#pragma omp parallel for schedule(dynamic, 1) num_threads(inference->threads)
    for (int64_t chunk = 0; chunk < chunks; chunk++) {
        const int thread = omp_get_thread_num();
        const Bindings *bindings = &inference->bindings[thread];
        const int64_t first = chunk * inference->chunk, left = images->count - first;
        const int64_t count = left < inference->chunk ? left : inference->chunk;
        fill_inputs(inference, images, first, count, bindings->inputs);
        executor_run_alone(inference->executor, thread, inference->function, bindings->inputs,
                           bindings->outputs);
        take(user, first, count, bindings->outputs);
    }
    return true;
}
