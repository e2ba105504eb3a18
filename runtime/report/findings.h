/* What a run's folder holds, read for a report or a comparison. Whatever is in these files may have
 * been written by anyone: figures are checked to be figures, and what cannot be read is a note, not
 * an end. */
#ifndef SCANLINE_RUNTIME_FINDINGS_H
#define SCANLINE_RUNTIME_FINDINGS_H

#include "runtime/execution/experiment.h"
#include "runtime/report/pool.h"
#include "runtime/run/log.h"
#include "runtime/run_error.h"
#include "runtime/study/interval.h"

#include <stdio.h>

/* Losses by step, of one split. */
typedef struct CurvePoint {
    int64_t step;
    double loss;     /* nats */
    double accuracy; /* NaN: none was measured */
} CurvePoint;

typedef struct Curve {
    CurvePoint *points; /* by step */
    uint32_t count;
} Curve;

/* A share of images that were classified rightly. */
typedef struct Share {
    double value;
    Interval interval; /* 95 % */
    int64_t count;     /* images */
} Share;

typedef struct ProbedLayer {
    const char *name; /* "feature[3]" */
    int64_t number;   /* 3; its place in the list where the name has none */
    Share test;
} ProbedLayer;

/* One probe.json. */
typedef struct ProbeFindings {
    int64_t step;
    ProbedLayer *layers;
    uint32_t count;
    ProbedLayer best; /* chosen on validation */
    ProbedLayer pixels;
    bool has_pixels;
} ProbeFindings;

/* eval/test.json */
typedef struct TestFindings {
    int64_t step, images;
    double loss;    /* NaN: none */
    Share accuracy; /* count 0: none */
} TestFindings;

typedef struct RunFindings {
    const char *folder;  /* as it was found */
    const char *address; /* what commands call it: "7", or the folder */
    const char *id;      /* the folder's own name */
    /* run.json; "" where it says nothing */
    const char *name, *objective, *state, *precision, *data, *split, *command, *reason;
    const char *parent;   /* the id of the run that it began from; "": none */
    int64_t parameters;   /* elements; -1: no checkpoint to count them in */
    int64_t steps;        /* done */
    int64_t best_step;    /* -1: no validation loss */
    double best_loss;     /* of the validation split; NaN: none */
    double best_accuracy; /* of the same, as run.json has it; NaN: none */
    Curve train, validation;
    ProbeFindings *probes; /* of checkpoints, by step: probe/step-* and probe/probe.json */
    uint32_t probe_count;
    const ProbeFindings *probe; /* probe/probe.json, or the last step's; NULL: none */
    const TestFindings *test;   /* NULL: none */
    const char **pictures;      /* paths of the PNG files in samples/ */
    uint32_t picture_count;
    const char *spec; /* spec.scan; "": none */
    /* Those of spec.scan, in its order; from who can read specs. */
    const Setting *settings;
    uint32_t setting_count;
    int64_t seed;       /* train.seed; -1: not known */
    const char **notes; /* what could not be read, and why */
    uint32_t note_count;
} RunFindings;

/* Reads all of it, except the settings, into the pool. False and `error`: no memory, or no run.json
 * to be read. */
bool findings_read(const char *folder, Pool *pool, RunFindings *run, RunError *error);

/* The best there is of a run in a line of a list, without its curves where run.json has their sum.
 */
bool findings_read_summary(const char *folder, Pool *pool, RunFindings *run, RunError *error);

/* A run, and what its spec sets, from who can read specs; no settings: it could not be read. */
typedef struct FoundRun {
    const char *folder;
    const Setting *settings;
    uint32_t setting_count;
} FoundRun;

/* The same of several, with their settings and seeds: runs[i] is found[i]. Tells `log` how far it
 * is; NULL: nobody listens. */
bool findings_read_all(const FoundRun *found, uint32_t count, Log *log, Pool *pool,
                       RunFindings *runs, RunError *error);

/* Adds to the notes. */
void findings_note(RunFindings *run, Pool *pool, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The value of a setting; NULL: it has none. */
const char *findings_setting(const RunFindings *run, const char *key);

/* The validation loss after `step`; NaN: none was measured then. */
double findings_loss_at(const RunFindings *run, int64_t step);

#endif
