#include "runtime/execution/executor.h"

#include "runtime/execution/external.h"
#include "runtime/execution/float_mode.h"
#include "runtime/execution/waits.h"

#include <omp.h>
#include <stdlib.h>
#include <sys/mman.h>

/* What one thread works with. */
typedef struct Workspace {
    char *arena, *own, *scratch;
    char **operands;
} Workspace;

/* A function that teams run. */
typedef struct TeamUse {
    const PlanFunction *function;
    bool *waits; /* by step: see runtime/execution/waits.h */
} TeamUse;

/* Bytes of what a workspace has. */
typedef struct Areas {
    int64_t arena[2]; /* of workspace 0, and of each other one */
    int64_t own, scratch;
} Areas;

struct Executor {
    const Program *program;
    int threads;
    TeamUse *teams;
    uint32_t team_count;
    Areas areas;
    Workspace *workspaces;
    Profile *profile; /* NULL: none */
};

enum { HUGE_PAGE = 2 << 20 };

/* --- memory --- */

static int64_t larger_of(int64_t a, int64_t b) { return a > b ? a : b; }

/* Workspace 0 serves teams too; the others only threads that work alone. */
static Areas areas_of(const Plan *plan, const ExecutorUse *uses, uint32_t use_count) {
    Areas areas = {{0}, 0, 0};
    for (uint32_t i = 0; i < use_count; i++) {
        const PlanFunction *function = uses[i].function;
        if (!function)
            continue;
        areas.arena[0] = larger_of(areas.arena[0], function->arena_bytes);
        if (uses[i].mode == EXECUTOR_ALONE)
            areas.arena[1] = larger_of(areas.arena[1], function->arena_bytes);
        areas.own = larger_of(areas.own, function->own_bytes);
        areas.scratch = larger_of(areas.scratch, plan_scratch_bytes(plan, function));
    }
    return areas;
}

int64_t executor_bytes(const Plan *plan, int threads, const ExecutorUse *uses, uint32_t use_count) {
    const Areas areas = areas_of(plan, uses, use_count);
    return areas.arena[0] + (threads - 1) * areas.arena[1] + threads * (areas.own + areas.scratch);
}

