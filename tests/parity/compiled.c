/* Trainings by compiled code, in single precision, against PyTorch's. */
#include "tests/parity/reference.h"

#include "passes/compile.h"
#include "runtime/execution/executor.h"
#include "runtime/training/trainer.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { CHUNKS = 2, THREADS = 2, CHUNK = REFERENCE_BATCH / CHUNKS };

/* So many times its mean square may an error of rounding be. */
static const double DEVIATIONS = 3;

typedef struct Compiled {
    Reference *reference;
    CompiledModule *module;
    Jit *jit;
    Program program;
} Compiled;

static Compiled compile(const ReferenceCase *which, Precision precision) {
    Compiled compiled = {.reference = reference_open(which, CHUNKS)};
    const CompileOptions options = {
        .verify = true, .threads = THREADS, .accumulate = true, .precision = precision};
    CompileError error = {0};
    compiled.module = compile_module(compiled.reference->module, &options, &error);
    cr_assert(compiled.module, "%s", error.text);
    compiled.jit = jit_load(compiled.module, &error);
    cr_assert(compiled.jit, "%s", error.text);
    compiled.program = (Program){.experiment = &compiled.reference->experiment,
                                 .plan = compiled.module->plan,
                                 .kernels = jit_kernels(compiled.jit)};
    return compiled;
}

static void release(Compiled *compiled) {
    jit_free(compiled->jit);
    compile_free(compiled->module);
    reference_close(compiled->reference);
}

static void *aligned_copy(const void *from, size_t bytes) {
    const size_t rounded = (bytes + PLAN_ALIGNMENT) / PLAN_ALIGNMENT * PLAN_ALIGNMENT;
    void *memory = aligned_alloc(PLAN_ALIGNMENT, rounded);
    cr_assert(memory);
    memset(memory, 0, rounded);
    if (from)
        memcpy(memory, from, bytes);
    return memory;
}

static double **doubles_of(const Reference *reference, float *const *values) {
    const Experiment *experiment = &reference->experiment;
    double **doubles = arena_array(reference->arena, experiment->parameter_count, sizeof *doubles);
    for (uint32_t i = 0; i < experiment->parameter_count; i++) {
        const int64_t elements = experiment->parameters[i].elements;
        doubles[i] = arena_array(reference->arena, (size_t)elements, sizeof **doubles);
        for (int64_t j = 0; values && j < elements; j++)
            doubles[i][j] = (double)values[i][j];
    }
    return doubles;
}

/* --- the gradient --- */

/* The memory of an input of `grad` in the first step, for the images of one chunk. */
static void *input_of(const Reference *reference, const char *name, int chunk) {
    const Experiment *experiment = &reference->experiment;
    const int32_t seed = (int32_t)experiment->train.seed, step = 1, draw = 0;
    const float weights[CHUNK] = {1.0f / REFERENCE_BATCH, 1.0f / REFERENCE_BATCH};
    for (uint32_t i = 0; i < experiment->parameter_count; i++)
        if (strcmp(experiment->parameters[i].path, name) == 0)
            return aligned_copy(reference->start[i],
                                (size_t)experiment->parameters[i].elements * sizeof(float));
    const struct {
        const char *name;
        const void *from;
        size_t bytes;
    } others[] = {
        {"tokens", reference->tokens[0][chunk * CHUNK], sizeof reference->tokens[0] / CHUNKS},
        {"$image", &reference->images[0][chunk * CHUNK], sizeof reference->images[0] / CHUNKS},
        {"$weight", weights, sizeof weights},
        {"$seed", &seed, sizeof seed},
        {"$step", &step, sizeof step},
        {"$draw", &draw, sizeof draw},
    };
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (strcmp(others[i].name, name) == 0)
            return aligned_copy(others[i].from, others[i].bytes);
    cr_assert_fail("grad reads %s", name);
    return NULL;
}

/* Adds the gradients of a chunk; returns its share of the loss. */
static double add_gradients(const Compiled *compiled, Executor *executor, int chunk,
                            double *const *sum) {
    const Reference *reference = compiled->reference;
    const PlanFunction *grad = plan_function(compiled->program.plan, "grad");
    void **inputs = calloc(grad->input_count, sizeof *inputs);
    void **outputs = calloc(grad->output_count, sizeof *outputs);
    for (uint32_t i = 0; i < grad->input_count; i++)
        inputs[i] = input_of(reference, grad->inputs[i].name, chunk);
    for (uint32_t i = 0; i < grad->output_count; i++)
        outputs[i] = aligned_copy(NULL, (size_t)grad->outputs[i].elements * sizeof(float));
    executor_run(executor, grad, inputs, outputs);
    for (uint32_t i = 0; i < reference->experiment.parameter_count; i++) {
        const Parameter *parameter = &reference->experiment.parameters[i];
        const char *name = arena_printf(reference->arena, "grad:%s", parameter->path);
        const int64_t output = plan_find_output(grad, name);
        cr_assert_geq(output, 0, "grad has no %s", name);
        for (int64_t j = 0; j < parameter->elements; j++)
            sum[i][j] += (double)((const float *)outputs[output])[j];
    }
    const double loss = (double)*(const float *)outputs[plan_find_output(grad, "loss")];
    for (uint32_t i = 0; i < grad->input_count; i++)
        free(inputs[i]);
    for (uint32_t i = 0; i < grad->output_count; i++)
        free(outputs[i]);
    free(inputs);
    free(outputs);
    return loss;
}

