/* Drawing images from a model, colour after colour in raster order, and completing given ones.
 *
 * A draw is a function of (seed, image, position) and the logits alone: images do not change with
 * those they are drawn beside. */
#ifndef SCANLINE_RUNTIME_SAMPLE_H
#define SCANLINE_RUNTIME_SAMPLE_H

#include "runtime/run_error.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct SampleOptions {
    double temperature; /* 0: always the likeliest colour */
    int64_t top_k;      /* only the so many likeliest colours; 0: all */
    double top_p;       /* only the likeliest colours that make up this share; 1: all */
    int64_t seed;
} SampleOptions;

typedef enum SampleStatus {
    SAMPLE_DONE,
    SAMPLE_NOT_FINITE, /* the model gave logits of which none can be drawn */
    SAMPLE_FAILED,     /* the model could not be run */
    SAMPLE_NO_MEMORY,
} SampleStatus;

/* What is drawn from: fills logits [count, colours] of a position of images whose tokens [count,
 * positions] are known before it. It is asked for one position after another, from the first that
 * is not given on, then for those of the next images. False: it failed. */
typedef bool SampleModel(void *user, const int32_t *tokens, int64_t count, int64_t position,
                         float *logits);

typedef struct SampleTask {
    SampleModel *model;
    void *user;
    int64_t count, positions, colours;
    int64_t together; /* images that the model is asked about at once, at most */
    int64_t given;    /* the first so many positions of each image are given */
    int64_t number;   /* of the first image: what its draws are counted by */
    int threads;      /* that draw for images side by side, at most */
} SampleTask;

/* tokens [count, positions]: on entry what is given, at the end whole images. */
SampleStatus sample_images(const SampleTask *task, const SampleOptions *options, int32_t *tokens);

/* NULL, or what is wrong with them. */
const char *sample_fault(const SampleOptions *options);

/* What a status is to whoever asked. False and `error`, but for SAMPLE_DONE. */
bool sample_check(SampleStatus status, RunError *error);

/* One draw: a colour, or -1 if none can be drawn. `order` has room for `colours`. */
typedef struct SampleChoice {
    double weight;
    int32_t colour;
} SampleChoice;
int32_t sample_colour(const float *logits, int64_t colours, const SampleOptions *options,
                      int64_t image, int64_t position, SampleChoice *order);

#endif
