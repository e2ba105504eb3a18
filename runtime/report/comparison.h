/* Two sets of runs held against each other: what their figures differ by, and how far that can be
 * from chance. Runs are told apart by their seeds; sets by what is compared. */
#ifndef SCANLINE_RUNTIME_COMPARISON_H
#define SCANLINE_RUNTIME_COMPARISON_H

#include "runtime/report/findings.h"
#include "runtime/study/means.h"

typedef struct FindingsSet {
    RunFindings *runs;
    uint32_t count;
} FindingsSet;

/* In what the sets may differ besides settings, as that is what is compared. */
typedef enum ComparisonAcross {
    ACROSS_OBJECTIVES = 1, /* losses are left out, as they are not on one scale */
    ACROSS_DATA = 2,       /* images, or their split */
} ComparisonAcross;

typedef struct ComparedFigure {
    const char *name;
    bool is_share;       /* in [0, 1] */
    Sample a, b;         /* of each run; paired: in the same order of seeds */
    Estimate difference; /* mean of b less mean of a */
} ComparedFigure;

typedef struct ComparedSetting {
    const char *key, *a, *b; /* NULL: the set has several values */
} ComparedSetting;

typedef struct Comparison {
    bool paired;
    const char *method; /* "paired by train.seed" */
    ComparedFigure *figures;
    uint32_t figure_count;
    ComparedSetting *settings; /* in which the sets differ */
    uint32_t setting_count;
    const char **notes; /* what is to be known beside the figures */
    uint32_t note_count;
} Comparison;

/* In the pool. May put the runs of b into another order. False and `error`: EXIT_INPUT where they
 * are unlike in what was not asked for (ComparisonAcross), or have no figure in common. */
bool comparison_make(FindingsSet *a, FindingsSet *b, unsigned across, Pool *pool,
                     Comparison *comparison, RunError *error);

#endif
