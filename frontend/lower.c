/* The entry of lowering. */
#include "frontend/lower.h"

#include "frontend/lowering.h"

#include <string.h>

const char *lower_batch_axis(const Spec *spec) {
    return spec_dim(spec, "b") ? "b.0" : "b"; /* no dim has a dot in its name */
}

Lowering *lowering_create(LowerShared *shared, bool tentative) {
    static const char *const names[] = {
        [GRAPH_FORWARD] = "forward", [GRAPH_INIT] = "init", [GRAPH_UPDATE] = "update"};
    const TrainSettings *train = &shared->spec->train;
    int64_t chunk = train->chunks > 0 ? train->batch / train->chunks : 1;
    Lowering *l = arena_alloc(shared->arena, sizeof *l);
    *l = (Lowering){.shared = shared,
                    .arena = shared->arena,
                    .spec = shared->spec,
                    .diagnostics = shared->diagnostics,
                    .scalars = scalar_create(shared->arena),
                    .tentative = tentative};
    for (int i = 0; i < GRAPH_COUNT; i++) {
        l->functions[i] = function_create(l->arena, names[i]);
        l->batch = function_axis(l->functions[i], lower_batch_axis(l->spec), chunk > 0 ? chunk : 1);
        for (int k = 0; k < 4; k++)
            l->controls[i][k] = NODE_NONE;
    }
    return l;
}

static const SpecObjective *choose(LowerShared *shared, const char *objective) {
    const Spec *spec = shared->spec;
    bool ambiguous = false;
    const SpecObjective *chosen =
        objective ? spec_objective(spec, objective, &ambiguous) : spec->objective;
    if (chosen)
        return chosen;
    Suggestion nearest = suggestion_begin(objective ? objective : "");
    const char *list = "";
    for (uint32_t i = 0; i < spec->objective_count; i++) {
        suggestion_offer(&nearest, spec->objectives[i]->address);
        list = arena_printf(shared->arena, "%s%s%s", list, *list ? ", " : "",
                            spec->objectives[i]->address);
    }
    if (!objective && diagnostics_error_count(shared->diagnostics))
        return NULL; /* what is wrong with the setting was said */
    Diagnostic *d = diagnostics_error_nowhere(
        shared->diagnostics, "no-objective",
        !objective  ? "no objective is chosen%s%s%s"
        : ambiguous ? "there are several objectives called %s%s%s"
                    : "there is no objective %s%s%s",
        objective ? "'" : "", objective ? objective : "", objective ? "'" : "");
    const char *near = suggestion_end(&nearest);
    if (near && !ambiguous && objective)
        diagnostic_suggest(d, near);
    else if (*list)
        diagnostic_hint(d, "set train.objective to one of: %s", list);
    return NULL;
}

/* --- everything that is not chosen, for its errors --- */

static void check_functions(LowerShared *shared) {
    const Spec *spec = shared->spec;
    for (uint32_t i = 0; i < spec->file_count; i++)
        for (uint32_t k = 0; k < spec->files[i]->count; k++) {
            const Declaration *declaration = &spec->files[i]->at[k];
            if (declaration->kind == DECLARATION_EXTERN)
                extern_declare(lowering_create(shared, true), &declaration->external);
            if (declaration->kind == DECLARATION_FUNCTION &&
                !names_find(&shared->called, declaration->function.name.text))
                call_for_errors(lowering_create(shared, true), &declaration->function);
        }
}

static void check_others(LowerShared *shared, const SpecObjective *chosen) {
    const Spec *spec = shared->spec;
    for (uint32_t i = 0; i < spec->objective_count; i++)
        if (spec->objectives[i] != chosen)
            objective_run(lowering_create(shared, true), spec->objectives[i]);
    check_functions(shared);
    const char *rule = spec->update ? spec->update->call.callee.text : "";
    for (uint32_t i = 0; i < spec->update_count; i++)
        if (strcmp(spec->updates[i]->name.text, rule) != 0)
            update_for_errors(lowering_create(shared, true), spec->updates[i], NULL);
}

/* --- the module --- */

/* Parameters that the loss depends on, in order. */
static uint32_t find_trained(Lowering *l, ParameterRecord ***trained) {
    Function *forward = l->functions[GRAPH_FORWARD];
    NodeId loss = function_find_output(forward, "loss");
    bool *needed = arena_array(l->arena, forward->node_count, sizeof(bool));
    uint32_t count = 0;
    needed[loss] = true;
    for (uint32_t i = loss + 1; i-- > 0;)
        for (uint32_t k = 0; needed[i] && k < forward->nodes[i].source_count; k++)
            needed[forward->nodes[i].sources[k]] = true;
    *trained = arena_array(l->arena, l->parameter_count, sizeof(ParameterRecord *));
    for (uint32_t i = 0; i < l->parameter_count; i++)
        if (needed[l->parameters[i]->node])
            (*trained)[count++] = l->parameters[i];
    return count;
}

static void emit_initial_values(Lowering *l, const Function *forward) {
    for (uint32_t i = 0; i < l->parameter_count; i++) {
        const ParameterRecord *record = l->parameters[i];
        if (function_find_binding(forward, record->path) != NODE_NONE)
            function_output(l->functions[GRAPH_INIT], record->path, record->initial, NULL);
    }
}

/* The functions of a sound objective, and the experiment. */
static void build_module(Lowering *l, const SpecObjective *objective, Module *module,
                         Experiment *experiment) {
    Function *forward = function_compact(l->functions[GRAPH_FORWARD]);
    ParameterRecord **trained;
    uint32_t trained_count = find_trained(l, &trained);
    Parameter *states = NULL;
    uint32_t state_count = 0;
    emit_initial_values(l, forward);
    if (l->spec->update)
        state_count = update_lower(l, l->spec->update, trained, trained_count, &states);
    if (!experiment_describe(l, objective, forward, experiment))
        return;
    experiment->states = states;
    experiment->state_count = state_count;
    experiment->schedule = scalar_schedule(l->scalars, l->arena);
    module_add(module, function_compact(l->functions[GRAPH_INIT]));
    module_add(module, forward);
    if (l->spec->update)
        module_add(module, function_compact(l->functions[GRAPH_UPDATE]));
}

Module *lower_experiment(Arena *arena, const Spec *spec, const char *objective,
                         Experiment *experiment, Diagnostics *diagnostics) {
    LowerShared shared = {.arena = arena, .spec = spec, .diagnostics = diagnostics};
    const SpecObjective *chosen = choose(&shared, objective);
    Lowering *l = lowering_create(&shared, false);
    if (chosen)
        objective_run(l, chosen);
    check_others(&shared, chosen);
    bool sound = chosen && diagnostics_error_count(diagnostics) == 0;
    if (!sound && spec->update)
        update_for_errors(lowering_create(&shared, true),
                          spec_update(spec, spec->update->call.callee.text), spec->update);
    if (!sound)
        return NULL;
    Module *module = module_create(arena);
    build_module(l, chosen, module, experiment);
    if (diagnostics_error_count(diagnostics))
        return NULL;
    experiment->spec = spec_flatten(spec);
    return module;
}
