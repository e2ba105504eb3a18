/* Trainings by the interpreter, in double precision, against PyTorch's. */
#include "tests/parity/reference.h"

#include "ir/interpret.h"
#include "runtime/execution/schedule.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

/* Values by name; what is bound again replaces what was there. */
typedef struct Bindings {
    Arena *arena;
    InterpretBinding *all;
    size_t count;
} Bindings;

static double *bind(Bindings *bindings, const char *name, int64_t count) {
    double *values = arena_array(bindings->arena, (size_t)count, sizeof *values);
    size_t at = 0;
    while (at < bindings->count && strcmp(bindings->all[at].name, name) != 0)
        at++;
    bindings->count = at < bindings->count ? bindings->count : at + 1;
    bindings->all[at] = (InterpretBinding){name, values, count};
    return values;
}

static const double *value_of(const Bindings *bindings, const char *name) {
    for (size_t i = 0; i < bindings->count; i++)
        if (strcmp(bindings->all[i].name, name) == 0)
            return bindings->all[i].values;
    cr_assert_fail("nothing is called %s", name);
    return NULL;
}

/* Runs a function; its outputs become bindings of their names. */
static void run(const Reference *reference, const char *name, Bindings *bindings) {
    const Function *function = module_function(reference->module, name);
    cr_assert(function, "there is no function %s", name);
    InterpretError error;
    double **outputs = interpret(function, bindings->all, bindings->count, bindings->arena, &error);
    cr_assert(outputs, "%s: %s", name, error.text);
    for (uint32_t i = 0; i < function->output_count; i++) {
        const Output *output = &function->outputs[i];
        const int64_t count = graph_elements(function, graph_node(function, output->node));
        memcpy(bind(bindings, output->name, count), outputs[i], (size_t)count * sizeof(double));
    }
}

static void bind_start(const Reference *reference, Bindings *bindings) {
    const Experiment *experiment = &reference->experiment;
    for (uint32_t i = 0; i < experiment->parameter_count; i++) {
        const Parameter *parameter = &experiment->parameters[i];
        double *values = bind(bindings, parameter->path, parameter->elements);
        for (int64_t j = 0; j < parameter->elements; j++)
            values[j] = (double)reference->start[i][j];
    }
    for (uint32_t i = 0; i < experiment->state_count; i++) /* from zero, in both update rules */
        bind(bindings, experiment->states[i].path, experiment->states[i].elements);
    double *weights = bind(bindings, "$weight", REFERENCE_BATCH);
    for (int image = 0; image < REFERENCE_BATCH; image++)
        weights[image] = 1.0 / REFERENCE_BATCH;
    *bind(bindings, "$seed", 1) = (double)experiment->train.seed;
    bind(bindings, "$draw", 1);
}

static void bind_step(const Reference *reference, int step, Bindings *bindings) {
    double *tokens = bind(bindings, "tokens", REFERENCE_BATCH * REFERENCE_POSITIONS);
    double *images = bind(bindings, "$image", REFERENCE_BATCH);
    for (int i = 0; i < REFERENCE_BATCH * REFERENCE_POSITIONS; i++)
        tokens[i] = reference->tokens[step][i / REFERENCE_POSITIONS][i % REFERENCE_POSITIONS];
    for (int i = 0; i < REFERENCE_BATCH; i++)
        images[i] = reference->images[step][i];
    *bind(bindings, "$step", 1) = step + 1;
    const Schedule *schedule = &reference->experiment.schedule;
    double *scalars = arena_array(bindings->arena, schedule->output_count, sizeof *scalars);
    cr_assert_eq(schedule_evaluate(schedule, step + 1, scalars), 0);
    for (uint32_t i = 0; i < schedule->output_count; i++)
        *bind(bindings, arena_printf(bindings->arena, "$scalar.%u", i), 1) = scalars[i];
}

/* Values of every parameter, under the name `prefix` and its path. */
static double **values_of(const Reference *reference, const Bindings *bindings,
                          const char *prefix) {
    const Experiment *experiment = &reference->experiment;
    double **values = arena_array(bindings->arena, experiment->parameter_count, sizeof *values);
    for (uint32_t i = 0; i < experiment->parameter_count; i++)
        values[i] = (double *)value_of(bindings, arena_printf(bindings->arena, "%s%s", prefix,
                                                              experiment->parameters[i].path));
    return values;
}

static void train(const ReferenceCase *which) {
    Reference *reference = reference_open(which, 1);
    enum { MOST_BINDINGS = 4096 };
    Bindings bindings = {.arena = reference->arena,
                         .all = calloc(MOST_BINDINGS, sizeof *bindings.all)};
    cr_assert(bindings.all);
    bind_start(reference, &bindings);
    for (int step = 0; step < REFERENCE_STEPS; step++) {
        bind_step(reference, step, &bindings);
        run(reference, "grad", &bindings);
        reference_expect_loss(reference, step, *value_of(&bindings, "loss"));
        if (step == 0)
            reference_expect_gradients(reference, values_of(reference, &bindings, "grad:"));
        run(reference, "update", &bindings);
    }
    reference_expect_weights(reference, values_of(reference, &bindings, ""));
    free(bindings.all);
    reference_close(reference);
}

Test(interpreted, ar_trains_as_in_transformers) { train(&reference_ar); }
Test(interpreted, bert_trains_as_in_pytorch) { train(&reference_bert); }
Test(interpreted, gpt2_trains_as_in_pytorch) { train(&reference_gpt2); }
