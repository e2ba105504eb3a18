/* Event files of a run for TensorBoard, in its folder tensorboard/: what metrics.jsonl says, and
 * nothing else. They are made for watching; the bits of a run do not depend on them.
 *
 * A process writes a file of its own, numbered: first what was there before it, by metrics.jsonl,
 * which has been cut back to the step that the training goes on from; then what comes. So what a
 * killed process wrote beyond its last checkpoint is in no file, once the run goes on, and a
 * TensorBoard that is watching drops it. Earlier files are emptied, and at the next time removed. */
#ifndef SCANLINE_RUNTIME_TENSORBOARD_H
#define SCANLINE_RUNTIME_TENSORBOARD_H

#include "runtime/run/metrics.h"

typedef struct TensorBoard TensorBoard;

/* Whether a run has event files. */
bool tensorboard_has(const char *folder);

/* Begins the next file. NULL and `error`. */
TensorBoard *tensorboard_open(const char *folder, FileError *error);

/* A line of metrics.jsonl, for TrainingOptions.figures; the TensorBoard is `user`. The first call
 * writes the past before it. A failure is kept for the end. */
MetricsVisit tensorboard_write;

/* False and `error`: not all could be written. NULL is fine. */
bool tensorboard_close(TensorBoard *board, FileError *error);

/* The event file of a run that nobody trains, made again from metrics.jsonl. */
bool tensorboard_make(const char *folder, FileError *error);

#endif
