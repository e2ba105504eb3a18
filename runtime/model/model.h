/* A model in memory: the parameters of an experiment and, for training, the states of its update
 * rule. */
#ifndef SCANLINE_RUNTIME_MODEL_H
#define SCANLINE_RUNTIME_MODEL_H

#include "runtime/execution/executor.h"
#include "runtime/execution/slots.h"
#include "runtime/model/tensors.h"
#include "runtime/run_error.h"

typedef struct Model {
    const Experiment *experiment;
    Tensors parameters, states; /* states.values NULL: without */
} Model;

int64_t model_bytes(const Experiment *experiment, bool states);

bool model_create(Model *model, const Experiment *experiment, bool states, RunError *error);
void model_free(Model *model);

/* Adds every parameter and state by its path. False: no memory. */
bool model_slots(const Model *model, Slots *slots);

/* Gives the states that depend on parameters their first values anew, for the parameters that are
 * there. */
bool model_restart(Model *model, const Program *program, Executor *executor, RunError *error);

/* Runs the program's `init`, which must give every parameter and state. */
bool model_init(Model *model, const Program *program, Executor *executor, RunError *error);

#endif
