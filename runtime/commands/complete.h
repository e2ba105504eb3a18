/* Completes images of which the first part is given. */
#ifndef SCANLINE_RUNTIME_COMMANDS_COMPLETE_H
#define SCANLINE_RUNTIME_COMMANDS_COMPLETE_H

#include "runtime/commands/command.h"
#include "runtime/data/data.h"
#include "runtime/study/sample.h"

typedef struct CompleteCommand {
    SampleOptions options;
    int64_t images; /* how many of the split, spread evenly over it */
    int64_t each;   /* how often each is completed */
    double given;   /* share of the rows of pixels that is given, from the top: below 1 */
    int split;      /* a DataSplit; DATA_SPLIT_COUNT: validation, or train where that is empty */
    const char *const *paths; /* PNG and JPEG files, instead of the split */
    int64_t path_count;       /* 0: the split */
    bool files;               /* each completion also as a file of its own */
} CompleteCommand;

/* Writes samples/completions.png in the run's folder (rows: the original, what is given of it, its
 * completions) and samples/completions.json, and with `files` samples/images/0000-0.png and so on,
 * a pixel a token. Of an image from a file the middle square is brought to the model's resolution.
 * A read of the test split is counted. A model that is not autoregressive is refused. */
bool commands_complete(const Command *command, const CompleteCommand *complete, RunError *error);

#endif
