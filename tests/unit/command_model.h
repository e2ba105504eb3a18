/* A model on the digits whose kernels are plain C, so that what commands must make of it is known;
 * and a run of it.
 *
 *     features   tap.feature.0 [b, 1] = gain * (tokens[0] + image)
 *                tap.feature.1 [b, n] = gain * tokens
 *     decode     logits [b, v] = -gain * |v - the colour before|
 *     strange    takes an input that nothing gives
 *     eval       loss [b] = image + 10000 draw;  class [b, k] = command_chance(image, draw, k)
 */
#ifndef SCANLINE_TESTS_COMMAND_MODEL_H
#define SCANLINE_TESTS_COMMAND_MODEL_H

#include "runtime/commands/command.h"
#include "runtime/execution/program.h"
#include "runtime/model/model.h"

enum { N = 64, V = 17, K = 10, CHUNK = 4 };

extern const KernelFunction command_kernels[];
extern const Plan command_plan;
extern const Plan command_steady_plan; /* eval alone, which has no draws: draw 0's for all */

Experiment command_experiment(void);

/* values[0]: the gain, aligned to 64 bytes. */
Model command_model_of(const Experiment *experiment, float **values);

/* In [0, 1): what class c gets from a draw for an image. */
float command_chance(int32_t image, int32_t draw, int c);

/* With a checkpoint whose gain is 0.5, in a folder of its own. */
typedef struct CommandRun {
    Experiment experiment;
    Program program;
    char root[64], *folder, *results;
    size_t size;
    Command command;
    RunError error;
} CommandRun;

CommandRun *command_run_make(void);
void command_run_remove(CommandRun *run);

/* Another gain. */
void command_run_checkpoint(const CommandRun *run, float gain);

/* What the commands have printed. */
const char *command_run_results(CommandRun *run);

/* A file of the run, malloc'ed. */
char *command_run_contents(const CommandRun *run, const char *name, size_t *size);

#endif
