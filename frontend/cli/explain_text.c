/* For people: a line after the other down the kernels that it runs in, or a table of all lines. */
#include "frontend/cli/explain_cli.h"
#include "frontend/cli/scaled.h"

#include "ir/text_print.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { PLACE_COLUMN = 72 };

static Arena *arena_of(const Explained *explained) { return explained->session->arena; }

/* Bold on a terminal. */
static const char *strong(const Explained *explained, const char *text) {
    return terminal_has_colour(STDOUT_FILENO)
               ? arena_printf(arena_of(explained), "\033[1m%s\033[0m", text)
               : text;
}

static const char *bytes_text(const Explained *explained, double bytes) {
    return scaled_text(arena_of(explained), bytes, 1024, "B");
}

static const char *time_text(const Explained *explained, double seconds) {
    if (seconds < 5e-8)
        return "<0.1 us";
    if (seconds < 1e-3)
        return arena_printf(arena_of(explained), "%.1f us", 1e6 * seconds);
    if (seconds < 1)
        return arena_printf(arena_of(explained), "%.2f ms", 1e3 * seconds);
    return arena_printf(arena_of(explained), "%.2f s", seconds);
}

/* --- the IR of a line --- */

static uint32_t column_of(const Node *node, const SpecLine *line) {
    for (uint32_t i = 0; node->spans && i < node->spans->count; i++)
        if (node->spans->at[i].line == line->line &&
            strcmp(node->spans->at[i].file, line->source->name) == 0)
            return node->spans->at[i].column;
    return 0;
}

static void print_node(const Explained *explained, const ExplainNode *node, const SpecLine *line) {
    const char *text = text_print_node(node->function, node->id, arena_of(explained));
    printf("    %-*s :%u\n", PLACE_COLUMN, text,
           column_of(graph_node(node->function, node->id), line));
}

static void print_calls(const Explained *explained, const ExplainCalls *calls,
                        const SpecLine *line) {
    const Function *function = calls->record->function;
    const char *where = explain_calls_text(arena_of(explained), calls->calls, calls->call_count);
    const bool parts = strcmp(function->name, "grad") == 0;
    printf("\n%s%s%s%s\n",
           strong(explained, arena_printf(arena_of(explained), "IR of %s", function->name)),
           *where ? ", in " : "", where,
           calls->call_count > 1 ? "; the numbers are those of the first" : "");
    for (int backward = 0; backward < 2; backward++) {
        const Function *body = NULL;
        bool headed = false;
        for (uint32_t i = 0; i < calls->node_count; i++) {
            const ExplainNode *node = &calls->nodes[i];
            if (node->is_backward != backward)
                continue;
            if (parts && !headed)
                printf("  %s\n", backward ? "backward" : "forward");
            headed = true;
            if (node->function != function && node->function != body)
                printf("    in the score of attention, @%s:\n", node->function->name);
            body = node->function;
            print_node(explained, node, line);
        }
    }
}

/* --- the kernels of a line --- */

static void print_readers(const Explained *explained, const ExplainValue *value) {
    for (uint32_t i = 0; i < value->reader_count; i++) {
        const ExplainReader *reader = &value->readers[i];
        const char *part = explain_part_name(reader->step->part);
        printf("                to %s%s%s: %s\n",
               explain_kernel_name(arena_of(explained), reader->step->kernel), *part ? ", " : "",
               part, reader->why);
    }
}

static void print_gives(const Explained *explained, const ExplainUse *use) {
    for (uint32_t i = 0; i < use->give_count; i++) {
        const ExplainValue *value = &use->gives[i];
        printf("    gives     %%%u, %s", value->node, bytes_text(explained, (double)value->bytes));
        if (value->output)
            printf(", the output %s", value->output);
        if (value->is_kept)
            printf(", kept for the backward pass");
        if (value->stored)
            printf("; not computed again: %s", value->stored);
        putchar('\n');
        print_readers(explained, value);
    }
}

static void print_takes(const Explained *explained, const ExplainUse *use) {
    for (uint32_t i = 0; i < use->take_count; i++) {
        const ExplainValue *value = &use->takes[i];
        printf("    takes     %%%u of %s: %s\n", value->node,
               explain_kernel_name(arena_of(explained), value->from->kernel),
               value->readers[0].why);
    }
}

static void print_nodes(const char *label, const NodeId *nodes, uint32_t count, const char *what) {
    if (!count)
        return;
    printf("    %-9s", label);
    for (uint32_t i = 0; i < count; i++)
        printf("%s%%%u", i ? ", " : " ", nodes[i]);
    printf(": %s\n", what);
}

static double use_runs(const ExplainUse *use) {
    return use->function->runs * (double)use->step_count;
}

static const char *work_text(const Explained *explained, const ExplainUse *use, double times) {
    const ExplainStep *step = use->steps[0];
    if (step->kind == EXPLAIN_CALL)
        return "what the library does";
    return scaled_text(arena_of(explained), times * step->kernel->flops, 1000, "FLOP");
}

