/* scanline check: is the spec right, and what will it cost? */
#include "frontend/cli/commands.h"
#include "frontend/cli/session.h"

#include "frontend/report.h"
#include "runtime/training.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* What is to be said of a spec. */
typedef struct Card {
    Report report;
    int64_t peak_bytes;
    int threads;
} Card;

/* --- as JSON --- */

static json_t *parameter_json(const Parameter *parameter) {
    json_t *shape = json_object();
    for (uint32_t i = 0; i < parameter->axis_count; i++)
        json_object_set_new(shape, parameter->axes[i], json_integer(parameter->extents[i]));
    return json_pack("{s:s, s:o, s:I}", "path", parameter->path, "shape", shape, "elements",
                     (json_int_t)parameter->elements);
}

static json_t *first_loss_json(const Report *report) {
    return report->first_loss_known ? json_real(report->first_loss) : json_null();
}

static ExitCode print_json(const Session *session, const Card *card) {
    const Experiment *experiment = &session->experiment;
    json_t *table = json_array();
    for (uint32_t i = 0; i < experiment->parameter_count; i++)
        json_array_append_new(table, parameter_json(&experiment->parameters[i]));
    json_t *root =
        json_pack("{s:s, s:s, s:I, s:o, s:I, s:i, s:o, s:o}", "name", experiment->name, "objective",
                  experiment->train.objective, "parameters", (json_int_t)card->report.parameters,
                  "flops_per_step", json_real(card->report.flops_per_step), "peak_bytes",
                  (json_int_t)card->peak_bytes, "threads", card->threads, "first_loss",
                  first_loss_json(&card->report), "parameter_table", table);
    char *text = root ? json_dumps(root, JSON_INDENT(2) | JSON_REAL_PRECISION(17)) : NULL;
    json_decref(root);
    if (!text)
        return session_fail(session, EXIT_MACHINE, "memory", "out of memory");
    puts(text);
    free(text);
    return EXIT_DONE;
}

/* --- for people --- */

static const char *count_text(const Session *session, int64_t count) {
    const char *digits = arena_printf(session->arena, "%lld", (long long)count);
    const char *grouped = "";
    for (size_t i = 0; digits[i]; i++) {
        size_t left = 0;
        while (digits[i + left])
            left++;
        grouped = arena_printf(session->arena, "%s%s%c", grouped, i && left % 3 == 0 ? "," : "",
                               digits[i]);
    }
    return grouped;
}

static const char *scaled_text(const Session *session, double value, double base,
                               const char *unit) {
    static const char *const prefixes[] = {"", "k", "M", "G", "T", "P"};
    int prefix = 0;
    for (; value >= base && prefix < 5; prefix++)
        value /= base;
    return arena_printf(session->arena, "%.*f %s%s%s",
                        value < 10    ? 2
                        : value < 100 ? 1
                                      : 0,
                        value, prefixes[prefix], base == 1024 && prefix ? "i" : "", unit);
}

static const char *shape_text(const Session *session, const Parameter *parameter) {
    const char *text = "[";
    for (uint32_t i = 0; i < parameter->axis_count; i++)
        text = arena_printf(session->arena, "%s%s%s=%lld", text, i ? ", " : "", parameter->axes[i],
                            (long long)parameter->extents[i]);
    return arena_printf(session->arena, "%s]", text);
}

/* A core does about so many useful operations a second on models that are large enough to matter;
 * what is printed is for planning a day, and says "about". */
static const double useful_flops_a_core = 40e9;

static const char *duration_text(const Session *session, double seconds) {
    if (seconds < 120)
        return arena_printf(session->arena, "%.0f seconds", ceil(seconds));
    if (seconds < 7200)
        return arena_printf(session->arena, "%.0f minutes", seconds / 60);
    if (seconds < 48 * 3600)
        return arena_printf(session->arena, "%.0f hours", seconds / 3600);
    return arena_printf(session->arena, "%.0f days", seconds / 86400);
}

static void print_card(const Session *session, const Card *card) {
    const Experiment *experiment = &session->experiment;
    const TrainSettings *train = &experiment->train;
    double flops = card->report.flops_per_step;
    double seconds = flops * (double)train->steps / (useful_flops_a_core * card->threads);
    printf("%s, objective %s\n\n", experiment->name, train->objective);
    size_t widest = 0;
    for (uint32_t i = 0; i < experiment->parameter_count; i++) {
        size_t length = (size_t)snprintf(NULL, 0, "%s", experiment->parameters[i].path);
        widest = length > widest ? length : widest;
    }
    for (uint32_t i = 0; i < experiment->parameter_count; i++) {
        const Parameter *parameter = &experiment->parameters[i];
        printf("  %-*s %14s  %s\n", (int)widest, parameter->path,
               count_text(session, parameter->elements), shape_text(session, parameter));
    }
    printf("\nparameters   %s\n", count_text(session, card->report.parameters));
    printf("work         %s a step of %lld images in %lld chunks\n",
           scaled_text(session, flops, 1000, "FLOP"), (long long)train->batch,
           (long long)train->chunks);
    printf("memory       %s at most, with %d threads\n",
           scaled_text(session, (double)card->peak_bytes, 1024, "B"), card->threads);
    printf("time         about %s for %lld steps\n", duration_text(session, seconds),
           (long long)train->steps);
    if (card->report.first_loss_known)
        printf("first loss   %.6f nats\n", card->report.first_loss);
}

static ExitCode work(Session *session, void *user) {
    (void)user;
    ExitCode code = session_read(session, NULL);
    if (code)
        return code;
    const CompileOptions options = session_compile_options(session);
    CompileError error = {0};
    const Plan *plan = compile_plan(session->module, &options, &error);
    if (!plan)
        return session_fail(session, EXIT_INPUT, "plan", "%s", error.text);
    const Program program = {.experiment = &session->experiment, .plan = plan};
    Card card = {
        .report = report_create(session->arena, session->lowered, &session->experiment),
        .threads = options_threads(session->options),
    };
    card.peak_bytes = training_bytes(&program, card.threads);
    if (session->options->json)
        return print_json(session, &card);
    print_card(session, &card);
    return EXIT_DONE;
}

ExitCode command_check(int count, char **words) {
    const CommandLine line = {
        .command = "check",
        .arguments = "[SPEC] [KEY=VALUE...]",
        .doc =
            "Check a spec, and say what a run of it takes: parameters, work, memory, the first "
            "loss to be expected."
            "\vWork is that of the sums of products, forward and backward, without what masks of "
            "positions hide; a causal mask hides half.\n\nExamples:\n"
            "  scanline check digits\n"
            "  scanline check igpt-s train.batch=2 --json\n"
            "  scanline check mine.scan train.objective=bert",
        .groups = OPTIONS_JSON | OPTIONS_COMPILE | OPTIONS_THREADS | OPTIONS_SETTINGS,
    };
    Options options;
    options_parse(&line, count, words, &options);
    return session_run(&options, work, NULL);
}
