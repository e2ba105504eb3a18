/* The functions of scanline.h. */
#include "frontend/standalone/library.h"

#include "runtime/run/checkpoint.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- life --- */

static bool create(scanline_model *model, const scanline_options *options, RunError *error) {
    model->arena = arena_create();
    if (!model->arena || setjmp(*arena_boundary(model->arena)))
        return run_no_memory(error, "a model");
    return library_open(model, options, error);
}

scanline_status scanline_create(const scanline_options *options, scanline_model **model,
                                scanline_error *error) {
    RunError fault = {0};
    scanline_model *made = calloc(1, sizeof *made);
    bool good = made ? create(made, options, &fault) : run_no_memory(&fault, "a model");
    if (!good && made)
        library_close(made);
    *model = good ? made : NULL;
    return library_answer(good, &fault, error);
}

void scanline_destroy(scanline_model *model) {
    if (model)
        library_close(model);
}

static const TapSeries *series_of(const scanline_model *model) {
    const Experiment *experiment = &model->experiment;
    for (uint32_t i = 0; i < experiment->tap_count; i++)
        if (experiment->probe.features &&
            strcmp(experiment->taps[i].name, experiment->probe.features) == 0)
            return &experiment->taps[i];
    return NULL;
}

void scanline_describe(const scanline_model *model, scanline_shape *shape) {
    const Experiment *experiment = &model->experiment;
    const TapSeries *series = series_of(model);
    *shape = (scanline_shape){
        .name = experiment->name,
        .objective = experiment->train.objective,
        .target = model->plan->target,
        .positions = model->positions,
        .colours = model->colours,
        .classes = model->classes,
        .batch = experiment->train.batch,
        .layers = series ? series->count : 0,
    };
    for (uint32_t i = 0; i < experiment->parameter_count; i++)
        shape->parameters += experiment->parameters[i].elements;
}

/* --- checkpoints --- */

/* What has no states goes on with new ones. */
static bool load(scanline_model *model, const char *path, RunError *error) {
    const Model *tensors = trainer_model(model->trainer);
    float *const *parameters = tensors->parameters.values;
    CheckpointState state;
    FileError fault;
    if (!path)
        return run_fail(error, EXIT_USAGE, "path is NULL");
    if (checkpoint_read(path, &model->experiment, parameters, tensors->states.values, &state,
                        &fault)) {
        model->step = state.step;
        return true;
    }
    model->step = 0;
    return trainer_init(model->trainer, error) &&
           (checkpoint_read(path, &model->experiment, parameters, NULL, &state, &fault) ||
            run_fail(error, EXIT_INPUT, "%s", fault.text)) &&
           trainer_restart(model->trainer, error);
}

scanline_status scanline_load(scanline_model *model, const char *path, scanline_error *error) {
    RunError fault = {0}, late;
    const bool done = load(model, path, &fault);
    if (!done)
        trainer_init(model->trainer, &late);
    return library_answer(done, &fault, error);
}

static bool save(const scanline_model *model, const char *path, RunError *error) {
    const Model *tensors = trainer_model(model->trainer);
    CheckpointState state = {.step = model->step, .best_loss = INFINITY, .best_accuracy = -1};
    FileError fault;
    if (!path)
        return run_fail(error, EXIT_USAGE, "path is NULL");
    snprintf(state.target, sizeof state.target, "%s", model->plan->target);
    snprintf(state.table, sizeof state.table, "%s", model->plan->table);
    return checkpoint_write(path, &model->experiment, tensors->parameters.values,
                            tensors->states.values, &state, &fault) ||
           run_fail(error, EXIT_MACHINE, "%s", fault.text);
}

scanline_status scanline_save(const scanline_model *model, const char *path,
                              scanline_error *error) {
    RunError fault = {0};
    return library_answer(save(model, path, &fault), &fault, error);
}

/* --- training --- */

typedef struct StepBatch {
    LibraryImages images;
    int64_t step;
} StepBatch;

/* Images are numbered through all steps. */
static void fill_step(void *user, int64_t number, Chunk *chunk) {
    StepBatch *batch = user;
    const int64_t size = batch->images.model->experiment.train.batch;
    library_fill(&batch->images, number * chunk->size, chunk->size, chunk);
    for (int64_t i = 0; i < chunk->size; i++) {
        chunk->image[i] =
            (int32_t)(((uint64_t)(batch->step - 1) * (uint64_t)size + (uint64_t)chunk->image[i]) &
                      INT32_MAX);
        chunk->weight[i] = (float)(1.0 / (double)size);
    }
    *chunk->step = (int32_t)batch->step;
    *chunk->draw = 0;
}

