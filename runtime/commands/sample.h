/* Draws images from a trained model, and completes the lower halves of real ones. */
#ifndef SCANLINE_RUNTIME_COMMANDS_SAMPLE_H
#define SCANLINE_RUNTIME_COMMANDS_SAMPLE_H

#include "runtime/commands/command.h"
#include "runtime/study/sample.h"

/* Writes samples/samples.png, samples/completions.png and samples/samples.json in the run's folder.
 * Images are completed several times each; they are taken from the validation split, or from train
 * where there is none. `images`: how many to draw. A model that is not autoregressive is refused.
 */
bool commands_sample(const Command *command, const SampleOptions *options, int64_t images,
                     RunError *error);

#endif