static void compare_gradients(const ReferenceCase *which, Precision precision) {
    Compiled compiled = compile(which, precision);
    const ExecutorUse use = {plan_function(compiled.program.plan, "grad"), EXECUTOR_TEAM};
    Executor *executor = executor_create(&compiled.program, THREADS, &use, 1);
    cr_assert(executor);
    double **gradients = doubles_of(compiled.reference, NULL), loss = 0;
    for (int chunk = 0; chunk < CHUNKS; chunk++)
        loss += add_gradients(&compiled, executor, chunk, gradients);
    if (precision == PRECISION_FP32) {
        reference_expect_loss(compiled.reference, 0, loss);
        reference_expect_gradients(compiled.reference, gradients);
    } else {
        const double rounding = reference_rounding(compiled.reference);
        reference_expect_loss_near(compiled.reference, 0, loss, rounding);
        reference_expect_gradients_near(compiled.reference, gradients, DEVIATIONS * rounding);
    }
    executor_free(executor);
    release(&compiled);
}

/* --- the training --- */

typedef struct ReferenceStep {
    const Reference *reference;
    int step; /* from 0 */
} ReferenceStep;

static void fill(void *user, int64_t number, Chunk *chunk) {
    const ReferenceStep *at = user;
    const int64_t first = number * chunk->size;
    memcpy(chunk->tokens, at->reference->tokens[at->step][first],
           (size_t)(chunk->size * chunk->positions) * sizeof *chunk->tokens);
    memcpy(chunk->image, at->reference->images[at->step] + first,
           (size_t)chunk->size * sizeof *chunk->image);
    for (int64_t i = 0; i < chunk->size; i++)
        chunk->weight[i] = 1.0f / REFERENCE_BATCH;
    *chunk->step = at->step + 1;
}

static void train(const ReferenceCase *which, Precision precision) {
    Compiled compiled = compile(which, precision);
    const Reference *reference = compiled.reference;
    const Experiment *experiment = &reference->experiment;
    RunError error = {0};
    Trainer *trainer = trainer_create(&compiled.program, NULL, THREADS, &error);
    cr_assert(trainer, "%s", error.text);
    cr_assert(trainer_init(trainer, &error), "%s", error.text); /* for the states */
    float *const *parameters = trainer_model(trainer)->parameters.values;
    for (uint32_t i = 0; i < experiment->parameter_count; i++)
        memcpy(parameters[i], reference->start[i],
               (size_t)experiment->parameters[i].elements * sizeof(float));
    for (int step = 0; step < REFERENCE_STEPS; step++) {
        ReferenceStep at = {reference, step};
        float loss = NAN;
        cr_assert(trainer_step_on(trainer, step + 1, fill, &at, &loss, &error), "%s", error.text);
        if (precision == PRECISION_FP32)
            reference_expect_loss(reference, step, loss);
        else
            reference_expect_loss_near(reference, step, loss, reference_rounding(reference));
    }
    if (precision == PRECISION_FP32)
        reference_expect_weights(reference, doubles_of(reference, parameters));
    trainer_free(trainer);
    release(&compiled);
}

Test(compiled, ar_has_the_gradient_of_transformers) {
    compare_gradients(&reference_ar, PRECISION_FP32);
}
Test(compiled, bert_has_the_gradient_of_pytorch) {
    compare_gradients(&reference_bert, PRECISION_FP32);
}
Test(compiled, gpt2_has_the_gradient_of_pytorch) {
    compare_gradients(&reference_gpt2, PRECISION_FP32);
}
Test(compiled, ar_trains_as_in_transformers) { train(&reference_ar, PRECISION_FP32); }
Test(compiled, bert_trains_as_in_pytorch) { train(&reference_bert, PRECISION_FP32); }
Test(compiled, gpt2_trains_as_in_pytorch) { train(&reference_gpt2, PRECISION_FP32); }

/* Where the target has no such products they are emulated. */
Test(compiled, products_of_bf16_give_the_gradient_but_for_rounding) {
    compare_gradients(&reference_ar, PRECISION_BF16_EMULATED);
    compare_gradients(&reference_bert, PRECISION_BF16_EMULATED);
    compare_gradients(&reference_gpt2, PRECISION_BF16_EMULATED);
}

Test(compiled, trains_with_products_of_bf16) {
    train(&reference_ar, PRECISION_BF16_EMULATED);
    train(&reference_bert, PRECISION_BF16_EMULATED);
    train(&reference_gpt2, PRECISION_BF16_EMULATED);
}
