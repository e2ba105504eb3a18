/* The learning-rate search of the image GPT: trainings at one rate after the other, from the
 * highest on, until the final validation loss rises ("Generative Pretraining from Pixels", 2020,
 * appendix on pretraining: 0.01, 0.003, 0.001, 0.0003 ...).
 *
 * The search is over once a trial ends with a higher loss than the trial before it. Those that
 * diverged are passed over: they say that a rate is too high, not that a lower one is too low. */
#ifndef SCANLINE_RUNTIME_SEARCH_H
#define SCANLINE_RUNTIME_SEARCH_H

#include "runtime/run_error.h"
#include "runtime/study/spikes.h"

/* One training that has ended. */
typedef struct SearchTrial {
    const char *value; /* of the rate, as it was given */
    char *run;         /* the folder's own name */
    bool diverged;
    int64_t steps;     /* done */
    double final_loss; /* of the validation split after the last of them; infinity: it diverged */
    double best_loss;  /* the lowest; infinity: none */
    int64_t best_step;
    Spikes train, validation; /* of the loss */
} SearchTrial;

typedef struct Search {
    const char *key; /* what is set: "rate" */
    const char *const *values;
    uint32_t value_count;
    bool all;            /* every value is tried */
    SearchTrial *trials; /* [value_count] */
    uint32_t trial_count;
} Search;

/* Adds the trial of the next value: what run.json and metrics.jsonl of its folder say. */
bool search_add(Search *search, const char *folder, RunError *error);
void search_free(Search *search);

/* Whether the last trial's loss rose. */
bool search_rose(const Search *search);
/* Whether there is no further value to be tried. */
bool search_over(const Search *search);
/* The trial of the lowest final loss, of equals the first; NULL: all diverged. */
const SearchTrial *search_best(const Search *search);

#endif
