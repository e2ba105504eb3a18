/* Taking over the parameters of another model, by their paths.
 *
 * What is of the classes is of a data set: a parameter along their axis (that of the output
 * `class`) is new where it has another number of them. */
#ifndef SCANLINE_RUNTIME_INHERIT_H
#define SCANLINE_RUNTIME_INHERIT_H

#include "runtime/execution/program.h"
#include "runtime/model/model.h"

/* What became of which; the lists are shortened where they are long. */
typedef struct Inherited {
    uint32_t taken, fresh, unused;
    char fresh_paths[400];  /* in the model alone: they keep their initial values */
    char unused_paths[400]; /* in the file alone */
} Inherited;

/* What would be taken. False and `error` where a parameter that both the model and the checkpoint
 * have is of another shape, or where there is none that both have. */
bool inherit_check(const Program *program, const char *checkpoint, Inherited *inherited,
                   RunError *error);

/* Reads every parameter that both have; states are left alone. */
bool inherit_parameters(const Program *program, Model *model, const char *checkpoint,
                        RunError *error);

#endif
