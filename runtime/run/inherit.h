/* Taking over the parameters of another model, by their paths. */
#ifndef SCANLINE_RUNTIME_INHERIT_H
#define SCANLINE_RUNTIME_INHERIT_H

#include "runtime/model/model.h"

/* What became of which; the lists are shortened where they are long. */
typedef struct Inherited {
    uint32_t taken, fresh, unused;
    char fresh_paths[400];  /* in the model alone: they keep their initial values */
    char unused_paths[400]; /* in the file alone */
} Inherited;

/* What would be taken. False and `error` where a parameter that both the model and the checkpoint
 * have is of another shape, or where there is none that both have. */
bool inherit_check(const Experiment *experiment, const char *checkpoint, Inherited *inherited,
                   RunError *error);

/* Reads every parameter that both have; states are left alone. */
bool inherit_parameters(Model *model, const char *checkpoint, RunError *error);

#endif
