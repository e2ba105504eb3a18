#include "runtime/report/sections.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct SectionKind {
    const char *title;
    PlotList (*plots)(const PlotRuns *runs);
    /* Says what a run lacks for it, with the command; NULL: nothing. */
    const char *(*absent)(const PlotRuns *runs, uint32_t run);
    bool optional; /* without plots it is left out */
} SectionKind;

/* --- what is not there --- */

static const char *no_loss(const PlotRuns *runs, uint32_t r) {
    const RunFindings *run = &runs->runs[r];
    if (run->train.count || run->validation.count)
        return NULL;
    return pool_print(runs->pool, "Run %s has no losses yet: `scanline train --resume %s`",
                      run->address, run->address);
}

static const char *no_probe(const PlotRuns *runs, uint32_t r) {
    const RunFindings *run = &runs->runs[r];
    return run->probe ? NULL
                      : pool_print(runs->pool, "No probe yet: `scanline probe %s`", run->address);
}

/* How many probed checkpoints of a run have a loss of their step. */
static uint32_t points_of(const RunFindings *run) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < run->probe_count; i++)
        count += isfinite(findings_loss_at(run, run->probes[i].step));
    return count;
}

static const char *no_points(const PlotRuns *runs, uint32_t r) {
    const RunFindings *run = &runs->runs[r];
    const uint32_t without = run->probe_count - points_of(run);
    if (!run->probe_count)
        return no_probe(runs, r);
    if (!without)
        return NULL;
    return pool_print(runs->pool,
                      "Run %s: %u probed checkpoint%s left out, as no validation loss was measured "
                      "at the step of it (`train.evaluate` says how often that is done)",
                      run->address, without, without == 1 ? " is" : "s are");
}

static const char *one_objective(const PlotRuns *runs, uint32_t r) {
    const char *other = strncmp(runs->runs[0].objective, "bert", 4) == 0 ? "ar" : "bert";
    for (uint32_t i = 1; i < runs->count; i++)
        if (strcmp(runs->runs[i].objective, runs->runs[0].objective) != 0)
            return r ? NULL
                     : "To be held beside each other, runs of several objectives need probes";
    if (r)
        return NULL;
    return pool_print(
        runs->pool,
        "All is of the objective %s. To hold another beside it, train and probe a run "
        "of it, and report both: `scanline train SPEC train.objective=%s`",
        runs->runs[0].objective, other);
}

static const SectionKind kinds[] = {
    {"Loss", plots_of_loss, no_loss, false},
    {"Accuracy", plots_of_accuracy, NULL, true},
    {"Probe by layer", plots_of_layers, no_probe, false},
    {"Validation loss against probe", plots_of_loss_and_probe, no_points, false},
    {"AR against BERT", plots_of_objectives, one_objective, false},
};
enum { KIND_COUNT = sizeof kinds / sizeof *kinds };

/* --- made --- */

static void add_absent(PageSection *section, const SectionKind *kind, const PlotRuns *runs) {
    for (uint32_t r = 0; kind->absent && r < runs->count; r++) {
        const char *text = kind->absent(runs, r);
        const char **larger = text ? pool_grow(runs->pool, section->absent, section->absent_count,
                                               sizeof *section->absent)
                                   : NULL;
        if (!larger)
            continue;
        section->absent = larger;
        larger[section->absent_count++] = text;
    }
}

static bool add_plots(PageSection *section, const PlotList *list, Pool *pool) {
    section->plots = pool_array(pool, list->count, sizeof *section->plots);
    for (uint32_t i = 0; section->plots && i < list->count; i++) {
        section->plots[section->count++] =
            (PagePlot){&list->plots[i], &list->tables[i], plot_svg(&list->plots[i])};
        if (!section->plots[i].svg)
            return false;
    }
    return section->plots != NULL;
}

Sections sections_make(const PlotRuns *runs) {
    Sections made = {.sections = pool_array(runs->pool, KIND_COUNT, sizeof *made.sections)};
    bool ok = made.sections != NULL;
    for (size_t k = 0; ok && k < KIND_COUNT; k++) {
        const PlotList list = kinds[k].plots(runs);
        PageSection section = {.title = kinds[k].title};
        ok = add_plots(&section, &list, runs->pool);
        const bool about_pairs = kinds[k].absent == one_objective;
        if (!about_pairs || !list.count)
            add_absent(&section, &kinds[k], runs);
        if (section.count || !kinds[k].optional) /* also what is there in part, to be freed */
            made.sections[made.count++] = section;
    }
    if (!ok || runs->pool->failed) {
        sections_free(&made);
        made.sections = NULL;
    }
    return made;
}

void sections_free(Sections *sections) {
    for (uint32_t s = 0; sections->sections && s < sections->count; s++)
        for (uint32_t i = 0; i < sections->sections[s].count; i++)
            free(sections->sections[s].plots[i].svg);
    sections->count = 0;
}
