#include "frontend/cli/run_specs.h"

#include "frontend/cli/program.h"

/* NULL: it cannot be read, or has errors. */
static const Spec *read(Session *session, const char *path) {
    Sources *sources = sources_create(session->arena, NULL, 0);
    Diagnostics *diagnostics = diagnostics_create(session->arena, sources);
    const Spec *spec = spec_load(session->arena, sources, path, &(SpecOptions){0}, diagnostics);
    return diagnostics_error_count(diagnostics) == 0 ? spec : NULL;
}

static uint32_t settings_of(Session *session, const char *folder, const Setting **settings) {
    const char *path = arena_printf(session->arena, "%s/spec.scan", folder);
    const Spec *spec = read(session, path);
    *settings = NULL;
    if (!spec) {
        log_say(session->log, "%s %s: warning: %s is no sound spec: its settings are left out",
                program_name(), session->options->command, path);
        return 0;
    }
    Setting *kept = arena_array(session->arena, spec->setting_count + 1, sizeof *kept);
    uint32_t count = 0;
    for (uint32_t i = 0; i < spec->setting_count; i++) {
        const SpecDim *dim = spec_dim(spec, spec->settings[i].key);
        if (!dim || !dim->value.derived)
            kept[count++] = spec->settings[i];
    }
    *settings = kept;
    return count;
}

const FoundRun *run_specs_read(Session *session, const RunSet *set) {
    FoundRun *runs = arena_array(session->arena, set->count, sizeof *runs);
    for (uint32_t r = 0; r < set->count; r++) {
        runs[r].folder = set->folders[r];
        runs[r].setting_count = settings_of(session, set->folders[r], &runs[r].settings);
    }
    return runs;
}
