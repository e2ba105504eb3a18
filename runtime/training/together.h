/* What a training does more where several ranks do it (runtime/ranks/ranks.h). With NULL ranks
 * nothing. */
#ifndef SCANLINE_RUNTIME_TOGETHER_H
#define SCANLINE_RUNTIME_TOGETHER_H

#include "runtime/model/model.h"
#include "runtime/ranks/ranks.h"
#include "runtime/run/checkpoint.h"

/* Where all begin: `own` is how it stands with this rank. Then all have the model and the loop's
 * state of rank 0, and go on together. False for all, and `error`: one of them can't begin. */
bool together_begin(Ranks *ranks, const RunError *own, Model *model, CheckpointState *state,
                    RunError *error);

/* The training has ended with `code`. Where all ranks come to the same end by themselves, as they
 * compute the same and have agreed on signals, they part. */
void together_end(Ranks *ranks, ExitCode code);

/* Turns `error` into what is said by rank 0 when the ranks are lost after `step` whole steps, the
 * last of which is kept if `kept`. Always false. */
bool together_lost(const Ranks *ranks, int64_t step, bool kept, RunError *error);

#endif
