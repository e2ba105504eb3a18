/* What a run is told besides the code: the settings of a spec after all overrides, and its
 * parameters. Plain data; the frontend fills it (frontend/experiment.h), an ahead-of-time program
 * carries it along, and the run folder keeps it. Strings and arrays belong to whoever made the
 * Experiment and outlive it. */
#ifndef SCANLINE_RUNTIME_EXPERIMENT_H
#define SCANLINE_RUNTIME_EXPERIMENT_H

#include "runtime/execution/plan.h"
#include "runtime/execution/schedule.h"

/* A parameter, or a state of the update rule, as it lies in checkpoints. */
typedef struct Parameter {
    const char *path; /* "block.3.attn.wq" */
    uint32_t axis_count;
    const char *axes[PLAN_MAX_AXES];
    int64_t extents[PLAN_MAX_AXES];
    int64_t elements; /* f32 */
} Parameter;

/* An input of the spec: an integer tensor an image, below `limit`. */
typedef struct DataInput {
    const char *name;
    uint32_t axis_count; /* without the batch */
    const char *axes[PLAN_MAX_AXES];
    int64_t extents[PLAN_MAX_AXES];
    int64_t limit; /* values are in [0, limit) */
} DataInput;

/* A series of taps of one name, in order of execution: outputs tap.NAME.0 ... of `features`. */
typedef struct TapSeries {
    const char *name;
    uint32_t count;
} TapSeries;

typedef struct DataSettings {
    const char *source;  /* "digits", or a path */
    const char *classes; /* a file with their names; NULL: none is given */
    int64_t resolution;  /* of a data file: pixels a side; 0: its images as they are */
    const char *palette; /* of a data file: a .npy file; NULL: the palette that is in it */
    double validation,
        test;       /* shares of the images; where the source has its own split, that is used */
    int64_t seed;   /* of the split */
    double share;   /* train on this share of each class's training images; 0 or 1: on all */
    int64_t labels; /* or on so many of each class; 0: on all */
    int64_t subset; /* which draw of them */
    bool labelled;  /* of a set that has labels, leave out the images without: the experiment reads
                       them. No setting of its own */
    const char *augment; /* "none", "shift", "crop", "pad" */
    int64_t shift;       /* augment = shift: by at most so many tokens each way */
    int64_t pad;         /* augment = pad: by at most so many pixels each way */
    const char *flip;    /* "no", "yes" */
} DataSettings;

typedef struct TrainSettings {
    const char *objective;
    int64_t batch, chunks, steps, seed;
    int64_t evaluate;   /* every so many steps; and after the last */
    int64_t checkpoint; /* every so many steps; and after the last, and on a signal */
    int64_t memory; /* bytes that training may take; 0: as it comes. Results do not depend on it */
    const char *precision; /* "fp32", "bf16", "bf16_emulated": what matrix products read */
    const char *best;      /* "loss", "accuracy": what an evaluation on validation is judged by */
    int64_t patience;      /* stop after so many evaluations without a better one; 0: never */
} TrainSettings;

typedef struct IntegerList {
    const int64_t *items;
    uint32_t count;
} IntegerList;

typedef struct ProbeSettings {
    const char *features;      /* name of a tap series */
    IntegerList layers;        /* which of the series; none: all */
    int64_t concat;            /* so many layers about the best, side by side; 0: not */
    IntegerList concat_layers; /* these layers side by side, instead */
    IntegerList labels;        /* the low-label probes: so many images a class in each */
    const char *solver;        /* "lbfgs", "sgd" */
    double rate;               /* sgd: the learning rate; 0: found on validation */
    int64_t epochs, batch;     /* sgd */
    int64_t
        memory; /* of features, in bytes; more are kept in a file. Results do not depend on it */
} ProbeSettings;

typedef struct SampleSettings {
    int64_t images;
    double temperature;
    int64_t seed;
} SampleSettings;

/* A dim, const or setting, and where its value is from. */
typedef struct Setting {
    const char *key, *value,
        *origin;  /* "train.steps", "800", "digits.scan:5:33" or "command line" */
    bool changed; /* given on the command line: part of the run's name */
} Setting;

typedef struct Experiment {
    const char *name; /* the main file's, without ".scan" */
    const char *spec; /* flattened text: reading it again gives this experiment */
    Parameter *parameters;
    uint32_t parameter_count;
    Parameter *states; /* path is "PATH:STATE" */
    uint32_t state_count;
    DataInput *inputs;
    uint32_t input_count;
    TapSeries *taps;
    uint32_t tap_count;
    const char **metrics; /* names, without "metric." */
    uint32_t metric_count;
    Setting *settings;
    uint32_t setting_count;
    DataSettings data;
    TrainSettings train;
    ProbeSettings probe;
    SampleSettings sample;
    Schedule schedule;
    bool autoregressive; /* position i of the logits depends on tokens before i only */
} Experiment;

#endif
