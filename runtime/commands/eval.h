/* Losses and metrics of a trained model on one split. */
#ifndef SCANLINE_RUNTIME_COMMANDS_EVAL_H
#define SCANLINE_RUNTIME_COMMANDS_EVAL_H

#include "runtime/commands/command.h"

/* Writes eval/SPLIT.json in the run's folder, which `report' and `compare' read. A read of the test
 * split is counted in run.json. */
bool commands_eval(const Command *command, DataSplit split, RunError *error);

/* How many images of a split are classified rightly; prints nothing. A read of the test split is
 * counted under the name `by`. */
typedef struct EvalAccuracy {
    int64_t count, correct;
} EvalAccuracy;
bool commands_accuracy(const Command *command, DataSplit split, const char *by,
                       EvalAccuracy *accuracy, RunError *error);

#endif
