/* Where a run and its reproduction differ first, if anywhere: their metrics.jsonl line by line,
 * their checkpoints byte by byte. */
#ifndef SCANLINE_RUNTIME_RUN_COMPARE_H
#define SCANLINE_RUNTIME_RUN_COMPARE_H

#include "runtime/run_error.h"

#include <stdint.h>

enum { DIFFERENCE_TEXT = 512 };

typedef struct RunDifference {
    bool found;
    int64_t step;
    char file[64]; /* "metrics.jsonl", "checkpoints/best.safetensors" */
    /* In printable ASCII, whatever the files hold: */
    char what[DIFFERENCE_TEXT]; /* "validation loss", "block.0.attn.wq[3, 5]" */
    char run[DIFFERENCE_TEXT], reproduction[DIFFERENCE_TEXT]; /* what it is in each */
} RunDifference;

typedef struct RunComparison {
    const char *run, *reproduction; /* folders */
    int64_t until;                  /* the run's record is whole up to this step */
    int64_t last;                   /* step of its checkpoint `last`; -1: there is none */
    bool evaluation_due;            /* the evaluation after step `until` is not in that record */
    bool open_end;                  /* the process may have died between two lines */
    long at;                        /* bytes of metrics.jsonl that were found to be the same */
    int64_t lines;                  /* as lines */
    int64_t checkpoints;            /* that were found to be the same */
    RunDifference difference;
} RunComparison;

/* How far the record of a run goes, of which the training `ended` or may have been killed. Which
 * reproduction it is compared with is for the caller to fill in. */
bool run_compare_begin(RunComparison *comparison, const char *run, bool ended, RunError *error);

/* Compares what there is of a reproduction that has just written its checkpoint of `step`. False
 * and `error`: a file can't be read, or there is no memory. */
bool run_compare_step(RunComparison *comparison, int64_t step, RunError *error);

/* Compares the rest, once the reproduction has ended. */
bool run_compare_end(RunComparison *comparison, RunError *error);

#endif
