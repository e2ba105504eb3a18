/* Probes the checkpoints of a run that were kept by step. */
#ifndef SCANLINE_RUNTIME_COMMANDS_PROBE_STEPS_H
#define SCANLINE_RUNTIME_COMMANDS_PROBE_STEPS_H

#include "runtime/commands/command.h"

typedef struct ProbeSteps {
    const char *which; /* "all", or "100,200" */
    bool again;        /* also those that were probed before, by the same settings */
} ProbeSteps;

/* For each step what commands_probe does, into probe/step-NNNNNN/; and after each probe/steps.json:
 *
 *     {"steps": [{"step", "validation_loss" (or null), "best" ("feature[2]"),
 * "validation_accuracy", "test_accuracy", "n" (test images), "settings" (their hash)}, ...]}
 *
 * Prints a table of the steps asked for, or the same as JSON. Each step that is probed is a read of
 * the test split. */
bool commands_probe_steps(const Command *command, const ProbeSteps *steps, RunError *error);

#endif
