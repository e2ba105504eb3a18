#include "runtime/report/comparison.h"

#include "runtime/report/differences.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

typedef struct Comparing {
    FindingsSet *a, *b;
    unsigned across;
    Pool *pool;
    Comparison *comparison;
    RunError *error;
} Comparing;

__attribute__((format(printf, 2, 3))) static void note(const Comparing *c, const char *format,
                                                       ...) {
    char text[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    Comparison *comparison = c->comparison;
    const char **larger =
        pool_grow(c->pool, comparison->notes, comparison->note_count, sizeof *comparison->notes);
    if (!larger)
        return;
    comparison->notes = larger;
    larger[comparison->note_count++] = pool_copy_clean(c->pool, text);
}

/* --- whether they can be compared --- */

/* A set is of one objective and of one data set. */
static bool one_kind(const Comparing *c, const FindingsSet *set) {
    const RunFindings *first = &set->runs[0];
    for (uint32_t i = 1; i < set->count; i++) {
        const RunFindings *run = &set->runs[i];
        const char *what = strcmp(run->objective, first->objective) != 0 ? "objective"
                           : strcmp(run->data, first->data) != 0         ? "images"
                           : strcmp(run->split, first->split) != 0       ? "split"
                                                                         : NULL;
        if (what)
            return run_fail(c->error, EXIT_INPUT,
                            "runs %s and %s are in one set, but not of the same %s: a set is of "
                            "runs that differ by their seeds",
                            first->address, run->address, what);
    }
    return true;
}

/* Also where it is named in two ways. */
static bool same_folder(const char *a, const char *b) {
    struct stat left, right;
    return stat(a, &left) == 0 && stat(b, &right) == 0 && left.st_dev == right.st_dev &&
           left.st_ino == right.st_ino;
}

static bool apart(const Comparing *c) {
    for (uint32_t i = 0; i < c->a->count; i++)
        for (uint32_t j = 0; j < c->b->count; j++)
            if (same_folder(c->a->runs[i].folder, c->b->runs[j].folder))
                return run_fail(c->error, EXIT_INPUT, "run %s is in both sets",
                                c->a->runs[i].address);
    return true;
}

static bool same_objective(const Comparing *c) {
    return strcmp(c->a->runs[0].objective, c->b->runs[0].objective) == 0;
}

static bool comparable(const Comparing *c) {
    const RunFindings *a = &c->a->runs[0], *b = &c->b->runs[0];
    const bool data = strcmp(a->data, b->data) == 0, split = strcmp(a->split, b->split) == 0;
    if (!apart(c) || !one_kind(c, c->a) || !one_kind(c, c->b))
        return false;
    if ((!data || !split) && !(c->across & ACROSS_DATA))
        return run_fail(c->error, EXIT_INPUT,
                        "the sets were trained on other %s (%.80s and %.80s): figures of them are "
                        "not of the same thing; where that is what is compared, --across data",
                        data ? "splits of the images" : "images", data ? a->split : a->data,
                        data ? b->split : b->data);
    if (!same_objective(c) && !(c->across & ACROSS_OBJECTIVES))
        return run_fail(c->error, EXIT_INPUT,
                        "the sets have other objectives (%.80s and %.80s): their losses are not on "
                        "one scale; to compare the rest, probes and accuracy, --across objective",
                        a->objective, b->objective);
    if (!data || !split)
        note(c, "the sets were trained on other %s", data ? "splits of the images" : "images");
    if (!same_objective(c))
        note(c, "the objectives are %.80s and %.80s: losses are not on one scale, and left out",
             a->objective, b->objective);
    return true;
}

/* --- what else is to be said --- */

static void note_states(const Comparing *c, const FindingsSet *set) {
    for (uint32_t i = 0; i < set->count; i++)
        if (strncmp(set->runs[i].state, "done", 4) != 0)
            note(c, "run %s is not done: %.100s, after step %lld", set->runs[i].address,
                 set->runs[i].state, (long long)set->runs[i].steps);
}

static const char *common_value(const FindingsSet *set, const char *key) {
    const char *first = findings_setting(&set->runs[0], key);
    for (uint32_t i = 1; i < set->count; i++) {
        const char *other = findings_setting(&set->runs[i], key);
        if (!first || !other || strcmp(first, other) != 0)
            return NULL;
    }
    return first;
}

/* Adds a setting in which the sets differ. One that differs within a set besides its seed makes the
 * set's spread larger than chance does. */
static void compare_setting(const Comparing *c, const char *key) {
    Comparison *comparison = c->comparison;
    const ComparedSetting setting = {key, common_value(c->a, key), common_value(c->b, key)};
    const bool seed = strcmp(key, "train.seed") == 0 || strcmp(key, "sample.seed") == 0;
    if (seed || (setting.a && setting.b && strcmp(setting.a, setting.b) == 0))
        return;
    if (!setting.a || !setting.b)
        note(c, "%.100s is not the same in all runs of a set", key);
    ComparedSetting *larger = pool_grow(c->pool, comparison->settings, comparison->setting_count,
                                        sizeof *comparison->settings);
    if (!larger)
        return;
    comparison->settings = larger;
    larger[comparison->setting_count++] = setting;
}

static void compare_settings(const Comparing *c) {
    RunFindings *all = pool_array(c->pool, c->a->count + c->b->count, sizeof *all);
    if (!all)
        return;
    memcpy(all, c->a->runs, c->a->count * sizeof *all);
    memcpy(all + c->a->count, c->b->runs, c->b->count * sizeof *all);
    const SettingTable table = settings_compare(all, c->a->count + c->b->count, c->pool);
    for (uint32_t i = 0; i < table.count; i++)
        if (table.rows[i].differs)
            compare_setting(c, table.rows[i].key);
    for (uint32_t i = 0; i < c->a->count + c->b->count; i++)
        if (!all[i].setting_count)
            note(c, "the settings of run %s could not be read", all[i].address);
}

/* --- pairs --- */

/* Which run of the set has the seed; -1: none, -2: several. */
static int64_t find_seed(const FindingsSet *set, int64_t seed) {
    int64_t found = -1;
    for (int64_t i = 0; i < set->count; i++)
        if (set->runs[i].seed == seed)
            found = found == -1 ? i : -2;
    return found;
}

/* How many seeds of a are, once each, in b as well. */
static uint32_t shared_seeds(const Comparing *c) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < c->a->count; i++) {
        const int64_t seed = c->a->runs[i].seed;
        count += seed >= 0 && find_seed(c->a, seed) >= 0 && find_seed(c->b, seed) >= 0;
    }
    return count;
}

