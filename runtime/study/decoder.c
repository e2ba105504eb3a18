/* All of its memory is one block: inputs, logits, caches, weights. A cache is bound to its input
 * and its output alike; the plan must say that a step writes it in place. */
#include "runtime/study/decoder.h"

#include "runtime/execution/executor.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FILL_PARTS = 64 }; /* after each of which its progress is told */

struct Decoder {
    const PlanFunction *decode, *prefill, *weights; /* prefill, weights: NULL where there is none */
    int64_t images, positions, colours;
    double weight_bytes, cache_bytes; /* that decode reads: of all weights; of a position of the
                                         caches that have positions */
    const PlanKernel *kernels;
    Executor *executor;
    PageBlock block;
    int32_t *before, *position; /* inputs of decode */
    int32_t *tokens;            /* input of prefill */
    int32_t *image, *seed, *step, *draw;
    float *logits;
    Bound bound, fill;
};

/* --- shapes --- */

static const DataInput *tokens_of(const Experiment *experiment) {
    for (uint32_t i = 0; i < experiment->input_count; i++)
        if (strcmp(experiment->inputs[i].name, "tokens") == 0)
            return &experiment->inputs[i];
    return NULL;
}

static bool find_shape(Decoder *decoder, const Experiment *experiment, RunError *error) {
    const PlanFunction *decode = decoder->decode;
    const DataInput *tokens = tokens_of(experiment);
    const int64_t before = plan_find_input(decode, "tokens");
    const int64_t logits = plan_find_output(decode, "logits");
    const PlanBinding *result = logits < 0 ? NULL : &decode->outputs[logits];
    if (!tokens || tokens->axis_count != 1 || before < 0 || !result || result->axis_count != 2 ||
        result->extents[0] != decode->inputs[before].elements)
        return run_fail(error, EXIT_INPUT, "the objective has no logits to draw from");
    if (plan_find_input(decode, "label") >= 0)
        return run_fail(error, EXIT_INPUT,
                        "sampling reads labels, which images to come do not have");
    decoder->images = result->extents[0];
    decoder->colours = result->extents[1];
    decoder->positions = tokens->extents[0];
    return true;
}

static bool is_cache(const PlanBinding *output) { return strncmp(output->name, "cache.", 6) == 0; }

static int64_t binding_bytes(const PlanBinding *binding) {
    return binding->elements * (int64_t)plan_type_size(binding->type);
}

static bool in_place(const PlanFunction *decode, RunError *error) {
    for (uint32_t i = 0; i < decode->output_count; i++) {
        const PlanBinding *output = &decode->outputs[i];
        if (is_cache(output) &&
            (output->donated < 0 || output->donated != plan_find_input(decode, output->name)))
            return run_fail(error, EXIT_INPUT, "the program's decode does not write %s in place",
                            output->name);
    }
    return true;
}

/* What is there a second time is read so, but for the few blocks that are not held compressed. */
static double bytes_read(const PlanFunction *decode, const PlanBinding *input) {
    static const char *const forms[] = {"compressed", "tiled"};
    bool is_packed = false;
    for (int i = 0; i < 2; i++) {
        char name[256];
        snprintf(name, sizeof name, "%s.%s", input->name, forms[i]);
        is_packed |= plan_find_input(decode, name) >= 0;
    }
    return is_packed ? 0 : (double)binding_bytes(input);
}

/* A kernel that has something to do for each element of a tensor reads all of it: a product does,
 * and what takes a row of a table does not. */
static void count_bytes(Decoder *decoder, const Plan *plan) {
    const PlanFunction *decode = decoder->decode;
    for (uint32_t i = 0; i < decode->input_count; i++)
        if (is_cache(&decode->inputs[i]))
            decoder->cache_bytes +=
                bytes_read(decode, &decode->inputs[i]) / (double)decoder->positions;
    for (uint32_t s = 0; s < decode->step_count; s++) {
        const PlanStep *step = &decode->steps[s];
        for (uint32_t o = 0; o < step->operand_count; o++) {
            const PlanBuffer *buffer = &decode->buffers[step->operands[o]];
            const PlanBinding *input =
                buffer->storage == PLAN_INPUT ? &decode->inputs[buffer->binding] : NULL;
            if (input && !is_cache(input) &&
                (double)input->elements <= plan->kernels[step->kernel].flops)
                decoder->weight_bytes += bytes_read(decode, input);
        }
    }
}

