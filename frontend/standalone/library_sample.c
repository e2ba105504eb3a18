/* Drawing, as the command `sample` does (runtime/study/draw.h). */
#include "frontend/standalone/library.h"

#include "runtime/study/draw.h"

/* The decoder has the weights as they are now. */
static bool draw(const scanline_model *model, const SampleOptions *options,
                 const scanline_sampling *sampling, int32_t *tokens, int64_t count,
                 RunError *error) {
    const DrawTask task = {.count = count, .given = sampling->given, .number = sampling->first};
    Decoder *decoder =
        decoder_create(&model->program, trainer_model(model->trainer), model->threads, error);
    if (!decoder)
        return false;
    const SampleStatus status = draw_images(decoder, &task, options, tokens);
    decoder_free(decoder);
    return sample_check(status, error);
}

static bool sample(scanline_model *model, const scanline_sampling *sampling, int32_t *tokens,
                   int64_t count, RunError *error) {
    static const scanline_sampling usual = {.temperature = 1, .top_p = 1};
    if (!sampling)
        sampling = &usual;
    const SampleOptions options = {sampling->temperature, sampling->top_k, sampling->top_p,
                                   sampling->seed};
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
    return library_check(model, tokens, NULL, count, sampling->given, error) &&
           draw(model, &options, sampling, tokens, count, error);
}

scanline_status scanline_sample(scanline_model *model, const scanline_sampling *sampling,
                                int32_t *tokens, int64_t count, scanline_error *error) {
    RunError fault = {0};
    return library_answer(sample(model, sampling, tokens, count, &fault), &fault, error);
}
