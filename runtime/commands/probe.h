/* Probes every layer of a trained model. */
#ifndef SCANLINE_RUNTIME_COMMANDS_PROBE_H
#define SCANLINE_RUNTIME_COMMANDS_PROBE_H

#include "runtime/commands/command.h"
#include "runtime/study/probed.h"

/* Writes probe/probe.json (runtime/study/probe_report.h), probe/accuracy.svg and, for each number
 * of labels a class that the probe's settings ask for, probe/few_labels_N.svg in the run's folder;
 * counts one read of the test split; prints the charts, or the JSON. */
bool commands_probe(const Command *command, RunError *error);

/* The same for several checkpoints, one after another, of one run and by the same settings: the raw
 * pixels, which are the same for all, are fitted for the first. `pixels` begins as {0}; its result
 * is to be freed. */
bool commands_probe_sharing(const Command *command, ProbedPixels *pixels, RunError *error);

#endif