static void print_cost(const Explained *explained, const ExplainUse *use) {
    const PlanKernel *kernel = use->steps[0]->kernel;
    const double runs = use_runs(use);
    const double times = runs > 0 ? runs : (double)use->step_count;
    bool by_memory;
    const double seconds = explain_seconds(use->steps[0], &explained->peaks, &by_memory);
    printf("    %s  %.0f run%s, %s, %s through memory", runs > 0 ? "a step  " : "in all  ", times,
           times == 1 ? "" : "s", work_text(explained, use, times),
           bytes_text(explained, times * kernel->bytes));
    if (seconds > 0)
        printf("; predicted %s, by %s", time_text(explained, times * seconds),
               by_memory ? "memory" : "arithmetic");
    putchar('\n');
}

static void print_head(const Explained *explained, const ExplainUse *use) {
    const PlanKernel *kernel = use->steps[0]->kernel;
    const char *part = explain_part_name(use->steps[0]->part);
    const char *calls = explain_calls_text(arena_of(explained), use->calls, use->call_count);
    printf("\n  %s  %s%s%u time%s%s%s\n",
           strong(explained, explain_kernel_name(arena_of(explained), kernel)), part,
           *part ? ", " : "", use->step_count, use->step_count == 1 ? "" : "s",
           *calls ? ", in " : "", calls);
    printf("    cut into  %lld tile%s", (long long)kernel->tiles, kernel->tiles == 1 ? "" : "s");
    if (kernel->scratch_bytes)
        printf(", with %s of scratch memory a thread",
               bytes_text(explained, (double)kernel->scratch_bytes));
    putchar('\n');
    if (use->other_count)
        printf("    shared    with %s; of its work %.0f %% is this line's\n",
               explain_places_text(arena_of(explained), use->others, use->other_count),
               100 * use->share);
}

static void print_use(const Explained *explained, const ExplainUse *use) {
    print_head(explained, use);
    print_takes(explained, use);
    print_nodes("inside", use->inside, use->inside_count, "never in memory");
    print_nodes("again", use->copies, use->copy_count,
                "other kernels compute it too, which moves less than storing it");
    print_gives(explained, use);
    print_cost(explained, use);
}

static void print_uses(const Explained *explained, const ExplainLine *what) {
    const ExplainFunction *function = NULL;
    for (uint32_t i = 0; i < what->use_count; i++) {
        const ExplainUse *use = &what->uses[i];
        if (!explain_is_wanted(explained, use->function))
            continue;
        if (use->function != function)
            printf("\n%s\n", strong(explained, arena_printf(arena_of(explained), "Kernels of %s",
                                                            use->function->plan->name)));
        function = use->function;
        print_use(explained, use);
    }
}

/* A line of parameters has nodes and no kernel of its own. */
static void print_bound(const Explained *explained, const ExplainLine *what) {
    for (uint32_t i = 0; i < what->use_count; i++)
        if (explain_is_wanted(explained, what->uses[i].function))
            return;
    printf("\nNo kernel computes it: parameters and inputs are read where they are named.\n");
}

/* What the line is besides: functions of the plan that were not shown. */
static void print_elsewhere(const Explained *explained, const ExplainLine *what, bool shown) {
    const char *names = "";
    const ExplainFunction *last = NULL;
    for (uint32_t i = 0; i < what->use_count; i++) {
        const ExplainFunction *function = what->uses[i].function;
        if (function == last || explain_is_wanted(explained, function))
            continue;
        names = arena_printf(arena_of(explained), "%s%s%s", names, *names ? ", " : "",
                             function->plan->name);
        last = function;
    }
    if (*names)
        printf("\n%s in %s; --function shows one of them.\n", shown ? "It runs too" : "It runs",
               names);
}

static double line_kept(const Explained *explained, const SpecLine *line) {
    const ExplainTable table = explain_lines(explained->explanation, &explained->peaks, NULL);
    for (uint32_t i = 0; i < table.row_count; i++)
        if (table.rows[i].place.file && table.rows[i].place.line == line->line &&
            strcmp(table.rows[i].place.file, line->source->name) == 0)
            return table.rows[i].sum.kept;
    return 0;
}