/* Puts the runs of b into the order of a's seeds. */
static void put_in_order(const Comparing *c) {
    for (uint32_t i = 0; i < c->a->count; i++) {
        const int64_t partner = find_seed(c->b, c->a->runs[i].seed);
        const RunFindings moved = c->b->runs[partner];
        c->b->runs[partner] = c->b->runs[i];
        c->b->runs[i] = moved;
    }
}

static void choose_method(const Comparing *c) {
    const uint32_t shared = shared_seeds(c);
    Comparison *comparison = c->comparison;
    comparison->paired = c->a->count == c->b->count && shared == c->a->count;
    comparison->method =
        comparison->paired ? "paired by train.seed, Student's t" : "not paired, Welch's t";
    if (comparison->paired)
        put_in_order(c);
    else if (shared)
        note(c, "%u seeds are in both sets, but not all: the runs are not taken in pairs", shared);
    if (comparison->paired ? c->a->count < 2 : c->a->count < 2 || c->b->count < 2)
        note(c, "an interval takes two runs in each set at least");
}

/* --- figures --- */

typedef struct FigureKind {
    const char *name;
    bool is_share, is_loss;
    double (*of)(const RunFindings *run); /* NaN: the run has none */
    const char *command;                  /* that makes it; with the run behind it */
} FigureKind;

static double best_loss(const RunFindings *run) { return run->best_loss; }

static double probe_accuracy(const RunFindings *run) {
    return run->probe ? run->probe->best.test.value : NAN;
}

static double test_loss(const RunFindings *run) { return run->test ? run->test->loss : NAN; }

static double test_accuracy(const RunFindings *run) {
    return run->test && run->test->accuracy.count ? run->test->accuracy.value : NAN;
}

static const FigureKind kinds[] = {
    {"best validation loss", false, true, best_loss, "train --resume"},
    {"probe accuracy", true, false, probe_accuracy, "probe"},
    {"test loss", false, true, test_loss, "eval --split test"},
    {"test accuracy", true, false, test_accuracy, "eval --split test"},
};
enum { KIND_COUNT = sizeof kinds / sizeof *kinds };

/* The run that lacks the figure where others have it; NULL: all have it, or, with *none, not one.
 */
static const RunFindings *who_lacks(const Comparing *c, const FigureKind *kind, bool *none) {
    const RunFindings *without = NULL;
    *none = true;
    for (uint32_t i = 0; i < c->a->count + c->b->count; i++) {
        const RunFindings *run = i < c->a->count ? &c->a->runs[i] : &c->b->runs[i - c->a->count];
        if (isfinite(kind->of(run)))
            *none = false;
        else if (!without)
            without = run;
    }
    return *none ? NULL : without;
}

static Sample values_of(const Comparing *c, const FindingsSet *set, const FigureKind *kind) {
    double *values = pool_array(c->pool, set->count, sizeof *values);
    for (uint32_t i = 0; values && i < set->count; i++)
        values[i] = kind->of(&set->runs[i]);
    return (Sample){values, set->count};
}

static void add_figure(const Comparing *c, const FigureKind *kind) {
    bool none;
    Comparison *comparison = c->comparison;
    const RunFindings *without = who_lacks(c, kind, &none);
    if (without)
        note(c, "no %s: run %s has none (scanline %s %s)", kind->name, without->address,
             kind->command, without->address);
    if (without || none)
        return;
    ComparedFigure figure = {.name = kind->name,
                             .is_share = kind->is_share,
                             .a = values_of(c, c->a, kind),
                             .b = values_of(c, c->b, kind)};
    if (!figure.a.values || !figure.b.values)
        return;
    figure.difference = comparison->paired ? estimate_paired(&figure.a, &figure.b)
                                           : estimate_welch(&figure.a, &figure.b);
    comparison->figures[comparison->figure_count++] = figure;
}

bool comparison_make(FindingsSet *a, FindingsSet *b, unsigned across, Pool *pool,
                     Comparison *comparison, RunError *error) {
    const Comparing c = {a, b, across, pool, comparison, error};
    *comparison = (Comparison){.figures = pool_array(pool, KIND_COUNT, sizeof(ComparedFigure))};
    if (!comparison->figures)
        return run_no_memory(error, "the comparison");
    if (!comparable(&c))
        return false;
    note_states(&c, a);
    note_states(&c, b);
    compare_settings(&c);
    choose_method(&c);
    for (size_t k = 0; k < KIND_COUNT; k++)
        if (!kinds[k].is_loss || same_objective(&c))
            add_figure(&c, &kinds[k]);
    if (pool->failed)
        return run_no_memory(error, "the comparison");
    return comparison->figure_count ||
           run_fail(error, EXIT_INPUT,
                    "the sets have no figure in common that can be compared%s: `scanline probe' "
                    "makes one",
                    same_objective(&c) ? "" : " across objectives");
}
