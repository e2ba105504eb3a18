/* A sweep's trials, from their settings to a training: what the conductor asks for. */
#ifndef SCANLINE_FRONTEND_CLI_SWEEP_TRIALS_H
#define SCANLINE_FRONTEND_CLI_SWEEP_TRIALS_H

#include "frontend/cli/sweep_plan.h"
#include "runtime/sweep/store.h"

/* Trains all trials of the setup, so many side by side; 0: as many as suit them. `options` are
 * those of the command. Code and `error` are those of conductor_run; setup->first may be gone. */
ExitCode sweep_train(const Options *options, SweepSetup *setup, Store *store, int jobs, Log *log,
                     RunError *error);

#endif
