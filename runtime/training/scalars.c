#include "runtime/training/scalars.h"

#include "runtime/execution/schedule.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

int64_t scalars_bytes(const Experiment *experiment) {
    return (int64_t)experiment->schedule.output_count * PLAN_ALIGNMENT;
}

bool scalars_create(Scalars *scalars, const Experiment *experiment) {
    const uint32_t count = experiment->schedule.output_count;
    *scalars = (Scalars){
        .schedule = &experiment->schedule,
        .values = calloc(count + 1, sizeof *scalars->values),
        .names = calloc(count + 1, sizeof *scalars->names),
    };
    for (uint32_t i = 0; i < count && scalars->names; i++)
        snprintf(scalars->names[i], sizeof scalars->names[i], "$scalar.%u", i);
    return scalars->values && scalars->names &&
           block_create(&scalars->memory, scalars_bytes(experiment));
}

void scalars_free(Scalars *scalars) {
    block_free(&scalars->memory);
    free(scalars->values);
    free(scalars->names);
    *scalars = (Scalars){0};
}

bool scalars_slots(const Scalars *scalars, Slots *slots) {
    for (uint32_t i = 0; i < scalars->schedule->output_count; i++)
        if (!slots_add(slots, scalars->names[i], PLAN_F32, 1,
                       scalars->memory.bytes + i * PLAN_ALIGNMENT))
            return false;
    return true;
}

bool scalars_compute(Scalars *scalars, int64_t step, RunError *error) {
    const Schedule *schedule = scalars->schedule;
    if (schedule_evaluate(schedule, step, scalars->values))
        return run_no_memory(error, "the schedule");
    for (uint32_t i = 0; i < schedule->output_count; i++) {
        if (!isfinite(scalars->values[i]))
            return run_fail(error, EXIT_DIVERGED, "step %lld: the update rule's scalar %s is %g",
                            (long long)step,
                            schedule->names && schedule->names[i] ? schedule->names[i]
                                                                  : scalars->names[i],
                            scalars->values[i]);
        *(float *)(void *)(scalars->memory.bytes + i * PLAN_ALIGNMENT) = (float)scalars->values[i];
    }
    return true;
}
