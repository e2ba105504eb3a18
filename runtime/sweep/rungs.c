#include "runtime/sweep/rungs.h"

bool rungs_make(SweepRungs *rungs, int64_t steps, int64_t evaluate, int64_t keep, uint32_t count,
                RunError *error) {
    *rungs = (SweepRungs){.keep = keep};
    for (uint32_t rung = 0; rung + 1 < count; rung++) {
        int64_t share = 1, step;
        for (uint32_t i = rung + 1; i < count && share < steps; i++)
            if (__builtin_mul_overflow(share, keep, &share))
                share = INT64_MAX;
        const int64_t least = (steps - 1) / share + 1, evaluations = (least - 1) / evaluate + 1;
        if (!__builtin_mul_overflow(evaluations, evaluate, &step) && step < steps &&
            (!rungs->count || step > rungs->steps[rungs->count - 1]))
            rungs->steps[rungs->count++] = step;
    }
    rungs->steps[rungs->count++] = 0;
    return rungs->count > 1 ||
           run_fail(error, EXIT_INPUT,
                    "of %lld steps with an evaluation every %lld there is nothing to be halved "
                    "by: give train.evaluate a smaller number",
                    (long long)steps, (long long)evaluate);
}

int64_t rungs_kept(const SweepRungs *rungs, int64_t count) {
    return count / rungs->keep > 1 ? count / rungs->keep : 1;
}