void explain_print_line(const Explained *explained, const SpecLine *line) {
    const ExplainPlace place = {line->source->name, line->line};
    const ExplainLine what = explain_line(explained->explanation, &place);
    printf("%s  %s\n",
           strong(explained, arena_printf(arena_of(explained), "%s:%u", place.file, place.line)),
           line->text);
    bool shown = false;
    for (uint32_t i = 0; i < what.call_count; i++) {
        bool wanted = false;
        for (uint32_t f = 0; f < explained->explanation->plan->function_count; f++) {
            const ExplainFunction *function = &explained->explanation->functions[f];
            wanted |= explain_is_wanted(explained, function) &&
                      explain_runs(function, what.calls[i].record);
        }
        if (wanted)
            print_calls(explained, &what.calls[i], line);
        shown |= wanted;
    }
    print_uses(explained, &what);
    if (shown)
        print_bound(explained, &what);
    const double kept = explained->function ? 0 : line_kept(explained, line);
    if (kept > 0)
        printf("\nFor the backward pass, %s of this line are kept of each chunk.\n",
               bytes_text(explained, kept));
    print_elsewhere(explained, &what, shown);
    if (!what.call_count && !what.use_count)
        printf("\nNothing runs for it: %s.\n",
               spec_line_absence(explained->session->spec, line, explained->session->lowered));
}

/* --- all lines --- */

static const char *text_at(const Explained *explained, const ExplainPlace *place) {
    const Spec *spec = explained->session->spec;
    SpecLine line;
    const char *fault;
    const char *name = arena_printf(arena_of(explained), "%s:%u", place->file, place->line);
    return spec_line_find(spec, name, &line, &fault) ? line.text : "";
}

static const char *cell(const Explained *explained, double value, double base, const char *unit) {
    return value > 0 ? scaled_text(arena_of(explained), value, base, unit) : "";
}

static void print_sum(const Explained *explained, const ExplainSum *sum, double all) {
    if (all > 0)
        printf("%10s%7.1f %%", time_text(explained, sum->seconds), 100 * sum->seconds / all);
    printf("%13s%12s%12s%9u  ", cell(explained, sum->flops, 1000, "FLOP"),
           cell(explained, sum->bytes, 1024, "B"), cell(explained, sum->kept, 1024, "B"),
           sum->kernels);
}

/* The rows of one file; NULL: those of no line. */
static void print_rows(const Explained *explained, const ExplainTable *table, const char *file) {
    bool headed = false;
    for (uint32_t i = 0; i < table->row_count; i++) {
        const ExplainRow *row = &table->rows[i];
        if (file ? !row->place.file || strcmp(row->place.file, file) != 0 : !!row->place.file)
            continue;
        if (file && !headed)
            printf("%s\n", strong(explained, file));
        headed = true;
        print_sum(explained, &row->sum, table->all.seconds);
        if (file)
            printf("%4u  %s\n", row->place.line, text_at(explained, &row->place));
        else
            printf("      of no line%s\n",
                   explained->function ? "" : ": the sum over images, and what looks for NaN");
    }
}

/* Files as the spec has them: those that are used before those that use them. */
static void print_files(const Explained *explained, const ExplainTable *table) {
    const Spec *spec = explained->session->spec;
    for (uint32_t i = 0; i < spec->file_count; i++)
        print_rows(explained, table, spec->files[i]->source->name);
    print_rows(explained, table, NULL);
    printf("\n");
    print_sum(explained, &table->all, table->all.seconds);
    printf("      all\n");
}

static void print_how(const Explained *explained) {
    const ExplainPeaks *peaks = &explained->peaks;
    printf(
        "\nA kernel's figures are divided among its lines by the operations of their nodes. What "
        "is "
        "kept is what the\nforward pass leaves in memory for the backward pass, of one chunk.\n");
    if (peaks->flops > 0)
        printf(
            "Times are predicted: a kernel takes as long as its operations at %.0f GFLOP/s, or its "
            "operands through\nmemory at %.1f GB/s, whichever is longer; these are %s. `scanline "
            "train --profile'\nmeasures.\n",
            1e-9 * peaks->flops, 1e-9 * peaks->bytes,
            explained->measured
                ? arena_printf(arena_of(explained),
                               "the peaks of this machine with %d thread%s, measured now",
                               explained->threads, explained->threads == 1 ? "" : "s")
                : "the peaks of --peak");
    else
        printf("Times are not predicted for another machine than this, unless --peak gives its "
               "rates.\n");
    if (plan_has_calls(explained->explanation->plan))
        printf(
            "What functions of libraries do is not known: of them it has what is moved alone.\n");
}

/* What the table is of. */
static void print_subject(const Explained *explained) {
    const Experiment *experiment = &explained->session->experiment;
    const TrainSettings *train = &experiment->train;
    printf("%s, objective %s, for %s: ", experiment->name, train->objective,
           explained->explanation->plan->target);
    if (explained->function)
        printf("a run of %s\n\n", explained->function);
    else
        printf("a step of %lld images in %lld chunk%s\n\n", (long long)train->batch,
               (long long)train->chunks, train->chunks == 1 ? "" : "s");
}

void explain_print_table(const Explained *explained) {
    const ExplainTable table =
        explain_lines(explained->explanation, &explained->peaks, explained->function);
    print_subject(explained);
    if (table.all.seconds > 0)
        printf("%10s%9s", "time", "share");
    printf("%13s%12s%12s%9s  %4s\n", "operations", "moved", "kept", "kernels", "line");
    print_files(explained, &table);
    print_how(explained);
}
