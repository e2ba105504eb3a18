/* grad_add, compiled: exactly what grad gives, added to what was there; and so trainings that have
 * the same bits whichever chunks a thread adds to others, in whatever memory. */
#include "tests/unit/compiled_training.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static Compiled compile_within(const char *file, const char *objective, int chunks, bool accumulate,
                               int64_t arena_bytes) {
    const CompiledSpec spec = {file, objective, chunks, NULL, false};
    const CompileOptions options = {.accumulate = accumulate, .arena_bytes = arena_bytes};
    return compiled_open(&spec, &options);
}

static Compiled compile(const char *file, const char *objective, int chunks, bool accumulate) {
    return compile_within(file, objective, chunks, accumulate, 0);
}

/* --- the function by itself --- */

/* Values that differ from name to name, and are the same for the same name. */
static void *fill_input(const PlanBinding *input) {
    const size_t bytes = ((size_t)input->elements * 4 + 64) / 64 * 64;
    void *memory = aligned_alloc(64, bytes);
    cr_assert(memory);
    uint32_t state = (uint32_t)input->elements;
    for (const char *c = input->name; *c; c++)
        state = state * 31 + (uint32_t)*c;
    for (int64_t i = 0; i < input->elements; i++)
        if (input->type == PLAN_I32)
            ((int32_t *)memory)[i] = (int32_t)(compiled_draw(&state) >> 8) % TRAINING_COLOURS;
        else
            ((float *)memory)[i] = ((float)(compiled_draw(&state) >> 8) - 8388608) / 8388608 * 0.5f;
    return memory;
}

static void **run(const Compiled *compiled, const char *name, bool donate) {
    const PlanFunction *function = plan_function(compiled->program.plan, name);
    cr_assert(function, "%s", name);
    void **inputs = calloc(function->input_count, sizeof *inputs);
    void **outputs = calloc(function->output_count, sizeof *outputs);
    for (uint32_t i = 0; i < function->input_count; i++)
        inputs[i] = fill_input(&function->inputs[i]);
    for (uint32_t i = 0; i < function->output_count; i++) {
        int64_t donated = donate ? function->outputs[i].donated : -1;
        outputs[i] = donated >= 0 ? inputs[donated] : fill_input(&function->outputs[i]);
        if (donated >= 0)
            inputs[donated] = NULL;
    }
    void **bound = calloc(function->input_count, sizeof *bound);
    memcpy(bound, inputs, function->input_count * sizeof *bound);
    for (uint32_t i = 0; i < function->output_count && donate; i++)
        if (function->outputs[i].donated >= 0)
            bound[function->outputs[i].donated] = outputs[i];
    const ExecutorUse use = {function, EXECUTOR_ALONE};
    Executor *executor = executor_create(&compiled->program, 1, &use, 1);
    executor_run(executor, function, bound, outputs);
    executor_free(executor);
    for (uint32_t i = 0; i < function->input_count; i++)
        free(inputs[i]);
    free(inputs);
    free(bound);
    return outputs;
}

static void outputs_free(const Compiled *compiled, const char *name, void **outputs) {
    for (uint32_t i = 0; i < plan_function(compiled->program.plan, name)->output_count; i++)
        free(outputs[i]);
    free(outputs);
}

static void expect_sums(const Compiled *compiled, void *const *values, void *const *sums) {
    const PlanFunction *adding = plan_function(compiled->program.plan, "grad_add");
    for (uint32_t i = 0; i < adding->output_count; i++) {
        char name[256];
        snprintf(name, sizeof name, "sum:%s", adding->outputs[i].name);
        const int64_t input = plan_find_input(adding, name);
        cr_assert_geq(input, 0, "%s", name);
        float *before = fill_input(&adding->inputs[input]);
        for (int64_t j = 0; j < adding->outputs[i].elements; j++)
            before[j] += ((const float *)values[i])[j];
        cr_expect_arr_eq(before, sums[i], (size_t)adding->outputs[i].elements * sizeof(float), "%s",
                         name);
        free(before);
    }
}

static const struct {
    const char *file, *objective;
} cases[] = {
    {"models/digits.scan", "ar"}, {"models/digits.scan", "bert"}, {"models/gpt2.scan", "ar"}};

