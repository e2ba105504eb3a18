/* What finetuning with few labels keeps and prints: the accuracy on the test split of trainings on
 * so many labels a class, over several draws of them. Its trainings are ordinary runs; it has a
 * folder of its own beside them:
 *
 *     runs/fewlabels-digits-ar.classify-s1-3fa9c2e1/fewlabels.json   replaced after every training
 *
 * The accuracy of a run is read from there when the command goes on, as long as its best checkpoint
 * is the same: the test split is read once for each run. */
#ifndef SCANLINE_RUNTIME_COMMANDS_FEW_LABELS_H
#define SCANLINE_RUNTIME_COMMANDS_FEW_LABELS_H

#include "runtime/commands/eval.h"
#include "runtime/files/hash.h"

/* One training. */
typedef struct FewLabelsTrial {
    int64_t labels, subset;
    char *run;     /* the folder's own name; NULL: not trained yet */
    bool diverged; /* then there is no accuracy */
    char checkpoint[HASH_SIZE];
    EvalAccuracy validation, test;
} FewLabelsTrial;

typedef struct FewLabels {
    const char *folder;    /* its own */
    const int64_t *labels; /* a class; ascending or not, as they were given */
    uint32_t label_count, subsets;
    FewLabelsTrial *trials; /* [label_count, subsets] */
    json_t *before;         /* the trials of an earlier process; NULL: none */
} FewLabels;

/* Makes room, and reads what an earlier process left. */
bool few_labels_begin(FewLabels *few, RunError *error);
void few_labels_end(FewLabels *few);

/* A run that is done: its best checkpoint is evaluated, unless that is known from before. */
bool few_labels_judge(FewLabels *few, FewLabelsTrial *trial, const Command *command,
                      RunError *error);
bool few_labels_diverged(FewLabelsTrial *trial, const char *folder, RunError *error);

bool few_labels_write(const FewLabels *few, RunError *error);
bool few_labels_print(const FewLabels *few, bool json, FILE *results, RunError *error);

#endif