/* --- memory --- */

/* Gives out places in a block one after another; with no block it only counts. */
typedef struct Layout {
    char *bytes;
    int64_t size;
    Slots *inputs, *outputs; /* NULL: to count */
    bool failed;
} Layout;

static void *place(Layout *layout, const char *name, PlanType type, int64_t elements) {
    char *at = layout->bytes ? layout->bytes + layout->size : NULL;
    layout->size += block_aligned(elements * (int64_t)plan_type_size(type));
    if (at && !slots_add(layout->inputs, name, type, elements, at))
        layout->failed = true;
    return at;
}

static void place_output(Layout *layout, const PlanBinding *output) {
    void *at = place(layout, output->name, output->type, output->elements);
    if (at && !slots_add(layout->outputs, output->name, output->type, output->elements, at))
        layout->failed = true;
}

/* The tokens before the position, and those of whole images, have one name and two sizes: the
 * latter are added by whoever binds prefill. */
static void lay_out(Decoder *decoder, Layout *layout) {
    const PlanFunction *decode = decoder->decode, *weights = decoder->weights;
    decoder->tokens = place(layout, "", PLAN_I32, decoder->images * decoder->positions);
    decoder->before = place(layout, "tokens", PLAN_I32, decoder->images);
    decoder->image = place(layout, "$image", PLAN_I32, decoder->images);
    decoder->position = place(layout, "$position", PLAN_I32, 1);
    decoder->seed = place(layout, "$seed", PLAN_I32, 1);
    decoder->step = place(layout, "$step", PLAN_I32, 1);
    decoder->draw = place(layout, "$draw", PLAN_I32, 1);
    for (uint32_t i = 0; i < decode->output_count; i++)
        place_output(layout, &decode->outputs[i]);
    for (uint32_t i = 0; weights && i < weights->output_count; i++)
        place_output(layout, &weights->outputs[i]);
}

static bool bind_all(Decoder *decoder, Slots *inputs, const Slots *outputs, RunError *error) {
    if (!bound_create(&decoder->bound, decoder->decode, inputs, outputs, error))
        return false;
    decoder->logits = decoder->bound.outputs[plan_find_output(decoder->decode, "logits")];
    if (!decoder->prefill)
        return true;
    return slots_add(inputs, "tokens", PLAN_I32, decoder->images * decoder->positions,
                     decoder->tokens)
               ? bound_create(&decoder->fill, decoder->prefill, inputs, outputs, error)
               : run_no_memory(error, "the run's tables");
}

/* What of the model is the same at every position. */
static bool make_weights(Decoder *decoder, const Slots *inputs, const Slots *outputs,
                         RunError *error) {
    Bound bound = {0};
    if (!decoder->weights)
        return true;
    if (!bound_create(&bound, decoder->weights, inputs, outputs, error))
        return false;
    executor_run(decoder->executor, decoder->weights, bound.inputs, bound.outputs);
    bound_free(&bound);
    return true;
}

static bool prepare(Decoder *decoder, const Model *model, Slots *inputs, Slots *outputs,
                    RunError *error) {
    Layout layout = {0};
    lay_out(decoder, &layout);
    if (!block_create(&decoder->block, layout.size))
        return run_fail(error, EXIT_MACHINE, "no memory for %lld MiB of caches and weights",
                        (long long)(layout.size >> 20));
    layout = (Layout){.bytes = decoder->block.bytes, .inputs = inputs, .outputs = outputs};
    lay_out(decoder, &layout);
    if (layout.failed || !model_slots(model, inputs))
        return run_no_memory(error, "the run's tables");
    *decoder->seed = (int32_t)model->experiment->train.seed;
    for (int64_t i = 0; i < decoder->images; i++)
        decoder->image[i] = (int32_t)i;
    return make_weights(decoder, inputs, outputs, error) &&
           bind_all(decoder, inputs, outputs, error);
}