Test(accumulate, adds_what_grad_gives) {
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        Compiled compiled = compile(cases[i].file, cases[i].objective, 2, true);
        void **values = run(&compiled, "grad", false);
        for (int donate = 0; donate < 2; donate++) {
            void **sums = run(&compiled, "grad_add", donate);
            expect_sums(&compiled, values, sums);
            outputs_free(&compiled, "grad_add", sums);
        }
        outputs_free(&compiled, "grad", values);
        compiled_close(&compiled);
    }
}

static const char *made_by(const Compiled *compiled, const PlanFunction *function, int64_t output) {
    for (uint32_t i = 0; i < function->step_count; i++) {
        const PlanStep *step = &function->steps[i];
        for (uint32_t k = 0; k < step->operand_count; k++) {
            const PlanBuffer *buffer = &function->buffers[step->operands[k]];
            if (buffer->storage == PLAN_OUTPUT && buffer->binding == output)
                return compiled->program.plan->kernels[step->kernel].symbol;
        }
    }
    return "";
}

/* The gradients of matrices are added where they are made, in place. */
Test(accumulate, products_take_the_addition) {
    Compiled compiled = compile("models/digits.scan", "ar", 2, true);
    const PlanFunction *grad = plan_function(compiled.program.plan, "grad");
    const PlanFunction *adding = plan_function(compiled.program.plan, "grad_add");
    int products = 0;
    for (uint32_t i = 0; i < grad->output_count; i++) {
        if (strncmp(made_by(&compiled, grad, i), "contract", 8) != 0)
            continue;
        products++;
        cr_expect_eq(strncmp(made_by(&compiled, adding, i), "contract", 8), 0, "%s",
                     adding->outputs[i].name);
        cr_expect_geq(adding->outputs[i].donated, 0, "%s", adding->outputs[i].name);
    }
    cr_expect_eq(products, 2 * 6 + 1);
    compiled_close(&compiled);
}

/* --- trainings --- */

/* What is not finite in any chunk, added or not, leaves the model as it was. */
Test(accumulate, a_chunk_that_diverges_is_found) {
    Compiled compiled = compile("models/digits.scan", "ar", 4, true);
    const Program program = {.experiment = &compiled.experiment,
                             .plan = compiled.program.plan,
                             .kernels = compiled.program.kernels};
    for (int threads = 1; threads <= 3; threads++) {
        RunError error = {0};
        Trainer *trainer = trainer_create(&program, NULL, threads, &error);
        cr_assert(trainer && trainer_init(trainer, &error), "%s", error.text);
        float *first = trainer_model(trainer)->parameters.values[0], loss;
        const float kept = first[1];
        first[0] = INFINITY;
        uint32_t step = 1;
        cr_expect_not(trainer_step_on(trainer, step, compiled_fill, &step, &loss, &error));
        cr_expect_eq(error.code, EXIT_DIVERGED);
        cr_expect_eq(first[1], kept);
        trainer_free(trainer);
    }
    compiled_close(&compiled);
}

Test(accumulate, trainings_have_the_same_bits) {
    for (int chunks = 2; chunks <= TRAINING_BATCH; chunks *= 2) {
        Compiled plain = compile("models/digits.scan", "ar", chunks, false);
        Compiled adding = compile("models/digits.scan", "ar", chunks, true);
        for (int threads = 1; threads <= 3; threads++)
            compiled_expect_same(&plain, 1, &adding, threads);
        compiled_close(&plain);
        compiled_close(&adding);
    }
}

static int64_t arena_of(const Compiled *compiled, const char *function) {
    return plan_function(compiled->program.plan, function)->arena_bytes;
}

Test(accumulate, trainings_in_less_memory_have_the_same_bits) {
    Compiled plain = compile("models/digits.scan", "ar", 4, true);
    Compiled little = compile_within("models/digits.scan", "ar", 4, true, 1);
    cr_expect_lt(arena_of(&little, "grad"), arena_of(&plain, "grad"));
    cr_expect_lt(arena_of(&little, "grad_add"), arena_of(&plain, "grad_add"));
    for (int threads = 1; threads <= 3; threads++)
        compiled_expect_same(&plain, 1, &little, threads);
    compiled_close(&plain);
    compiled_close(&little);
}
