/* The life of a model. Memory that runs out in the arena ends in scanline_create, which set its
 * boundary. */
#include "frontend/standalone/library.h"

#include "frontend/standalone/carried_target.h"
#include "frontend/standalone/settable.h"
#include "runtime/execution/cpu.h"
#include "runtime/execution/external.h"

#include <sched.h>
#include <stdlib.h>
#include <string.h>

scanline_status library_answer(bool done, const RunError *fault, scanline_error *error) {
    if (error && done)
        *error = (scanline_error){.status = SCANLINE_OK};
    if (done)
        return SCANLINE_OK;
    const scanline_status status = fault->code >= EXIT_INPUT && fault->code <= EXIT_DIVERGED
                                       ? (scanline_status)fault->code
                                       : SCANLINE_MACHINE;
    if (error) {
        error->status = status;
        strcpy(error->text, fault->text);
    }
    return status;
}

_Static_assert(sizeof((scanline_error *)0)->text >= sizeof((RunError *)0)->text,
               "the text of an error fits");

/* --- the spec --- */

static bool read_spec(scanline_model *model, const scanline_options *options, RunError *error) {
    Arena *arena = model->arena;
    if (options->setting_count > UINT32_MAX || (options->setting_count && !options->settings))
        return run_fail(error, EXIT_USAGE, "there are no settings");
    const uint32_t count = (uint32_t)options->setting_count;
    const CarriedSpec read = carried_read(&scanline_carried, arena, options->settings, count);
    if (!read.is_sound)
        return run_fail(error, EXIT_INPUT, "%s", diagnostics_text(read.diagnostics, false));
    if (!carried_fits(&scanline_carried, arena, read.lowered, &read.experiment))
        return run_fail(error, EXIT_INPUT, "%s",
                        settable_fault(&scanline_carried, arena, options->settings, count));
    model->experiment = read.experiment;
    model->experiment.spec = spec_flatten(read.spec);
    return true;
}

static void measure(scanline_model *model) {
    for (uint32_t i = 0; i < model->experiment.input_count; i++) {
        const DataInput *input = &model->experiment.inputs[i];
        int64_t elements = 1;
        for (uint32_t axis = 0; axis < input->axis_count; axis++)
            elements *= input->extents[axis];
        if (strcmp(input->name, "tokens") == 0) {
            model->positions = elements;
            model->colours = input->limit;
        } else if (strcmp(input->name, "label") == 0) {
            model->classes = input->limit;
        }
    }
}

/* --- the program --- */

static bool take_program(scanline_model *model, const char *name, RunError *error) {
    const CarriedTarget *target =
        carried_target_choose(&scanline_carried, name, cpu_features(), error);
    model->plan = target ? carried_target_plan(target, error) : NULL;
    if (!model->plan)
        return false;
    model->program = (Program){
        .experiment = &model->experiment, .plan = model->plan, .kernels = target->kernels};
    if (!plan_has_calls(model->plan))
        return true;
    ExternalError fault;
    model->program.externals = model->externals = externals_open(model->plan, NULL, &fault);
    return model->externals || run_fail(error, EXIT_INPUT, "%s%s%s", fault.text,
                                        fault.hint[0] ? "; " : "", fault.hint);
}

static int cores(void) {
    cpu_set_t set;
    return sched_getaffinity(0, sizeof set, &set) == 0 && CPU_COUNT(&set) > 0 ? CPU_COUNT(&set) : 1;
}

bool library_open(scanline_model *model, const scanline_options *options, RunError *error) {
    enum { MOST_THREADS = 1024 };
    static const scanline_options usual = {0};
    if (!options)
        options = &usual;
    if (options->threads < 0 || options->threads > MOST_THREADS)
        return run_fail(error, EXIT_USAGE, "threads is from 0 to %d, not %d", MOST_THREADS,
                        options->threads);
    model->threads = options->threads ? options->threads : cores();
    if (!read_spec(model, options, error) || !take_program(model, options->target, error))
        return false;
    measure(model);
    model->trainer = trainer_create(&model->program, NULL, model->threads, error);
    return model->trainer && trainer_init(model->trainer, error);
}

void library_close(scanline_model *model) {
    inference_free(model->evaluation);
    inference_free(model->features);
    trainer_free(model->trainer);
    externals_close(model->externals);
    plan_free(model->plan);
    arena_destroy(model->arena);
    free(model);
}

/* --- images --- */

static bool in_range(const int32_t *values, int64_t count, int64_t limit, const char *what,
                     RunError *error) {
    for (int64_t i = 0; i < count; i++)
        if (values[i] < 0 || values[i] >= limit)
            return run_fail(error, EXIT_INPUT, "%s[%lld] is %d; they are from 0 to %lld", what,
                            (long long)i, values[i], (long long)limit - 1);
    return true;
}

bool library_check(const scanline_model *model, const int32_t *tokens, const int32_t *labels,
                   int64_t count, int64_t positions, RunError *error) {
    int64_t all;
    if (count < 1 || count > INT32_MAX || __builtin_mul_overflow(count, model->positions, &all))
        return run_fail(error, EXIT_USAGE, "%lld is no number of images", (long long)count);
    if (model->positions && !tokens)
        return run_fail(error, EXIT_USAGE, "tokens is NULL");
    for (int64_t i = 0; model->positions && i < count; i++)
        if (!in_range(tokens + i * model->positions, positions, model->colours, "tokens", error))
            return false;
    return !labels || !model->classes || in_range(labels, count, model->classes, "labels", error);
}

void library_fill(void *user, int64_t first, int64_t count, Chunk *chunk) {
    const LibraryImages *images = user;
    for (int64_t i = 0; i < chunk->size; i++) {
        const int64_t image = first + (i < count ? i : count - 1);
        chunk->image[i] = (int32_t)image;
        if (chunk->tokens)
            memcpy(chunk->tokens + i * chunk->positions, images->tokens + image * chunk->positions,
                   (size_t)chunk->positions * sizeof *chunk->tokens);
        if (chunk->label)
            chunk->label[i] = images->labels ? images->labels[image] : 0;
    }
}

bool library_inference(scanline_model *model, const char *function, Inference **inference,
                       RunError *error) {
    if (!*inference)
        *inference = inference_create(&model->program, function, trainer_model(model->trainer),
                                      NULL, model->threads, error);
    return *inference != NULL;
}
