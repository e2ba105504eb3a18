/* The table of all lines: each step's figures are divided among the lines of its nodes by their
 * work; then what is of one line is put together. */
#include "passes/explain.h"

#include <stdlib.h>
#include <string.h>

/* What one step is to one line. */
typedef struct Entry {
    ExplainPlace place; /* file NULL: of no line */
    uint32_t kernel;
    ExplainSum sum; /* `kernels` is counted when entries are put together */
} Entry;

typedef struct Entries {
    Entry *at;
    uint32_t count;
} Entries;

static int by_place(const ExplainPlace *a, const ExplainPlace *b) {
    if (!a->file || !b->file)
        return !a->file - !b->file;
    const int files = strcmp(a->file, b->file);
    return files ? files : (a->line > b->line) - (a->line < b->line);
}

static int by_place_and_kernel(const void *left, const void *right) {
    const Entry *a = left, *b = right;
    const int places = by_place(&a->place, &b->place);
    return places ? places : (a->kernel > b->kernel) - (a->kernel < b->kernel);
}

static void sum_add(ExplainSum *sum, const ExplainSum *more) {
    sum->seconds += more->seconds;
    sum->flops += more->flops;
    sum->bytes += more->bytes;
    sum->kept += more->kept;
}

static ExplainSum sum_times(const ExplainSum *sum, double factor) {
    return (ExplainSum){.seconds = sum->seconds * factor,
                        .flops = sum->flops * factor,
                        .bytes = sum->bytes * factor};
}

static void entry_add(Entries *entries, ExplainPlace place, uint32_t kernel, ExplainSum sum) {
    entries->at[entries->count++] = (Entry){place, kernel, sum};
}

/* How often the table's work runs a function. */
static double runs_of(const ExplainFunction *function, const char *wanted) {
    return wanted ? strcmp(function->plan->name, wanted) == 0 : function->runs;
}

/* Each of the step's lines, and what is of none. */
static void add_step(Entries *entries, const ExplainStep *step, double runs,
                     const ExplainPeaks *peaks) {
    const ExplainSum whole = {.seconds = runs * explain_seconds(step, peaks, NULL),
                              .flops = runs * step->kernel->flops,
                              .bytes = runs * step->kernel->bytes};
    const uint32_t kernel = step->step->kernel;
    double rest = 1;
    for (uint32_t i = 0; i < step->step->place_count; i++) {
        const ExplainPlace place = {step->step->places[i].file,
                                    (uint32_t)step->step->places[i].line};
        const double share = explain_share(step, &place);
        rest -= share;
        if (share > 0) /* else it is there as a constant alone */
            entry_add(entries, place, kernel, sum_times(&whole, share));
    }
    if (rest > 1e-9)
        entry_add(entries, (ExplainPlace){0}, kernel, sum_times(&whole, rest));
}

/* What the forward part leaves in memory for the backward part, at the lines of the values. */
static void add_kept(Entries *entries, const ExplainFunction *function, const ExplainStep *step) {
    for (uint32_t i = 0; step->fused && i < step->fused->output_count; i++) {
        if (!explain_is_kept(function, step, i))
            continue;
        const Node *node = graph_node(step->record->function, step->fused->outputs[i]);
        const SpanSet *spans = node->spans;
        const uint32_t count = spans ? spans->count : 0;
        const double bytes =
            (double)graph_elements(step->record->function, node) * (double)dtype_size(node->dtype);
        const ExplainSum part = {.kept = bytes / (count ? count : 1)};
        for (uint32_t k = 0; k < count; k++)
            entry_add(entries, (ExplainPlace){spans->at[k].file, spans->at[k].line},
                      step->step->kernel, part);
        if (!count)
            entry_add(entries, (ExplainPlace){0}, step->step->kernel, part);
    }
}

static uint32_t most_entries(const Explanation *explanation, const char *wanted) {
    uint32_t most = 0;
    for (uint32_t f = 0; f < explanation->plan->function_count; f++) {
        const ExplainFunction *function = &explanation->functions[f];
        const double runs = runs_of(function, wanted);
        for (uint32_t i = 0; runs > 0 && i < function->plan->step_count; i++) {
            const ExplainStep *step = &function->steps[i];
            most += step->step->place_count + 1;
            for (uint32_t k = 0; step->fused && k < step->fused->output_count; k++) {
                const SpanSet *spans =
                    graph_node(step->record->function, step->fused->outputs[k])->spans;
                most += spans ? spans->count : 1;
            }
        }
    }
    return most;
}

static ExplainTable put_together(Arena *arena, const Entries *entries) {
    ExplainRow *rows = arena_array(arena, entries->count, sizeof *rows);
    ExplainTable table = {.rows = rows};
    for (uint32_t i = 0; i < entries->count; i++) {
        const Entry *entry = &entries->at[i];
        const bool first = i == 0 || by_place(&entry[-1].place, &entry->place) != 0;
        if (first)
            rows[table.row_count++] = (ExplainRow){.place = entry->place};
        ExplainSum *sum = &rows[table.row_count - 1].sum;
        sum->kernels += first || entry[-1].kernel != entry->kernel;
        sum_add(sum, &entry->sum);
        sum_add(&table.all, &entry->sum);
    }
    return table;
}

ExplainTable explain_lines(const Explanation *explanation, const ExplainPeaks *peaks,
                           const char *wanted) {
    Entries entries = {.at = arena_array(explanation->arena, most_entries(explanation, wanted),
                                         sizeof *entries.at)};
    bool *seen = arena_array(explanation->arena, explanation->plan->kernel_count, sizeof *seen);
    uint32_t kernels = 0;
    for (uint32_t f = 0; f < explanation->plan->function_count; f++) {
        const ExplainFunction *function = &explanation->functions[f];
        const double runs = runs_of(function, wanted);
        for (uint32_t i = 0; runs > 0 && i < function->plan->step_count; i++) {
            const ExplainStep *step = &function->steps[i];
            add_step(&entries, step, runs, peaks);
            if (function == explanation->gradients)
                add_kept(&entries, function, step);
            kernels += !seen[step->step->kernel];
            seen[step->step->kernel] = true;
        }
    }
    qsort(entries.at, entries.count, sizeof *entries.at, by_place_and_kernel);
    ExplainTable table = put_together(explanation->arena, &entries);
    table.all.kernels = kernels;
    return table;
}
