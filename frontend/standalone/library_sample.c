/* Drawing, by the sampler that the command `sample` uses (runtime/study/sample.h). */
#include "frontend/standalone/library.h"

#include "runtime/study/sample.h"

#include <string.h>

typedef struct Drawing {
    scanline_model *model;
    int64_t count, output, width; /* logits an image */
    const int32_t *tokens;        /* of the call that is under way */
    float *logits;
} Drawing;

static void fill(void *user, int64_t first, int64_t count, Chunk *chunk) {
    const Drawing *drawing = user;
    LibraryImages images = {drawing->model, drawing->tokens, NULL};
    library_fill(&images, first, count, chunk);
}

static void take(void *user, int64_t first, int64_t count, void *const *outputs) {
    const Drawing *drawing = user;
    memcpy(drawing->logits + first * drawing->width, outputs[drawing->output],
           (size_t)(count * drawing->width) * sizeof *drawing->logits);
}

static bool run(void *user, const int32_t *tokens, int64_t position, float *logits) {
    (void)position;
    Drawing *drawing = user;
    drawing->tokens = tokens;
    drawing->logits = logits;
    inference_run(drawing->model->drawing, drawing->count, 0, fill, take, drawing);
    return true;
}

static bool has_logits(Drawing *drawing, RunError *error) {
    const scanline_model *model = drawing->model;
    const PlanFunction *function = inference_function(model->drawing);
    drawing->output = inference_output(model->drawing, "logits", &drawing->width);
    return (drawing->output >= 0 && drawing->width == model->positions * model->colours &&
            plan_find_input(function, "label") < 0) ||
           run_fail(error, EXIT_INPUT, "the objective %s has no logits of each position alone",
                    model->experiment.train.objective);
}

static bool draw(const Drawing *drawing, const SampleOptions *options,
                 const scanline_sampling *sampling, int32_t *tokens, RunError *error) {
    const SampleTask task = {.model = run,
                             .user = (void *)drawing,
                             .count = drawing->count,
                             .positions = drawing->model->positions,
                             .colours = drawing->model->colours,
                             .given = sampling->given,
                             .number = sampling->first};
    switch (sample_images(&task, options, tokens)) {
    case SAMPLE_DONE:
        return true;
    case SAMPLE_NOT_FINITE:
        return run_fail(error, EXIT_DIVERGED,
                        "the model's logits are not numbers that can be drawn from");
    default:
        return run_no_memory(error, "sampling");
    }
}

static bool sample(scanline_model *model, const scanline_sampling *sampling, int32_t *tokens,
                   int64_t count, RunError *error) {
    static const scanline_sampling usual = {.temperature = 1, .top_p = 1};
    if (!sampling)
        sampling = &usual;
    const SampleOptions options = {sampling->temperature, sampling->top_k, sampling->top_p,
                                   sampling->seed};
    Drawing drawing = {.model = model, .count = count};
    const char *wrong = sample_fault(&options);
    if (wrong)
        return run_fail(error, EXIT_USAGE, "%s", wrong);
    if (sampling->given < 0 || sampling->given > model->positions || sampling->first < 0)
        return run_fail(error, EXIT_USAGE, "given is from 0 to %lld, and first not below 0",
                        (long long)model->positions);
    if (!model->experiment.autoregressive)
        return run_fail(error, EXIT_INPUT,
                        "the objective %s does not predict colours from those before them alone",
                        model->experiment.train.objective);
    if (!library_check(model, tokens, NULL, count, sampling->given, error) ||
        !library_inference(model, "sample", &model->drawing, error) || !has_logits(&drawing, error))
        return false;
    return draw(&drawing, &options, sampling, tokens, error);
}

scanline_status scanline_sample(scanline_model *model, const scanline_sampling *sampling,
                                int32_t *tokens, int64_t count, scanline_error *error) {
    RunError fault = {0};
    return library_answer(sample(model, sampling, tokens, count, &fault), &fault, error);
}
