/* The pipeline reads passes/passes.def from top to bottom. What becomes of several functions
 * together is made where all of them are kernels. */
#include "passes/pipeline.h"

#include "ir/text_print.h"
#include "ir/verify.h"
#include "passes/accumulate.h"
#include "passes/check.h"
#include "passes/decode.h"
#include "passes/interpret_calls.h"
#include "passes/passes.h"
#include "passes/step.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

typedef struct Pass {
    const char *name;
    PassFunction *run;
} Pass;

static const Pass pipeline[] = {
#define PASS(NAME, doc) {#NAME, pass_##NAME},
#include "passes/passes.def"
#undef PASS
};

enum PassNumber {
#define PASS(NAME, doc) NUMBER_##NAME,
#include "passes/passes.def"
#undef PASS
    PASS_COUNT,
    FUSED = NUMBER_fuse + 1, /* from here on there are kernels */
};

bool compile_fail(CompileError *error, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(error->text, sizeof error->text, format, arguments);
    va_end(arguments);
    return false;
}

/* --- options --- */

/* Whether a comma-separated list has the name. */
static bool list_has(const char *list, const char *name) {
    size_t length = strlen(name);
    for (const char *at = list; at && *at; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL)
        if (strncmp(at, name, length) == 0 && (at[length] == ',' || !at[length]))
            return true;
    return false;
}

static bool is_pass(const char *name, size_t length) {
    for (size_t i = 0; i < PASS_COUNT; i++)
        if (strlen(pipeline[i].name) == length && memcmp(pipeline[i].name, name, length) == 0)
            return true;
    return false;
}

/* Every pass that an option names must exist. */
static bool names_are_passes(const char *option, const char *list, CompileError *error) {
    for (const char *at = list; at && *at;) {
        size_t length = strcspn(at, ",");
        if (!is_pass(at, length)) {
            char known[256] = "";
            for (size_t i = 0; i < PASS_COUNT; i++)
                snprintf(known + strlen(known), sizeof known - strlen(known), "%s%s", i ? ", " : "",
                         pipeline[i].name);
            return compile_fail(error, "%s: there is no pass '%.*s'; the passes are %s", option,
                                (int)length, at, known);
        }
        at += length + (at[length] == ',');
    }
    return true;
}

static bool options_check(const CompileOptions *options, CompileError *error) {
    if (options->dump && strcmp(options->dump, "all") != 0 &&
        !names_are_passes("--dump", options->dump, error))
        return false;
    return names_are_passes("--stop-after", options->stop_after, error) &&
           names_are_passes("--no-pass", options->skip, error);
}

/* --- passes --- */

static bool function_inspect(const Function *before, const Function *after, const Pass *pass,
                             const CompileOptions *options, const InterpretCaller *caller,
                             CompileError *error) {
    Arena *arena = after->arena;
    if (options->dump && (strcmp(options->dump, "all") == 0 || list_has(options->dump, pass->name)))
        fprintf(stderr, "# after %s\n%s\n", pass->name, text_print_function(after, arena));
    const char *fault = options->verify ? verify_function(after, arena) : NULL;
    if (fault)
        return compile_fail(error, "after pass %s, @%s: %s", pass->name, after->name, fault);
    fault = options->check ? check_same_values_calling(before, after, caller, arena) : NULL;
    if (fault)
        return compile_fail(error, "pass %s changed the values of @%s: %s", pass->name, after->name,
                            fault);
    return true;
}

/* How many passes there are up to the one to stop after. */
static size_t passes_wanted(const CompileOptions *options) {
    size_t count = 0;
    while (count < PASS_COUNT &&
           !(options->stop_after && strcmp(options->stop_after, pipeline[count].name) == 0))
        count++;
    return count < PASS_COUNT ? count + 1 : count;
}

static Function *passes_run(Function *function, size_t first, size_t end,
                            const CompileOptions *options, PassContext *context,
                            CompileError *error) {
    for (size_t i = first; i < end; i++) {
        const Pass *pass = &pipeline[i];
        if (!list_has(options->skip, pass->name)) {
            Function *after = pass->run(function, context);
            if (!function_inspect(function, after, pass, options, context->caller, error))
                return NULL;
            function = after;
        }
    }
    return function;
}

