#include "runtime/study/draw.h"

#include <stdlib.h>
#include <string.h>

typedef struct Drawing {
    Decoder *decoder;
    const DrawTask *task;
    int64_t positions;
    int32_t *tokens; /* [side by side, all positions] */
    int32_t *before; /* [side by side] */
} Drawing;

static void advance(const Drawing *drawing, double tokens) {
    if (drawing->task->work)
        work_advance(drawing->task->work, tokens);
}

/* Beginning with so many images. */
typedef struct Filling {
    const Drawing *drawing;
    int64_t images;
} Filling;

static void fill_progress(void *user, double share) {
    const Filling *filling = user;
    advance(filling->drawing, share * (double)(filling->images * filling->drawing->task->given));
}

static void begin_images(const Drawing *drawing, const int32_t *tokens, int64_t count) {
    const int64_t all = decoder_positions(drawing->decoder);
    for (int64_t i = 0; i < count; i++)
        memcpy(drawing->tokens + i * all, tokens + i * drawing->positions,
               (size_t)drawing->task->given * sizeof *tokens);
    decoder_fill(drawing->decoder, drawing->tokens, fill_progress, &(Filling){drawing, count});
}

static bool give_logits(void *user, const int32_t *tokens, int64_t count, int64_t position,
                        float *logits) {
    const Drawing *drawing = user;
    if (position > 0 && position == drawing->task->given)
        begin_images(drawing, tokens, count);
    for (int64_t i = 0; i < count; i++)
        drawing->before[i] = position ? tokens[i * drawing->positions + position - 1] : 0;
    const float *made = decoder_step(drawing->decoder, drawing->before, position);
    memcpy(logits, made, (size_t)(count * decoder_colours(drawing->decoder)) * sizeof *logits);
    advance(drawing, (double)count);
    return true;
}

SampleStatus draw_images(Decoder *decoder, const DrawTask *task, const SampleOptions *options,
                         int32_t *tokens) {
    const int64_t images = decoder_images(decoder), all = decoder_positions(decoder);
    Drawing drawing = {
        .decoder = decoder,
        .task = task,
        .positions = task->positions ? task->positions : all,
        .tokens = calloc((size_t)(images * all), sizeof *drawing.tokens),
        .before = calloc((size_t)images, sizeof *drawing.before),
    };
    const SampleTask sample = {
        .model = give_logits,
        .user = &drawing,
        .count = task->count,
        .positions = drawing.positions,
        .colours = decoder_colours(decoder),
        .together = images,
        .given = task->given,
        .number = task->number,
        .threads = decoder_threads(decoder),
    };
    const SampleStatus status = drawing.tokens && drawing.before
                                    ? sample_images(&sample, options, tokens)
                                    : SAMPLE_NO_MEMORY;
    free(drawing.tokens);
    free(drawing.before);
    return status;
}
