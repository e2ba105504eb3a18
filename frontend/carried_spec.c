#include "frontend/carried_spec.h"

#include "frontend/fingerprint.h"

#include <string.h>

Sources *carried_sources(const Carried *carried, Arena *arena) {
    SourceFile *files = arena_array(arena, carried->file_count, sizeof *files);
    for (uint64_t i = 0; i < carried->file_count; i++)
        files[i] = (SourceFile){carried->files[i].path, carried->files[i].text,
                                (size_t)carried->files[i].length};
    Sources *sources = sources_create(arena, files, (size_t)carried->file_count);
    sources_seal(sources);
    return sources;
}

/* Where the key of "key = value" begins, and its length. */
static size_t key_of(const char *setting, const char **key) {
    *key = setting + strspn(setting, " \t");
    return strcspn(*key, " \t=");
}

static bool is_given(const char *setting, const char *const *settings, uint32_t count) {
    const char *key, *other;
    const size_t length = key_of(setting, &key);
    for (uint32_t i = 0; i < count; i++)
        if (key_of(settings[i], &other) == length && memcmp(key, other, length) == 0)
            return true;
    return false;
}

void carried_options(const Carried *carried, Arena *arena, const char *const *settings,
                     uint32_t count, SpecOptions *options) {
    const char **all = arena_array(arena, carried->setting_count + count, sizeof *all);
    *options = (SpecOptions){.directories = carried->directories,
                             .directory_count = (uint32_t)carried->directory_count,
                             .overrides = all};
    for (uint64_t i = 0; i < carried->setting_count; i++)
        if (!is_given(carried->settings[i], settings, count))
            all[options->override_count++] = carried->settings[i];
    for (uint32_t i = 0; i < count; i++)
        all[options->override_count++] = settings[i];
}

CarriedSpec carried_read(const Carried *carried, Arena *arena, const char *const *settings,
                         uint32_t count) {
    CarriedSpec read = {0};
    SpecOptions options;
    Sources *sources = carried_sources(carried, arena);
    Diagnostics *diagnostics = diagnostics_create(arena, sources);
    carried_options(carried, arena, settings, count, &options);
    read.diagnostics = diagnostics;
    read.spec = spec_load(arena, sources, carried->main, &options, diagnostics);
    if (read.spec)
        read.lowered = lower_experiment(arena, read.spec, NULL, &read.experiment, diagnostics);
    read.is_sound = read.lowered && diagnostics_error_count(diagnostics) == 0;
    return read;
}

bool carried_fits(const Carried *carried, Arena *arena, const Module *lowered,
                  const Experiment *experiment) {
    char hash[HASH_SIZE];
    fingerprint(arena, lowered, experiment, hash);
    return strcmp(hash, carried->fingerprint) == 0;
}

static const char *list_add(Arena *arena, const char *list, const char *setting) {
    return arena_printf(arena, "%s%s%s", list, *list ? ", " : "", setting);
}

const char *carried_culprits(const Carried *carried, Arena *arena, const char *const *settings,
                             uint32_t count) {
    const char *culprits = "", *all = "";
    for (uint32_t i = 0; i < count; i++) {
        const CarriedSpec alone = carried_read(carried, arena, &settings[i], 1);
        all = list_add(arena, all, settings[i]);
        if (!alone.is_sound || !carried_fits(carried, arena, alone.lowered, &alone.experiment))
            culprits = list_add(arena, culprits, settings[i]);
    }
    return *culprits ? culprits : all;
}
