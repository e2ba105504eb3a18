#include "runtime/training/together.h"

#include "runtime/ranks/collective.h"
#include "runtime/training/signals.h"

#include <stdio.h>

/* What of the loop's state is not known to every rank: what is in a checkpoint. */
typedef struct Place {
    int64_t step, best_step, waited, evaluation_due;
    double best_loss, best_accuracy;
} Place;

static bool share_place(Ranks *ranks, CheckpointState *state) {
    Place place = {state->step,           state->best_step, state->waited,
                   state->evaluation_due, state->best_loss, state->best_accuracy};
    if (!ranks_broadcast(ranks, &place, sizeof place))
        return false;
    state->step = place.step;
    state->best_step = place.best_step;
    state->waited = place.waited;
    state->evaluation_due = place.evaluation_due;
    state->best_loss = place.best_loss;
    state->best_accuracy = place.best_accuracy;
    return true;
}

static bool share_tensors(Ranks *ranks, Tensors *tensors) {
    return ranks_broadcast(ranks, tensors->block.bytes, tensors->block.size);
}

bool together_begin(Ranks *ranks, const RunError *own, Model *model, CheckpointState *state,
                    RunError *error) {
    if (!ranks_meet(ranks, own, NULL, 0, error))
        return false;
    if (!ranks)
        return true;
    ranks_come_together(ranks);
    if (ranks_is_first(ranks))
        ranks_listen(ranks, signals_told_to_end);
    return (share_place(ranks, state) && share_tensors(ranks, &model->parameters) &&
            share_tensors(ranks, &model->states)) ||
           run_fail(error, EXIT_MACHINE, "%s", ranks_fault(ranks));
}

void together_end(Ranks *ranks, ExitCode code) {
    if (!ranks_lost(ranks) && (code == EXIT_DONE || code == EXIT_STOPPED || code == EXIT_DIVERGED))
        ranks_part(ranks);
}

bool together_lost(const Ranks *ranks, int64_t step, bool kept, RunError *error) {
    const bool told = signals_told_to_end();
    char reason[sizeof error->text];
    snprintf(reason, sizeof reason, "%s", ranks_fault(ranks));
    return run_fail(error, told ? EXIT_STOPPED : EXIT_MACHINE,
                    "after step %lld the ranks are no longer together: %.600s. %s; go on with "
                    "--resume",
                    (long long)step, reason,
                    kept ? "That step is in the last checkpoint"
                         : "It goes on from the last checkpoint, or from the start");
}
