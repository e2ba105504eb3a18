#include "tests/unit/lower_support.h"

#include "ir/verify.h"

#include <criterion/criterion.h>
#include <string.h>

static const double zeros[64];

static Lowered lower_loaded(LoadedSpec loaded) {
    Lowered lowered = {.loaded = loaded};
    cr_assert(loaded.spec, "%s", diagnostics_text(loaded.diagnostics, false));
    lowered.module =
        lower_experiment(loaded.arena, loaded.spec, NULL, &lowered.experiment, loaded.diagnostics);
    cr_assert(lowered.module, "%s", diagnostics_text(loaded.diagnostics, false));
    const char *fault = verify_module(lowered.module, loaded.arena);
    cr_assert(!fault, "%s", fault);
    return lowered;
}

Lowered lower_text(const char *text, const char *const *overrides) {
    return lower_loaded(load_text(text, overrides));
}

Lowered lower_path(const char *path, const char *const *overrides) {
    return lower_loaded(load_path(path, overrides));
}

void lowered_free(Lowered *lowered) { unload(&lowered->loaded); }

double **lowered_run(const Lowered *lowered, const char *function, const InterpretBinding *bindings,
                     size_t count) {
    InterpretError error = {""};
    const Function *found = module_function(lowered->module, function);
    cr_assert(found, "no function %s", function);
    double **outputs = interpret(found, bindings, count, lowered->loaded.arena, &error);
    cr_assert(outputs, "%s", error.text);
    return outputs;
}

const double *lowered_output(const Lowered *lowered, const char *function, double **outputs,
                             const char *name) {
    const Function *found = module_function(lowered->module, function);
    for (uint32_t i = 0; i < found->output_count; i++)
        if (strcmp(found->outputs[i].name, name) == 0)
            return outputs[i];
    cr_assert_fail("%s has no output %s", function, name);
    return NULL;
}

void bindings_add_initial(const Lowered *lowered, Bindings *bindings, double seed) {
    double *kept = arena_array(lowered->loaded.arena, 1, sizeof(double));
    *kept = seed;
    bindings_add(bindings, "$seed", kept, 1);
    bindings_add(bindings, "$draw", zeros, 1);
    bindings_add(bindings, "$step", zeros, 1);
    double **values = lowered_run(lowered, "init", bindings->at, bindings->count);
    for (uint32_t i = 0; i < lowered->experiment.parameter_count; i++) {
        const Parameter *parameter = &lowered->experiment.parameters[i];
        bindings_add(bindings, parameter->path,
                     lowered_output(lowered, "init", values, parameter->path), parameter->elements);
    }
}