/* Pages, so aligned; NULL when there is no memory. Nothing is taken for no bytes. */
static bool pages_map(char **memory, int64_t bytes) {
    *memory = NULL;
    if (bytes == 0)
        return true;
    void *pages =
        mmap(NULL, (size_t)bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (pages == MAP_FAILED)
        return false;
    if (bytes >= HUGE_PAGE)
        madvise(pages, (size_t)bytes, MADV_HUGEPAGE);
    *memory = pages;
    return true;
}

static void pages_unmap(char *memory, int64_t bytes) {
    if (memory)
        munmap(memory, (size_t)bytes);
}

static uint32_t most_operands(const Plan *plan) {
    uint32_t most = 1;
    for (uint32_t i = 0; i < plan->kernel_count; i++)
        if (plan->kernels[i].operand_count > most)
            most = plan->kernels[i].operand_count;
    return most;
}

static bool workspaces_create(Executor *executor) {
    uint32_t operands = most_operands(executor->program->plan);
    for (int i = 0; i < executor->threads; i++) {
        Workspace *workspace = &executor->workspaces[i];
        workspace->operands = calloc(operands, sizeof *workspace->operands);
        if (!workspace->operands || !pages_map(&workspace->arena, executor->areas.arena[i > 0]) ||
            !pages_map(&workspace->own, executor->areas.own) ||
            !pages_map(&workspace->scratch, executor->areas.scratch))
            return false;
    }
    return true;
}

static bool teams_create(Executor *executor, const ExecutorUse *uses, uint32_t use_count) {
    executor->teams = calloc(use_count + 1, sizeof *executor->teams);
    for (uint32_t i = 0; i < use_count && executor->teams; i++) {
        if (!uses[i].function || uses[i].mode != EXECUTOR_TEAM)
            continue;
        TeamUse *team = &executor->teams[executor->team_count++];
        *team = (TeamUse){uses[i].function, waits_find(executor->program->plan, uses[i].function)};
        if (!team->waits)
            return false;
    }
    return executor->teams != NULL;
}

Executor *executor_create(const Program *program, int threads, const ExecutorUse *uses,
                          uint32_t use_count) {
    Executor *executor = calloc(1, sizeof *executor);
    if (!executor)
        return NULL;
    *executor = (Executor){
        .program = program, .threads = threads, .areas = areas_of(program->plan, uses, use_count)};
    executor->workspaces = calloc((size_t)threads, sizeof *executor->workspaces);
    if (executor->workspaces && workspaces_create(executor) &&
        teams_create(executor, uses, use_count))
        return executor;
    executor_free(executor);
    return NULL;
}

void executor_free(Executor *executor) {
    if (!executor)
        return;
    for (int i = 0; executor->workspaces && i < executor->threads; i++) {
        Workspace *workspace = &executor->workspaces[i];
        pages_unmap(workspace->arena, executor->areas.arena[i > 0]);
        pages_unmap(workspace->own, executor->areas.own);
        pages_unmap(workspace->scratch, executor->areas.scratch);
        free(workspace->operands);
    }
    for (uint32_t i = 0; i < executor->team_count; i++)
        free(executor->teams[i].waits);
    free(executor->teams);
    free(executor->workspaces);
    free(executor);
}

int executor_threads(const Executor *executor) { return executor->threads; }

void executor_set_profile(Executor *executor, Profile *profile) { executor->profile = profile; }
Profile *executor_profile(const Executor *executor) { return executor->profile; }

/* --- running --- */

/* An invocation: which steps of a function are run, and where its buffers are this time. */
typedef struct Invocation {
    const Executor *executor;
    const PlanFunction *function;
    uint32_t first, last; /* exclusive */
    char *arena;
    void *const *inputs, *const *outputs;
} Invocation;

static void operands_resolve(const Invocation *invocation, const PlanStep *step,
                             const Workspace *workspace) {
    char **operands = workspace->operands;
    for (uint32_t i = 0; i < step->operand_count; i++) {
        const PlanBuffer *buffer = &invocation->function->buffers[step->operands[i]];
        switch (buffer->storage) {
        case PLAN_ARENA:
            operands[i] = invocation->arena + buffer->offset;
            break;
        case PLAN_OWN:
            operands[i] = workspace->own + buffer->offset;
            break;
        case PLAN_INPUT:
            operands[i] = invocation->inputs[buffer->binding];
            break;
        case PLAN_OUTPUT:
            operands[i] = invocation->outputs[buffer->binding];
            break;
        }
    }
}

/* Which part of the steps' tiles a thread computes. */
typedef struct Share {
    int number, count;
    int64_t turn; /* below count: who gets what cannot be divided by count, in turn */
} Share;

static int64_t share_begin(const Share *share, int number, int64_t tiles) {
    if (number == 0 || number == share->count)
        return number ? tiles : 0;
    return (tiles * number + share->turn) / share->count;
}

/* All tiles of a step, or a thread's share of them. */
static void step_run(const Invocation *invocation, const PlanStep *step, Workspace *workspace,
                     const Share *share) {
    const Program *program = invocation->executor->program;
    Profile *profile = invocation->executor->profile;
    int64_t tiles = program->plan->kernels[step->kernel].tiles;
    const bool own = plan_step_is_own(invocation->function, step);
    int64_t first = own ? 0 : share_begin(share, share->number, tiles);
    int64_t last = own ? tiles : share_begin(share, share->number + 1, tiles);
    if (first == last)
        return;
    operands_resolve(invocation, step, workspace);
    if (profile)
        profile_enter_kernel(profile, step->kernel, own ? share->number == 0 : first == 0);
    if (program->plan->kernels[step->kernel].call)
        external_call_run(externals_call(program->externals, step->kernel), workspace->operands,
                          workspace->scratch, first, last);
    else
        program->kernels[step->kernel](workspace->operands, step->immediates, workspace->scratch,
                                       first, last);
    if (profile)
        profile_enter(profile, PROFILE_EXECUTOR);
}

static void alone_run(const Invocation *invocation, Workspace *workspace) {
    const Share all = {0, 1, 0};
    Profile *profile = invocation->executor->profile;
    uint32_t line = profile_enter(profile, PROFILE_EXECUTOR);
    uint64_t mode = float_mode_flush();
    for (uint32_t i = invocation->first; i < invocation->last; i++)
        step_run(invocation, &invocation->function->steps[i], workspace, &all);
    float_mode_restore(mode);
    profile_enter(profile, line);
}

void executor_run_alone_part(Executor *executor, int thread, const PlanFunction *function,
                             uint32_t first, uint32_t last, void *const *inputs,
                             void *const *outputs) {
    Workspace *workspace = &executor->workspaces[thread];
    const Invocation invocation = {executor,         function, first,  last,
                                   workspace->arena, inputs,   outputs};
    alone_run(&invocation, workspace);
}

void executor_run_alone(Executor *executor, int thread, const PlanFunction *function,
                        void *const *inputs, void *const *outputs) {
    executor_run_alone_part(executor, thread, function, 0, function->step_count, inputs, outputs);
}

/* NULL: unknown, so every step has to wait. */
static const bool *waits_of(const Executor *executor, const PlanFunction *function) {
    for (uint32_t i = 0; i < executor->team_count; i++)
        if (executor->teams[i].function == function)
            return executor->teams[i].waits;
    return NULL;
}

/* The part of one thread of the team. */
static void team_run(const Invocation *invocation, const bool *waits) {
    const PlanFunction *function = invocation->function;
    const Plan *plan = invocation->executor->program->plan;
    Share share = {omp_get_thread_num(), omp_get_num_threads(), 0};
    Workspace *workspace = &invocation->executor->workspaces[share.number];
    Profile *profile = invocation->executor->profile;
    profile_enter(profile, PROFILE_EXECUTOR);
    uint64_t mode = float_mode_flush();
    for (uint32_t i = invocation->first; i < invocation->last; i++) {
        const PlanStep *step = &function->steps[i];
        if (i > invocation->first && (!waits || waits[i])) {
            profile_enter(profile, PROFILE_WAITING);
#pragma omp barrier
            profile_enter(profile, PROFILE_EXECUTOR);
            share.turn = 0;
        }
        step_run(invocation, step, workspace, &share);
        if (!plan_step_is_own(function, step))
            share.turn = (share.turn + plan->kernels[step->kernel].tiles) % share.count;
    }
    float_mode_restore(mode);
    profile_enter(profile, PROFILE_WAITING);
}

void executor_run_part(Executor *executor, const PlanFunction *function, uint32_t first,
                       uint32_t last, void *const *inputs, void *const *outputs) {
    const Invocation invocation = {executor, function, first, last, executor->workspaces[0].arena,
                                   inputs,   outputs};
    if (executor->threads == 1) {
        alone_run(&invocation, &executor->workspaces[0]);
        return;
    }
    const bool *waits = waits_of(executor, function);
    uint32_t line = profile_enter(executor->profile, PROFILE_EXECUTOR);
#pragma omp parallel num_threads(executor->threads)
    team_run(&invocation, waits);
    profile_enter(executor->profile, line);
}

void executor_run(Executor *executor, const PlanFunction *function, void *const *inputs,
                  void *const *outputs) {
    executor_run_part(executor, function, 0, function->step_count, inputs, outputs);
}

void executor_run_watched(Executor *executor, const PlanFunction *function, uint32_t count,
                          void *const *inputs, void *const *outputs, ExecutorWatch *watch,
                          void *user) {
    Workspace *workspace = &executor->workspaces[0];
    const Invocation invocation = {executor, function, 0, count, workspace->arena, inputs, outputs};
    const Share all = {0, 1, 0};
    bool go_on = true;
    for (uint32_t i = 0; i < count && go_on; i++) {
        const PlanStep *step = &function->steps[i];
        uint64_t mode = float_mode_flush();
        step_run(&invocation, step, workspace, &all);
        float_mode_restore(mode);
        operands_resolve(&invocation, step, workspace);
        go_on =
            watch(user, step, &executor->program->plan->kernels[step->kernel], workspace->operands);
    }
}
