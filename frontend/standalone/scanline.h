/* A model compiled to a shared library (`scanline compile SPEC --emit so -o libNAME.so`).
 *
 *     scanline_model *model;
 *     scanline_error error;
 *     if (scanline_create(NULL, &model, &error))
 *         return puts(error.text), 1;
 *     for (...)
 *         if (scanline_step(model, tokens, labels, &loss, &error)) ...
 *     scanline_destroy(model);
 *
 * Every function that can fail returns a status, SCANLINE_OK or a code, and then says why in
 * `error`, which may be NULL. The library never prints, exits or aborts, and has no state besides
 * its models. A model is used by one thread at a time; different models by any threads at once.
 *
 * Arrays are the caller's, dense, in C order (the last axis is contiguous), and not kept after the
 * call. `count`, `batch` are numbers of images. Tokens are colours: int32 from 0 to colours - 1,
 * one for each position, in raster order. Labels are int32 from 0 to classes - 1. What is out of
 * range is SCANLINE_INPUT; nothing was done then.
 *
 * Results are the same bits as those of scanline with the same spec, settings and target, and do
 * not depend on the number of threads. */
#ifndef SCANLINE_H
#define SCANLINE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct scanline_model scanline_model;

typedef enum scanline_status {
    SCANLINE_OK = 0,
    SCANLINE_INPUT = 1,    /* what was given is at fault: a setting, a file, an array */
    SCANLINE_USAGE = 2,    /* the call is: an argument that it can't have */
    SCANLINE_MACHINE = 3,  /* memory, disk, or a processor that lacks what was compiled for */
    SCANLINE_DIVERGED = 4, /* a loss, gradient or parameter is not a finite number */
} scanline_status;

typedef struct scanline_error {
    scanline_status status;
    char text[1024];
} scanline_error;

/* What a model is created with; NULL, or all 0, is as it was compiled. */
typedef struct scanline_options {
    const char *const *settings; /* [setting_count] "train.seed=2": what `NAME --help` of the
                                    program says can be set; copied */
    size_t setting_count;
    const char *target; /* "x86-64-v3": one of the CPUs that it was compiled for; NULL: the best of
                           them that runs here */
    int threads;        /* 0: as many as the process may use cores */
} scanline_options;

/* What a model is; strings live as long as it does. */
typedef struct scanline_shape {
    const char *name;      /* of the spec */
    const char *objective; /* "ar" */
    const char *target;    /* "znver5" */
    int64_t positions;     /* tokens an image */
    int64_t colours;
    int64_t classes;    /* of labels; 0: it reads none */
    int64_t batch;      /* images of a step */
    int64_t parameters; /* f32 numbers that are trained */
    int64_t layers;     /* of features; 0: none */
} scanline_shape;

/* A model with the initial values of its parameters, which depend on train.seed. It is the
 * caller's, to be given to scanline_destroy. On failure *model is NULL. */
scanline_status scanline_create(const scanline_options *options, scanline_model **model,
                                scanline_error *error);

/* NULL is nothing to do. */
void scanline_destroy(scanline_model *model);

void scanline_describe(const scanline_model *model, scanline_shape *shape);

/* Parameters, and the states of the update rule where they are in it, of a checkpoint that
 * scanline, a program compiled by it, or scanline_save wrote; steps count on from there. On failure
 * the model has its initial values. */
scanline_status scanline_load(scanline_model *model, const char *path, scanline_error *error);

/* A checkpoint (safetensors) of parameters and states, which appears whole or not at all. Nothing
 * is noted of the images that it was trained on. */
scanline_status scanline_save(const scanline_model *model, const char *path, scanline_error *error);

/* One step of training.
 *     tokens  int32 [batch, positions]
 *     labels  int32 [batch]; NULL where classes is 0
 *     loss    one float: the mean over the batch, before the update; may be NULL
 * After SCANLINE_DIVERGED the model is as before the step, or, with a batch of one chunk, may have
 * been spoilt: `error` says so. */
scanline_status scanline_step(scanline_model *model, const int32_t *tokens, const int32_t *labels,
                              float *loss, scanline_error *error);

/* Steps done so far. */
int64_t scanline_steps(const scanline_model *model);

/* Losses, as an evaluation has them, without training.
 *     tokens  int32 [count, positions];  labels  int32 [count], or NULL where classes is 0
 *     losses  float [count], written */
scanline_status scanline_evaluate(scanline_model *model, const int32_t *tokens,
                                  const int32_t *labels, int64_t count, float *losses,
                                  scanline_error *error);

/* Floats of an image that a layer's features have; 0: there is no such layer. */
int64_t scanline_feature_width(const scanline_model *model, int64_t layer);

/* What a layer holds, of the series that probe.features names.
 *     tokens    int32 [count, positions]
 *     features  float [count, width], written */
scanline_status scanline_features(scanline_model *model, int64_t layer, const int32_t *tokens,
                                  int64_t count, float *features, scanline_error *error);

/* How images are drawn; NULL: at temperature 1 from all colours, by seed 0, with nothing given. */
typedef struct scanline_sampling {
    double temperature; /* 1: as the model says; 0: the likeliest colours; at most 1e6 */
    int64_t top_k;      /* only so many likeliest colours; 0: all */
    double top_p;       /* only the likeliest colours that make up this share; 1: all */
    int64_t seed;
    int64_t given; /* the first so many positions of each image are given */
    int64_t first; /* number of the first image: draws are counted by it */
} scanline_sampling;

/* Draws colour after colour. An image depends on its number, the seed and what is given of it, and
 * not on those beside it.
 *     tokens  int32 [count, positions]: on entry what is given (the rest is not read), then whole
 *             images */
scanline_status scanline_sample(scanline_model *model, const scanline_sampling *sampling,
                                int32_t *tokens, int64_t count, scanline_error *error);

#ifdef __cplusplus
}
#endif

#endif
