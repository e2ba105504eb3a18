/* Loads the spec of each case and compares what comes out with what the case expects.
 *
 *     golden [--update] CASE...
 *
 * Kinds of output: `expect`, the diagnostics as text ("no errors" when there are none); `json`, the
 * same as JSON; `flat`, the flattened spec. A case with one of these is lowered as well: `lowered`,
 * the diagnostics after that; `init`, `forward`, `update`, the functions of the module; `schedule`,
 * the names of its scalars. With --update the case is written anew. */
#include "frontend/lower.h"
#include "frontend/spec.h"
#include "ir/text_print.h"
#include "tests/golden/case_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct Outcome {
    Arena *arena;
    const Spec *spec;
    Diagnostics *diagnostics;
    const Module *module; /* NULL: not lowered, or with errors */
    Experiment experiment;
} Outcome;

static const char *show_text(const Outcome *outcome) {
    const char *text = diagnostics_text(outcome->diagnostics, false);
    return *text ? text : "no errors\n";
}

static const char *show_json(const Outcome *outcome) {
    return arena_printf(outcome->arena, "%s\n", diagnostics_json(outcome->diagnostics));
}

static const char *show_flat(const Outcome *outcome) {
    bool sound = outcome->spec && !diagnostics_error_count(outcome->diagnostics);
    return sound ? spec_flatten(outcome->spec) : "it has errors\n";
}

static const char *show_function(const Outcome *outcome, const char *name) {
    const Function *function = outcome->module ? module_function(outcome->module, name) : NULL;
    return function ? text_print_function(function, outcome->arena) : "there is none\n";
}

static const char *show_init(const Outcome *outcome) { return show_function(outcome, "init"); }

static const char *show_forward(const Outcome *outcome) {
    return show_function(outcome, "forward");
}

static const char *show_update(const Outcome *outcome) { return show_function(outcome, "update"); }

static const char *show_schedule(const Outcome *outcome) {
    const Schedule *schedule = &outcome->experiment.schedule;
    const char *text = "";
    for (uint32_t i = 0; i < schedule->output_count; i++)
        text = arena_printf(outcome->arena, "%s$scalar.%u: %s\n", text, i, schedule->names[i]);
    return text;
}

static const struct {
    const char *kind;
    const char *(*show)(const Outcome *outcome);
    bool lowers;
} outputs[] = {
    {"expect", show_text, false},  {"json", show_json, false},
    {"flat", show_flat, false},    {"lowered", show_text, true},
    {"init", show_init, true},     {"forward", show_forward, true},
    {"update", show_update, true}, {"schedule", show_schedule, true},
};

enum { OUTPUT_COUNT = sizeof outputs / sizeof *outputs };

/* The lines of the override sections. */
static size_t collect_overrides(Arena *arena, const CaseFile *file, const char **overrides,
                                size_t most) {
    size_t count = 0;
    for (size_t i = 0; i < file->count; i++) {
        const CaseSection *section = &file->sections[i];
        if (strcmp(section->kind, "override") != 0)
            continue;
        char *rest = arena_string(arena, section->text, section->length);
        for (char *line = strtok_r(rest, "\n", &rest); line && count < most;
             line = strtok_r(NULL, "\n", &rest))
            overrides[count++] = line;
    }
    return count;
}

static bool wants_lowering(const CaseFile *file) {
    for (size_t i = 0; i < file->count; i++)
        for (size_t j = 0; j < OUTPUT_COUNT; j++)
            if (outputs[j].lowers && !strcmp(file->sections[i].kind, outputs[j].kind))
                return true;
    return false;
}

static Outcome load(Arena *arena, const CaseFile *file) {
    static const char *const directories[] = {"models"};
    const char **overrides = arena_array(arena, 64, sizeof *overrides);
    SourceFile *files = arena_array(arena, CASE_MOST_SECTIONS, sizeof *files);
    size_t count = 0;
    for (size_t i = 0; i < file->count; i++) {
        const CaseSection *section = &file->sections[i];
        if (strcmp(section->kind, "input") != 0)
            continue;
        files[count].path = *section->name ? section->name : "main.scan";
        files[count].text = case_expand(arena, section, &files[count].length);
        count++;
    }
    Sources *sources = sources_create(arena, files, count);
    Diagnostics *diagnostics = diagnostics_create(arena, sources);
    SpecOptions options = {.directories = directories,
                           .directory_count = 1,
                           .overrides = overrides,
                           .override_count =
                               (uint32_t)collect_overrides(arena, file, overrides, 64)};
    const char *main_path = count ? files[0].path : "main.scan";
    Spec *spec = spec_load(arena, sources, main_path, &options, diagnostics);
    Outcome outcome = {.arena = arena, .spec = spec, .diagnostics = diagnostics};
    if (spec && wants_lowering(file))
        outcome.module = lower_experiment(arena, spec, NULL, &outcome.experiment, diagnostics);
    return outcome;
}

/* Whether all sections are as they should be; those that are not are changed. */
static bool compare(const char *path, CaseFile *file, const Outcome *outcome) {
    bool same = true, found = false;
    for (size_t i = 0; i < file->count; i++) {
        for (size_t j = 0; j < OUTPUT_COUNT; j++) {
            CaseSection *section = &file->sections[i];
            if (strcmp(section->kind, outputs[j].kind) != 0)
                continue;
            found = true;
            const char *shown = outputs[j].show(outcome);
            size_t length = strlen(shown);
            if (section->length == length && !memcmp(section->text, shown, length))
                continue;
            same = false;
            fprintf(stderr, "%s: the section '%s' should be\n%.*sbut is\n%s", path, section->kind,
                    (int)section->length, section->text, shown);
            section->text = shown;
            section->length = length;
        }
    }
    if (!found)
        fprintf(stderr, "%s: nothing is expected\n", path);
    return same && found;
}

static bool run_case(const char *path, bool update) {
    Arena *arena = arena_create();
    bool passed = false;
    if (arena && !setjmp(*arena_boundary(arena))) {
        CaseFile file;
        if (case_read(arena, path, &file)) {
            Outcome outcome = load(arena, &file);
            bool same = compare(path, &file, &outcome);
            passed = same || (update && case_write(path, &file));
        }
    }
    arena_destroy(arena);
    return passed;
}

int main(int argument_count, char **arguments) {
    bool update = argument_count > 1 && !strcmp(arguments[1], "--update");
    int failed = 0, count = 0;
    for (int i = update ? 2 : 1; i < argument_count; i++, count++)
        failed += !run_case(arguments[i], update);
    printf("%d cases, %d failed\n", count, failed);
    return failed || !count ? EXIT_FAILURE : EXIT_SUCCESS;
}