static bool labels_there(const scanline_model *model, const int32_t *labels, RunError *error) {
    return !model->classes || labels ||
           run_fail(error, EXIT_USAGE, "labels is NULL, and the objective %s reads them",
                    model->experiment.train.objective);
}

static bool step(scanline_model *model, const int32_t *tokens, const int32_t *labels, float *loss,
                 RunError *error) {
    const int64_t size = model->experiment.train.batch;
    StepBatch batch = {{model, tokens, labels}, model->step + 1};
    float value = NAN;
    if (model->step == INT32_MAX)
        return run_fail(error, EXIT_USAGE, "that were more than %d steps", INT32_MAX);
    if (!library_check(model, tokens, labels, size, model->positions, error) ||
        !labels_there(model, labels, error))
        return false;
    if (!trainer_step_on(model->trainer, batch.step, fill_step, &batch, &value, error)) {
        if (trainer_is_spoilt(model->trainer))
            run_fail(error, EXIT_DIVERGED, "step %lld left the model spoilt: load a checkpoint",
                     (long long)batch.step);
        return false;
    }
    model->step++;
    if (loss)
        *loss = value;
    return true;
}

scanline_status scanline_step(scanline_model *model, const int32_t *tokens, const int32_t *labels,
                              float *loss, scanline_error *error) {
    RunError fault = {0};
    return library_answer(step(model, tokens, labels, loss, &fault), &fault, error);
}

int64_t scanline_steps(const scanline_model *model) { return model->step; }

/* --- one output of each image --- */

typedef struct Taking {
    LibraryImages images;
    int64_t output, width;
    float *values;
} Taking;

static void fill(void *user, int64_t first, int64_t count, Chunk *chunk) {
    Taking *taking = user;
    library_fill(&taking->images, first, count, chunk);
}

static void take(void *user, int64_t first, int64_t count, void *const *outputs) {
    const Taking *taking = user;
    memcpy(taking->values + first * taking->width, outputs[taking->output],
           (size_t)(count * taking->width) * sizeof *taking->values);
}

static bool read_output(Inference *inference, const char *name, Taking *taking, int64_t count,
                        RunError *error) {
    if (!taking->values)
        return run_fail(error, EXIT_USAGE, "there is no place for results");
    taking->output = inference_output(inference, name, &taking->width);
    if (taking->output < 0)
        return run_fail(error, EXIT_INPUT, "the objective %s has no %s of each image",
                        taking->images.model->experiment.train.objective, name);
    inference_run(inference, count, 0, fill, take, taking);
    return true;
}

scanline_status scanline_evaluate(scanline_model *model, const int32_t *tokens,
                                  const int32_t *labels, int64_t count, float *losses,
                                  scanline_error *error) {
    RunError fault = {0};
    Taking taking = {.images = {model, tokens, labels}, .values = losses};
    const bool done = library_check(model, tokens, labels, count, model->positions, &fault) &&
                      labels_there(model, labels, &fault) &&
                      library_inference(model, "eval", &model->evaluation, &fault) &&
                      read_output(model->evaluation, "loss", &taking, count, &fault);
    return library_answer(done, &fault, error);
}

static const char *feature_name(const scanline_model *model, int64_t layer, char name[256]) {
    const TapSeries *series = series_of(model);
    if (!series || layer < 0 || layer >= series->count)
        return NULL;
    snprintf(name, 256, "tap.%s.%lld", series->name, (long long)layer);
    return name;
}

int64_t scanline_feature_width(const scanline_model *model, int64_t layer) {
    char name[256];
    const PlanFunction *function = plan_function(model->plan, "features");
    const int64_t output =
        function && feature_name(model, layer, name) ? plan_find_output(function, name) : -1;
    const PlanBinding *binding = output < 0 ? NULL : &function->outputs[output];
    return binding && binding->axis_count ? binding->elements / binding->extents[0] : 0;
}

scanline_status scanline_features(scanline_model *model, int64_t layer, const int32_t *tokens,
                                  int64_t count, float *features, scanline_error *error) {
    char name[256];
    RunError fault = {0};
    Taking taking = {.images = {model, tokens, NULL}, .values = features};
    if (!feature_name(model, layer, name)) {
        run_fail(&fault, EXIT_USAGE, "there is no layer %lld of features", (long long)layer);
        return library_answer(false, &fault, error);
    }
    const bool done = library_check(model, tokens, NULL, count, model->positions, &fault) &&
                      library_inference(model, "features", &model->features, &fault) &&
                      read_output(model->features, name, &taking, count, &fault);
    return library_answer(done, &fault, error);
}
