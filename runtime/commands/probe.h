/* Probes every layer of a trained model. */
#ifndef SCANLINE_RUNTIME_COMMANDS_PROBE_H
#define SCANLINE_RUNTIME_COMMANDS_PROBE_H

#include "runtime/commands/command.h"

/* Writes probe/probe.json, probe/accuracy.svg and, with few labels, probe/few_labels.svg in the
 * run's folder; counts one read of the test split; prints the charts, or the JSON. */
bool commands_probe(const Command *command, RunError *error);

#endif
