/* What is compiled in is found by trying: a const whose other value gives the same functions is
 * free. Of settings it is known. */
#include "frontend/standalone/settable.h"

#include <string.h>

typedef enum Fixture { FREE, FIXED, PARTLY } Fixture;

/* Settings that say what is computed; all others are told to the run alone. */
static const struct {
    const char *key;
    Fixture fixture;
    const char *note;
} compiled_in[] = {
    {"train.objective", FIXED, ""},
    {"train.precision", FIXED, ""},
    {"train.batch", PARTLY, "with train.chunks, in chunks as large as these"},
    {"train.chunks", PARTLY, "with train.batch, in chunks as large as these"},
    {"train.update", PARTLY, "numbers of the learning rate's schedule, not the rule"},
    {"train.memory", PARTLY, "it is held against what the program takes, which is compiled in"},
};
enum { COMPILED_IN = sizeof compiled_in / sizeof *compiled_in };

static bool is_const(const Spec *spec, const char *key) {
    const Symbol *symbol = spec_symbol(spec, key);
    return symbol && symbol->kind == SYMBOL_CONST;
}

/* A const is free where neither twice its value nor one more makes another program. */
static Fixture const_fixture(const Carried *carried, Arena *arena, const Setting *setting) {
    const char *others[] = {arena_printf(arena, "%s=(%s) * 2", setting->key, setting->value),
                            arena_printf(arena, "%s=(%s) + 1", setting->key, setting->value)};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        const CarriedSpec read = carried_read(carried, arena, &others[i], 1);
        if (!read.is_sound || !carried_fits(carried, arena, read.lowered, &read.experiment))
            return FIXED;
    }
    return FREE;
}

static Fixture fixture_of(const Carried *carried, Arena *arena, const Spec *spec,
                          const Setting *setting, const char **note) {
    *note = "";
    if (!strchr(setting->key, '.'))
        return is_const(spec, setting->key) ? const_fixture(carried, arena, setting) : FIXED;
    for (int i = 0; i < COMPILED_IN; i++)
        if (strcmp(compiled_in[i].key, setting->key) == 0) {
            *note = compiled_in[i].note;
            return compiled_in[i].fixture;
        }
    return FREE;
}

static void print_all(const CarriedSpec *own, const Fixture *fixtures, const char *const *notes,
                      Fixture which, FILE *stream) {
    for (uint32_t i = 0; i < own->experiment.setting_count; i++) {
        const Setting *setting = &own->experiment.settings[i];
        if (fixtures[i] == which)
            fprintf(stream, "  %s=%s%s%s%s\n", setting->key, setting->value, *notes[i] ? "  (" : "",
                    notes[i], *notes[i] ? ")" : "");
    }
}

void settable_print(const Carried *carried, Arena *arena, FILE *stream) {
    const CarriedSpec own = carried_read(carried, arena, NULL, 0);
    const uint32_t count = own.is_sound ? own.experiment.setting_count : 0;
    Fixture *fixtures = arena_array(arena, count, sizeof *fixtures);
    const char **notes = arena_array(arena, count, sizeof *notes);
    for (uint32_t i = 0; i < count; i++)
        fixtures[i] = fixture_of(carried, arena, own.spec, &own.experiment.settings[i], &notes[i]);
    fputs("\nCompiled in:\n", stream);
    print_all(&own, fixtures, notes, FIXED, stream);
    fputs("\nCompiled in, in part:\n", stream);
    print_all(&own, fixtures, notes, PARTLY, stream);
    fputs("\nTo be set as KEY=VALUE:\n", stream);
    print_all(&own, fixtures, notes, FREE, stream);
}

/* --- faults --- */

static const char *value_of(const Experiment *experiment, const char *key) {
    for (uint32_t i = 0; i < experiment->setting_count; i++)
        if (strcmp(experiment->settings[i].key, key) == 0)
            return experiment->settings[i].value;
    return NULL;
}

static bool may_be_compiled_in(const char *key) {
    for (int i = 0; i < COMPILED_IN; i++)
        if (strcmp(compiled_in[i].key, key) == 0)
            return true;
    return !strchr(key, '.');
}

/* "d=64 (here 128)" for each of dims, consts and settings that decide what is computed. */
static const char *differences(Arena *arena, const Experiment *own, const Experiment *other) {
    const char *list = "";
    for (uint32_t i = 0; i < own->setting_count; i++) {
        const Setting *setting = &own->settings[i];
        const char *value = value_of(other, setting->key);
        if (may_be_compiled_in(setting->key) && (!value || strcmp(value, setting->value) != 0))
            list = arena_printf(arena, "%s%s%s=%s (here %s)", list, *list ? ", " : "", setting->key,
                                setting->value, value ? value : "none");
    }
    return *list ? list : "another model";
}

const char *settable_fault(const Carried *carried, Arena *arena, const char *const *settings,
                           uint32_t count) {
    const char *culprits = carried_culprits(carried, arena, settings, count);
    return arena_printf(arena,
                        "%s cannot be set here: it decides what is computed, which is compiled in. "
                        "`scanline compile SPEC %s -o NAME' makes a program for it; --help of this "
                        "one says what can be set",
                        culprits, culprits);
}

const char *settable_fault_of(const Carried *carried, Arena *arena, const Experiment *experiment) {
    const CarriedSpec own = carried_read(carried, arena, NULL, 0);
    return arena_printf(arena,
                        "the spec computes something else than this program, which was compiled "
                        "for %s; scanline itself runs it, or a program that is compiled of it",
                        differences(arena, &own.experiment, experiment));
}
