#include "passes/interpret_calls.h"

#include "passes/emit/call.h"
#include "runtime/execution/external.h"

#include <stdio.h>
#include <string.h>

/* A function with extents, ready to be called. */
typedef struct Opened {
    const External *external;
    bool is_gradient;
    const PlanCall *call;
    ExternalCall *function;
    char **operands; /* of its arguments: room for a block each */
    const struct Opened *next;
} Opened;

struct InterpretCalls {
    Arena *arena;
    const Opened *opened;
    InterpretCaller caller;
};

static int64_t argument_bytes(const PlanCallArgument *argument) {
    return argument->elements * (int64_t)plan_type_size(argument->type);
}

static const Opened *find(const InterpretCalls *calls, const InterpretCall *call) {
    for (const Opened *opened = calls->opened; opened; opened = opened->next) {
        const size_t size = opened->call->extent_count * sizeof *call->extents;
        if (opened->is_gradient == call->is_gradient &&
            external_equal(opened->external, call->external) &&
            memcmp(opened->call->extents, call->extents, size) == 0)
            return opened;
    }
    return NULL;
}

static const Opened *open_new(InterpretCalls *calls, const InterpretCall *call,
                              InterpretError *error) {
    ExternalError external_error;
    PlanCall *plan =
        call_plan_alone(calls->arena, call->external, call->is_gradient, call->extents);
    Opened *opened = arena_alloc(calls->arena, sizeof *opened);
    *opened = (Opened){call->external, call->is_gradient, plan, NULL, NULL, calls->opened};
    opened->operands = arena_array(calls->arena, plan->argument_count, sizeof(char *));
    for (uint32_t i = 0; i < plan->argument_count; i++)
        opened->operands[i] =
            arena_alloc(calls->arena, (size_t)argument_bytes(&plan->arguments[i]));
    opened->function = external_call_open(plan, NULL, &external_error);
    if (!opened->function) {
        snprintf(error->text, sizeof error->text, "%.255s", external_error.text);
        return NULL;
    }
    calls->opened = opened;
    return opened;
}

static void write_block(const PlanCallArgument *argument, const double *values, char *block) {
    for (int64_t i = 0; i < argument->elements; i++) {
        if (argument->type == PLAN_F32)
            ((float *)(void *)block)[i] = (float)values[i];
        else if (argument->type == PLAN_I32)
            ((int32_t *)(void *)block)[i] = (int32_t)values[i];
        else
            block[i] = values[i] != 0;
    }
}

static void read_block(const PlanCallArgument *argument, const char *block, double *values) {
    for (int64_t i = 0; i < argument->elements; i++) {
        if (argument->type == PLAN_F32)
            values[i] = ((const float *)(const void *)block)[i];
        else if (argument->type == PLAN_I32)
            values[i] = ((const int32_t *)(const void *)block)[i];
        else
            values[i] = block[i] != 0;
    }
}

static bool call_function(void *user, const InterpretCall *call, InterpretError *error) {
    InterpretCalls *calls = user;
    const Opened *opened = find(calls, call);
    if (!opened)
        opened = open_new(calls, call, error);
    if (!opened)
        return false;
    const PlanCall *plan = opened->call;
    const uint32_t sources = call->external->parameter_count + call->is_gradient;
    for (uint32_t i = 0; i < sources; i++)
        write_block(&plan->arguments[i], call->arguments[i], opened->operands[i]);
    external_call_run(opened->function, opened->operands, NULL, 0, 1);
    for (uint32_t i = sources; i < plan->argument_count; i++)
        read_block(&plan->arguments[i], opened->operands[i], call->results[i - sources]);
    return true;
}

InterpretCalls *interpret_calls_begin(Arena *arena) {
    InterpretCalls *calls = arena_alloc(arena, sizeof *calls);
    calls->arena = arena;
    calls->caller = (InterpretCaller){call_function, calls};
    return calls;
}

const InterpretCaller *interpret_calls_caller(const InterpretCalls *calls) {
    return &calls->caller;
}

void interpret_calls_end(InterpretCalls *calls) {
    for (const Opened *opened = calls ? calls->opened : NULL; opened; opened = opened->next)
        external_call_close(opened->function);
}