/* Functions of kernels, and what is made of them; the passes after fusion are for all of these. */
typedef struct Fused {
    Function **functions;
    uint32_t count;
} Fused;

static Function *fused_find(const Fused *fused, const char *name) {
    for (uint32_t i = 0; i < fused->count; i++)
        if (strcmp(fused->functions[i]->name, name) == 0)
            return fused->functions[i];
    return NULL;
}

/* Adds grad_add to grad; or puts step in the place of grad and update, where that can be. */
static Fused fused_extend(Arena *arena, const Fused *fused, const CompileOptions *options) {
    const Function *grad = fused_find(fused, "grad"), *update = fused_find(fused, "update");
    Function *step = options->step && grad && update ? function_step(grad, update, "step") : NULL;
    Fused made = {.functions = arena_array(arena, fused->count + 1, sizeof *made.functions)};
    for (uint32_t i = 0; i < fused->count; i++) {
        Function *function = fused->functions[i];
        if (step && function == update)
            continue;
        made.functions[made.count++] = step && function == grad ? step : function;
        if (options->accumulate && function == grad)
            made.functions[made.count++] = function_accumulate(grad, "grad_add");
    }
    return made;
}

/* Adds a function after its first passes. From `decode` its weights are taken just before fusion,
 * which would hide what is done to them in the kernels that read them. */
static bool fused_add(Fused *fused, Function *function, size_t first, const CompileOptions *options,
                      PassContext *context, CompileError *error) {
    const bool splits = first == FUSED && decode_is_step(function);
    const size_t before = splits ? NUMBER_fuse : first;
    DecodeParts parts = {.decode = passes_run(function, 0, before, options, context, error)};
    if (splits && parts.decode)
        parts = decode_split(parts.decode, context->target);
    Function *const both[] = {parts.weights, parts.decode};
    for (int i = 0; i < 2; i++) {
        if (!both[i])
            continue;
        Function *last = passes_run(both[i], before, first, options, context, error);
        if (!last)
            return false;
        fused->functions[fused->count++] = last;
    }
    return parts.decode != NULL;
}

/* What the passes make of the module's functions; false and `error`: a fault. */
static bool functions_compile(const Module *module, Module *compiled, const CompileOptions *options,
                              PassContext *context, CompileError *error) {
    const size_t wanted = passes_wanted(options), first = wanted < FUSED ? wanted : FUSED;
    Fused fused = {.functions = arena_array(module->arena, 2 * module->function_count,
                                            sizeof *fused.functions)};
    for (uint32_t i = 0; i < module->function_count; i++)
        if (!fused_add(&fused, module->functions[i], first, options, context, error))
            return false;
    if (wanted >= FUSED)
        fused = fused_extend(module->arena, &fused, options);
    for (uint32_t i = 0; i < fused.count; i++) {
        Function *last = passes_run(fused.functions[i], first, wanted, options, context, error);
        if (!last)
            return false;
        module_add(compiled, last);
    }
    return true;
}

Module *pipeline_run(const Module *module, const CompileOptions *options, const Target *target,
                     CompileError *error) {
    if (!options_check(options, error))
        return NULL;
    PassContext context = {.target = target,
                           .precision = options->precision,
                           .arena_bytes = options->arena_bytes,
                           .warn = options->warn,
                           .user = options->user,
                           .records = options->records};
    const char *fault = precision_fault(module->arena, options->precision, target);
    if (fault) {
        error->input = true;
        compile_fail(error, "%s", fault);
        return NULL;
    }
    InterpretCalls *calls = options->check ? interpret_calls_begin(module->arena) : NULL;
    context.caller = calls ? interpret_calls_caller(calls) : NULL;
    Module *compiled = module_create(module->arena);
    const bool sound = functions_compile(module, compiled, options, &context, error);
    interpret_calls_end(calls);
    return sound ? compiled : NULL;
}
