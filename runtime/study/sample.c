/* A uniform draw walks along the colours. Where top-k or top-p cut off a tail they are put in order
 * of their probability first. */
#include "runtime/study/sample.h"

#include "ir/philox.h"
#include "runtime/execution/scalar_math.h"

#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>

enum {
    SAMPLE_DOMAIN = 0x53414D50
}; /* "SAMP": sets these draws apart from all others of the same seed */

const char *sample_fault(const SampleOptions *options) {
    if (!(options->temperature >= 0 && options->temperature <= 1e6))
        return "the temperature must be from 0 to 1e6";
    if (options->top_k < 0)
        return "top_k must not be negative";
    if (!(options->top_p > 0 && options->top_p <= 1))
        return "top_p must be above 0 and at most 1";
    return NULL;
}

bool sample_check(SampleStatus status, RunError *error) {
    switch (status) {
    case SAMPLE_DONE:
        return true;
    case SAMPLE_NOT_FINITE:
        return run_fail(error, EXIT_DIVERGED,
                        "the model's logits are not numbers that can be drawn from");
    case SAMPLE_FAILED:
        return run_fail(error, EXIT_INPUT, "the model can't be run");
    case SAMPLE_NO_MEMORY:
        break;
    }
    return run_no_memory(error, "sampling");
}

/* Likelier ones first; of equals, the lower colour. */
static int compare_choices(const void *a, const void *b) {
    const SampleChoice *x = a, *y = b;
    if (x->weight != y->weight)
        return x->weight > y->weight ? -1 : 1;
    return x->colour < y->colour ? -1 : x->colour > y->colour;
}

/* In [0, 1), a multiple of 2^-53. */
static double uniform(int64_t seed, int64_t image, int64_t position) {
    const PhiloxBlock counter = {
        {(uint32_t)image, (uint32_t)((uint64_t)image >> 32), (uint32_t)position, SAMPLE_DOMAIN}};
    const PhiloxBlock block = philox4x32(counter, (uint32_t)seed, (uint32_t)((uint64_t)seed >> 32));
    return (double)(((uint64_t)block.word[0] << 32 | block.word[1]) >> 11) * 0x1p-53;
}

/* Where the logits have a largest finite one; -1: they have none, or hold a NaN or +inf. */
static int64_t largest_logit(const float *logits, int64_t colours) {
    int64_t largest = -1;
    for (int64_t c = 0; c < colours; c++) {
        if (isnan(logits[c]) || logits[c] == INFINITY)
            return -1;
        if (logits[c] != -INFINITY && (largest < 0 || logits[c] > logits[largest]))
            largest = c;
    }
    return largest;
}

static bool cuts_off(int64_t colours, const SampleOptions *options) {
    return options->top_p < 1 || (options->top_k > 0 && options->top_k < colours);
}

/* How many of the ordered choices are kept. */
static int64_t kept(const SampleChoice *order, int64_t colours, const SampleOptions *options) {
    int64_t count = options->top_k > 0 && options->top_k < colours ? options->top_k : colours;
    if (options->top_p < 1) {
        double all = 0, sum = 0;
        for (int64_t i = 0; i < count; i++)
            all += order[i].weight;
        for (int64_t i = 0; i < count; i++) {
            sum += order[i].weight;
            if (sum >= options->top_p * all)
                return i + 1;
        }
    }
    return count;
}

int32_t sample_colour(const float *logits, int64_t colours, const SampleOptions *options,
                      int64_t image, int64_t position, SampleChoice *order) {
    const int64_t largest = largest_logit(logits, colours);
    if (largest < 0 || options->temperature == 0)
        return (int32_t)largest;
    for (int64_t c = 0; c < colours; c++) {
        const double above = (double)logits[c] - (double)logits[largest];
        order[c] = (SampleChoice){scalar_exp(above / options->temperature), (int32_t)c};
    }
    int64_t count = colours;
    if (cuts_off(colours, options)) {
        qsort(order, (size_t)colours, sizeof *order, compare_choices);
        count = kept(order, colours, options);
    }
    double all = 0;
    for (int64_t i = 0; i < count; i++)
        all += order[i].weight;
    double left = uniform(options->seed, image, position) * all;
    for (int64_t i = 0; i < count; i++) {
        left -= order[i].weight;
        if (left < 0)
            return order[i].colour;
    }
    return (int32_t)largest; /* the sum was rounded below the draw */
}

/* What drawing needs room for. */
typedef struct Drawing {
    const SampleTask *task;
    const SampleOptions *options;
    float *logits;       /* [together, colours] */
    SampleChoice *order; /* [threads, colours] */
} Drawing;

/* Of images first ... first + count - 1. */
static SampleStatus draw_position(const Drawing *drawing, int64_t first, int64_t count,
                                  int64_t position, int32_t *tokens) {
    const SampleTask *task = drawing->task;
    if (!task->model(task->user, tokens, count, position, drawing->logits))
        return SAMPLE_FAILED;
    bool finite = true;
#pragma omp parallel for num_threads(task->threads) reduction(&& : finite) if (count > 1)
    for (int64_t i = 0; i < count; i++) {
        const int32_t colour = sample_colour(drawing->logits + i * task->colours, task->colours,
                                             drawing->options, task->number + first + i, position,
                                             drawing->order + omp_get_thread_num() * task->colours);
        if (colour >= 0)
            tokens[i * task->positions + position] = colour;
        finite = finite && colour >= 0;
    }
    return finite ? SAMPLE_DONE : SAMPLE_NOT_FINITE;
}

SampleStatus sample_images(const SampleTask *task, const SampleOptions *options, int32_t *tokens) {
    const size_t colours = (size_t)task->colours;
    const Drawing drawing = {task, options,
                             malloc((size_t)task->together * colours * sizeof(float)),
                             malloc((size_t)task->threads * colours * sizeof(SampleChoice))};
    SampleStatus status = drawing.logits && drawing.order ? SAMPLE_DONE : SAMPLE_NO_MEMORY;
    for (int64_t first = 0; first < task->count; first += task->together) {
        const int64_t left = task->count - first;
        const int64_t count = left < task->together ? left : task->together;
        for (int64_t p = task->given; status == SAMPLE_DONE && p < task->positions; p++)
            status = draw_position(&drawing, first, count, p, tokens + first * task->positions);
    }
    free(drawing.logits);
    free(drawing.order);
    return status;
}
