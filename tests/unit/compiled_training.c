#include "tests/unit/compiled_training.h"

#include "frontend/lower.h"
#include "passes/derive.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

enum { STEPS = 3, MOST_SETTINGS = 16 };

static uint32_t settings_list(const Compiled *compiled, const CompiledSpec *spec,
                              const char *settings[MOST_SETTINGS]) {
    static const char *const dims[] = {"n=16", "d=32", "h=2", "layers=2"};
    uint32_t count = 0;
    for (size_t i = 0; i < sizeof dims / sizeof *dims && !spec->is_other; i++)
        settings[count++] = dims[i];
    if (!spec->is_other)
        settings[count++] = arena_printf(compiled->arena, "v=%d", TRAINING_COLOURS);
    settings[count++] = arena_printf(compiled->arena, "train.batch=%d", TRAINING_BATCH);
    settings[count++] = arena_printf(compiled->arena, "train.chunks=%d", spec->chunks);
    if (spec->update)
        settings[count++] = arena_printf(compiled->arena, "train.update=%s", spec->update);
    return count;
}

static Module *derive(Compiled *compiled, const CompiledSpec *what) {
    const char *settings[MOST_SETTINGS];
    static const char *const directories[] = {SCANLINE_SOURCE_DIR "/models"};
    const SpecOptions options = {directories, 1, settings, settings_list(compiled, what, settings)};
    Sources *sources = sources_create(compiled->arena, NULL, 0);
    Diagnostics *diagnostics = diagnostics_create(compiled->arena, sources);
    const char *path = arena_printf(compiled->arena, "%s/%s", SCANLINE_SOURCE_DIR, what->file);
    const Spec *spec = spec_load(compiled->arena, sources, path, &options, diagnostics);
    const Module *lowered = spec ? lower_experiment(compiled->arena, spec, what->objective,
                                                    &compiled->experiment, diagnostics)
                                 : NULL;
    cr_assert(lowered, "%s", diagnostics_text(diagnostics, false));
    compiled->experiment.spec = "";
    PassContext context = {0};
    return derive_experiment(lowered, lower_batch_axis(spec), &context);
}

Compiled compiled_open(const CompiledSpec *spec, const CompileOptions *options) {
    Compiled compiled = {.arena = arena_create()};
    const Module *module = derive(&compiled, spec);
    CompileOptions all = *options;
    all.verify = true;
    all.threads = 2;
    CompileError error = {0};
    compiled.module = compile_module(module, &all, &error);
    cr_assert(compiled.module, "%s", error.text);
    compiled.jit = jit_load(compiled.module, &error);
    cr_assert(compiled.jit, "%s", error.text);
    compiled.program.plan = compiled.module->plan;
    compiled.program.kernels = jit_kernels(compiled.jit);
    return compiled;
}

void compiled_close(Compiled *compiled) {
    jit_free(compiled->jit);
    compile_free(compiled->module);
    arena_destroy(compiled->arena);
}

uint32_t compiled_draw(uint32_t *state) { return *state = *state * 1664525U + 1013904223U; }

void compiled_fill(void *user, int64_t number, Chunk *chunk) {
    uint32_t state = *(const uint32_t *)user * 77 + (uint32_t)number;
    for (int64_t i = 0; i < chunk->size * chunk->positions; i++)
        chunk->tokens[i] = (int32_t)(compiled_draw(&state) >> 8) % TRAINING_COLOURS;
    for (int64_t i = 0; i < chunk->size; i++) {
        chunk->image[i] = (int32_t)(number * chunk->size + i);
        chunk->weight[i] = 1.0f / TRAINING_BATCH;
    }
    *chunk->step = *(const int32_t *)user;
    *chunk->draw = 0;
}

/* --- the same bits --- */

static Trainer *train(const Compiled *compiled, int threads, float losses[STEPS]) {
    RunError error = {0};
    const Program program = {.experiment = &compiled->experiment,
                             .plan = compiled->program.plan,
                             .kernels = compiled->program.kernels};
    Trainer *trainer = trainer_create(&program, NULL, threads, &error);
    cr_assert(trainer && trainer_init(trainer, &error), "%s", error.text);
    for (uint32_t step = 1; step <= STEPS; step++)
        cr_assert(trainer_step_on(trainer, step, compiled_fill, &step, &losses[step - 1], &error),
                  "%s", error.text);
    return trainer;
}

static void expect_same_tensors(const Parameter *parameters, uint32_t count, const Tensors *left,
                                const Tensors *right, int threads) {
    for (uint32_t i = 0; i < count; i++)
        cr_expect_arr_eq(left->values[i], right->values[i],
                         (size_t)parameters[i].elements * sizeof(float), "%s, %d threads",
                         parameters[i].path, threads);
}

void compiled_expect_same(const Compiled *left, int left_threads, const Compiled *right,
                          int right_threads) {
    float losses[2][STEPS];
    Trainer *one = train(left, left_threads, losses[0]);
    Trainer *other = train(right, right_threads, losses[1]);
    const Model *model = trainer_model(one), *same = trainer_model(other);
    const Experiment *experiment = &left->experiment;
    cr_expect_arr_eq(losses[0], losses[1], sizeof losses[0], "%d threads", right_threads);
    expect_same_tensors(experiment->parameters, experiment->parameter_count, &model->parameters,
                        &same->parameters, right_threads);
    expect_same_tensors(experiment->states, experiment->state_count, &model->states, &same->states,
                        right_threads);
    trainer_free(one);
    trainer_free(other);
}
