/* One step of the update rule: `update` on the parameters, states and gradients in place, with the
 * scalars of its schedule. */
#ifndef SCANLINE_RUNTIME_UPDATE_H
#define SCANLINE_RUNTIME_UPDATE_H

#include "runtime/training/gradient.h"

typedef struct Update Update;

/* Bytes of what `update` cannot write in place, and of its scalars. */
int64_t update_bytes(const Program *program);

Update *update_create(const Program *program, const Model *model, const Gradient *gradient,
                      Executor *executor, RunError *error);
void update_free(Update *update);

/* Steps count from 1. False and `error`: a scalar is not finite (EXIT_DIVERGED), or no memory. */
bool update_run(Update *update, int64_t step, RunError *error);

#endif
