#include "frontend/standalone/carried_target.h"

#include "runtime/execution/cpu.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LONGEST_NAMES = 400 };

void carried_target_names(const Carried *carried, char *names, size_t size) {
    size_t used = 0;
    *names = 0;
    for (uint64_t i = 0; i < carried->target_count && used < size; i++) {
        const int written =
            snprintf(names + used, size - used, "%s%s", i ? ", " : "", carried->targets[i].name);
        used += written > 0 ? (size_t)written : 0;
    }
}

const CarriedTarget *carried_target_find(const Carried *carried, const char *name) {
    for (uint64_t i = 0; i < carried->target_count; i++)
        if (strcmp(carried->targets[i].name, name) == 0)
            return &carried->targets[i];
    return NULL;
}

bool carried_target_runs(const CarriedTarget *target, uint64_t features) {
    return !(cpu_features_of(target->needs) & ~features);
}

static void fail_here(const char *names, uint64_t lacking, uint64_t features, RunError *error) {
    char lacks[LONGEST_NAMES];
    cpu_names(lacking, lacks, sizeof lacks);
    run_fail(error, EXIT_MACHINE,
             "this code was compiled for %s; the processor here is an %s and lacks %s. `scanline "
             "compile --target %s' makes a program for it",
             names, cpu_level(features), lacks, cpu_level(features));
}

/* What the target that comes nearest to running here needs. */
static void fail_all(const Carried *carried, uint64_t features, RunError *error) {
    char names[LONGEST_NAMES];
    uint64_t least = UINT64_MAX;
    carried_target_names(carried, names, sizeof names);
    for (uint64_t i = 0; i < carried->target_count; i++) {
        const uint64_t lacking = cpu_features_of(carried->targets[i].needs) & ~features;
        if (__builtin_popcountll(lacking) < __builtin_popcountll(least))
            least = lacking;
    }
    fail_here(names, least, features, error);
}

static const CarriedTarget *choose_best(const Carried *carried, uint64_t features,
                                        RunError *error) {
    uint64_t *needs = calloc(carried->target_count + 1, sizeof *needs);
    if (!needs) {
        run_no_memory(error, "choosing a target");
        return NULL;
    }
    for (uint64_t i = 0; i < carried->target_count; i++)
        needs[i] = cpu_features_of(carried->targets[i].needs);
    const int64_t best = cpu_choose(needs, (size_t)carried->target_count, features);
    free(needs);
    if (best < 0)
        fail_all(carried, features, error);
    return best < 0 ? NULL : &carried->targets[best];
}

const CarriedTarget *carried_target_choose(const Carried *carried, const char *name,
                                           uint64_t features, RunError *error) {
    char names[LONGEST_NAMES];
    if (!name || strcmp(name, "native") == 0)
        return choose_best(carried, features, error);
    const CarriedTarget *target = carried_target_find(carried, name);
    carried_target_names(carried, names, sizeof names);
    if (!target)
        run_fail(error, EXIT_INPUT, "there is no code for %s here; this was compiled for %s", name,
                 names);
    else if (!carried_target_runs(target, features)) {
        fail_here(name, cpu_features_of(target->needs) & ~features, features, error);
        return NULL;
    }
    return target;
}

Plan *carried_target_plan(const CarriedTarget *target, RunError *error) {
    PlanError fault;
    Plan *plan = plan_read(target->plan, (size_t)target->plan_length, &fault);
    if (plan && plan->kernel_count == target->kernel_count)
        return plan;
    run_fail(error, EXIT_MACHINE, "the plan for %s is damaged: %s", target->name,
             plan ? "it has other kernels" : fault.text);
    plan_free(plan);
    return NULL;
}
