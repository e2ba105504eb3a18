/* The options of commands that draw images. */
#ifndef SCANLINE_FRONTEND_CLI_DRAWING_OPTIONS_H
#define SCANLINE_FRONTEND_CLI_DRAWING_OPTIONS_H

#include "runtime/execution/experiment.h"
#include "runtime/study/sample.h"

#include <argp.h>

/* Images that are drawn side by side unless the command line says otherwise: each reads the weights
 * anew, so that the more the faster, while its caches are read for each image. */
enum {
    DRAWING_SIDE_BY_SIDE = 16,
    DRAWING_MOST_SIDE_BY_SIDE = 256,
    DRAWING_AHEAD = 8, /* in programs compiled ahead of time, which have one number for all */
};

typedef struct DrawingOptions {
    SampleOptions sample;
    double temperature; /* below 0: as the spec has it */
    int64_t seed;       /* the same */
    int64_t batch;      /* images side by side; 0: as many as there are, up to the default */
    bool files;
} DrawingOptions;

enum {
    KEY_TEMPERATURE = 0x300,
    KEY_TOP_K,
    KEY_TOP_P,
    KEY_SEED,
    KEY_BATCH,
    KEY_FILES,
};

#define DRAWING_KEYS                                                                               \
    {"temperature",                                                                                \
     KEY_TEMPERATURE,                                                                              \
     "T",                                                                                          \
     0,                                                                                            \
     "1: as the model says; 0: always the likeliest colour",                                       \
     0},                                                                                           \
        {"top-k", KEY_TOP_K, "K", 0, "only the K likeliest colours", 0},                           \
        {"top-p", KEY_TOP_P, "P", 0, "only the likeliest colours that make up the share P", 0},    \
        {"seed", KEY_SEED, "N", 0, "another seed, other images", 0},                               \
        {"batch",                                                                                  \
         KEY_BATCH,                                                                                \
         "N",                                                                                      \
         0,                                                                                        \
         "images side by side (default: up to 16; of a program compiled ahead of time always 8); " \
         "results do not depend on it",                                                            \
         0},                                                                                       \
    {                                                                                              \
        "files", KEY_FILES, 0, 0, "write each image as a file of its own, too", 0                  \
    }

DrawingOptions drawing_options(void);

/* 0, EINVAL, or ARGP_ERR_UNKNOWN for a key that is the command's own. */
error_t drawing_parse(DrawingOptions *options, int key, const char *argument);

/* A number within bounds. */
bool drawing_number(const char *text, double least, double most, double *value);

/* What the command line and the spec say together. */
SampleOptions drawing_settle(const DrawingOptions *options, const SampleSettings *settings);

/* Images side by side, where so many are to be drawn. */
int64_t drawing_batch(const DrawingOptions *options, int64_t images);

#endif