/* --- life --- */

static bool open_decoder(Decoder *decoder, const Program *program, const Model *model, int threads,
                         RunError *error) {
    if (!decoder->decode)
        return run_fail(error, EXIT_INPUT, "the program has no function decode");
    if (!find_shape(decoder, program->experiment, error) || !in_place(decoder->decode, error))
        return false;
    count_bytes(decoder, program->plan);
    decoder->kernels = program->plan->kernels;
    const ExecutorUse uses[] = {{decoder->decode, EXECUTOR_TEAM},
                                {decoder->prefill, EXECUTOR_TEAM},
                                {decoder->weights, EXECUTOR_TEAM}};
    decoder->executor = executor_create(program, threads, uses, 3);
    if (!decoder->executor)
        return run_no_memory(error, "the program's temporaries");
    Slots inputs = {0}, outputs = {0};
    const bool ok = prepare(decoder, model, &inputs, &outputs, error);
    slots_free(&inputs);
    slots_free(&outputs);
    return ok;
}

Decoder *decoder_create(const Program *program, const Model *model, int threads, RunError *error) {
    Decoder *decoder = calloc(1, sizeof *decoder);
    if (!decoder) {
        run_no_memory(error, "decoding");
        return NULL;
    }
    decoder->decode = plan_function(program->plan, "decode");
    decoder->prefill = plan_function(program->plan, "prefill");
    decoder->weights = plan_function(program->plan, "decode_weights");
    if (open_decoder(decoder, program, model, threads, error))
        return decoder;
    decoder_free(decoder);
    return NULL;
}

void decoder_free(Decoder *decoder) {
    if (!decoder)
        return;
    bound_free(&decoder->bound);
    bound_free(&decoder->fill);
    executor_free(decoder->executor);
    block_free(&decoder->block);
    free(decoder);
}

int64_t decoder_images(const Decoder *decoder) { return decoder->images; }
int64_t decoder_positions(const Decoder *decoder) { return decoder->positions; }
int64_t decoder_colours(const Decoder *decoder) { return decoder->colours; }
int decoder_threads(const Decoder *decoder) { return executor_threads(decoder->executor); }

/* --- running --- */

/* Of all that prefill computes, what its steps `first` to `last` - 1 do. */
static double fill_share(const Decoder *decoder, uint32_t first, uint32_t last) {
    double part = 0, all = 0;
    for (uint32_t i = 0; i < decoder->prefill->step_count; i++) {
        const double flops = 1 + decoder->kernels[decoder->prefill->steps[i].kernel].flops;
        all += flops;
        part += i >= first && i < last ? flops : 0;
    }
    return part / all;
}

void decoder_fill(Decoder *decoder, const int32_t *tokens, DecoderProgress *progress, void *user) {
    if (!decoder->prefill) {
        progress(user, 1); /* it keeps nothing from position to position */
        return;
    }
    memcpy(decoder->tokens, tokens,
           (size_t)(decoder->images * decoder->positions) * sizeof *tokens);
    const uint32_t steps = decoder->prefill->step_count, part = steps / FILL_PARTS + 1;
    for (uint32_t first = 0; first < steps; first += part) {
        const uint32_t last = first + part < steps ? first + part : steps;
        executor_run_part(decoder->executor, decoder->prefill, first, last, decoder->fill.inputs,
                          decoder->fill.outputs);
        progress(user, fill_share(decoder, first, last));
    }
}

const float *decoder_step(Decoder *decoder, const int32_t *before, int64_t position) {
    memcpy(decoder->before, before, (size_t)decoder->images * sizeof *before);
    *decoder->position = (int32_t)position;
    executor_run(decoder->executor, decoder->decode, decoder->bound.inputs, decoder->bound.outputs);
    return decoder->logits;
}

double decoder_step_bytes(const Decoder *decoder, int64_t position) {
    return decoder->weight_bytes + decoder->cache_bytes * (double)(position + 1);
}
