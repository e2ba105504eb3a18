/* Draws images from a trained model. */
#ifndef SCANLINE_RUNTIME_COMMANDS_SAMPLE_H
#define SCANLINE_RUNTIME_COMMANDS_SAMPLE_H

#include "runtime/commands/command.h"
#include "runtime/study/sample.h"

typedef struct SampleCommand {
    SampleOptions options;
    int64_t images; /* how many to draw */
    bool files;     /* each also as a file of its own */
} SampleCommand;

/* Writes samples/samples.png and samples/samples.json in the run's folder, and with `files`
 * samples/images/0000.png and so on, a pixel a token. A model that is not autoregressive is
 * refused. */
bool commands_sample(const Command *command, const SampleCommand *sample, RunError *error);

#endif
