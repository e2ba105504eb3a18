/* Probes every layer of a trained model. */
#ifndef SCANLINE_RUNTIME_COMMANDS_PROBE_H
#define SCANLINE_RUNTIME_COMMANDS_PROBE_H

#include "runtime/commands/command.h"

/* Writes probe/probe.json (runtime/study/probe_report.h), probe/accuracy.svg and, for each number
 * of labels a class that the probe's settings ask for, probe/few_labels_N.svg in the run's folder;
 * counts one read of the test split; prints the charts, or the JSON. */
bool commands_probe(const Command *command, RunError *error);

#endif
