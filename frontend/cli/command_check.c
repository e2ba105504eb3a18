/* scanline check: is the spec right, and what will it cost? */
#include "frontend/cli/again.h"
#include "frontend/cli/commands.h"
#include "frontend/cli/scaled.h"
#include "frontend/cli/session_jit.h"

#include "frontend/extern_header.h"
#include "frontend/report.h"
#include "passes/emit/target.h"
#include "runtime/files/file.h"
#include "runtime/training/training.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What is to be said of a spec. */
typedef struct Card {
    Report report;
    Again again;
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

static json_t *again_json(const Card *card, int64_t chunks) {
    json_t *places = json_array();
    for (uint32_t i = 0; i < card->again.place_count; i++) {
        const AgainPlace *place = &card->again.places[i];
        json_array_append_new(places, json_pack("{s:s, s:I, s:f}", "what", place->what, "kernels",
                                                (json_int_t)place->count, "flops_per_step",
                                                place->flops * (double)chunks));
    }
    return json_pack("{s:f, s:f, s:o}", "flops_per_step", card->again.flops * (double)chunks,
                     "share", card->again.share, "places", places);
}

static ExitCode print_json(const Session *session, const Card *card) {
    const Experiment *experiment = &session->experiment;
    json_t *table = json_array();
    for (uint32_t i = 0; i < experiment->parameter_count; i++)
        json_array_append_new(table, parameter_json(&experiment->parameters[i]));
    json_t *root = json_pack(
        "{s:s, s:s, s:I, s:o, s:I, s:o, s:i, s:o, s:o}", "name", experiment->name, "objective",
        experiment->train.objective, "parameters", (json_int_t)card->report.parameters,
        "flops_per_step", json_real(card->report.flops_per_step), "peak_bytes",
        (json_int_t)card->peak_bytes, "computed_again", again_json(card, experiment->train.chunks),
        "threads", card->threads, "first_loss", first_loss_json(&card->report), "parameter_table",
        table);
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

static const char *shape_text(const Session *session, const Parameter *parameter) {
    const char *text = "[";
    for (uint32_t i = 0; i < parameter->axis_count; i++)
        text = arena_printf(session->arena, "%s%s%s=%lld", text, i ? ", " : "", parameter->axes[i],
                            (long long)parameter->extents[i]);
    return arena_printf(session->arena, "%s]", text);
}

/* Useful operations a second of a core: 60 % of two multiply-adds a clock of 3 GHz, in vectors as
 * wide as the target's; products of bf16 take steps to a little more than half their time. What is
 * printed is for planning a day, and says "about". */
static double useful_flops_a_core(const Session *session) {
    Target target;
    char fault[256];
    bool known = target_find(session->target, &target, fault, sizeof fault);
    double lanes = known ? target_lanes(&target) : 8;
    bool halved = precision_of(session->experiment.train.precision) == PRECISION_BF16;
    return 0.6 * 2 * 2 * 3e9 * lanes * (halved ? 1.7 : 1);
}

static const char *duration_text(const Session *session, double seconds) {
    if (seconds < 120)
        return arena_printf(session->arena, "%.0f seconds", ceil(seconds));
    if (seconds < 7200)
        return arena_printf(session->arena, "%.0f minutes", seconds / 60);
    if (seconds < 48 * 3600)
        return arena_printf(session->arena, "%.0f hours", seconds / 3600);
    return arena_printf(session->arena, "%.0f days", seconds / 86400);
}

enum { MOST_PLACES = 8 };

static void print_again(const Session *session, const Again *again) {
    const double chunks = (double)session->experiment.train.chunks;
    if (!again->place_count)
        return;
    printf("             %.*f %% more work (%s a step) is to compute again, rather than to keep:\n",
           again->share < 0.095 ? 1 : 0, 100 * again->share,
           scaled_text(session->arena, again->flops * chunks, 1000, "FLOP"));
    for (uint32_t i = 0; i < again->place_count && i < MOST_PLACES; i++) {
        const AgainPlace *place = &again->places[i];
        printf("               %s  %lld times, %s\n", place->what, (long long)place->count,
               scaled_text(session->arena, place->flops * chunks, 1000, "FLOP"));
    }
    if (again->place_count > MOST_PLACES)
        printf("               and at %u more places\n", again->place_count - MOST_PLACES);
}

static void print_card(const Session *session, const Card *card) {
    const Experiment *experiment = &session->experiment;
    const TrainSettings *train = &experiment->train;
    double flops = card->report.flops_per_step;
    double seconds = flops * (double)train->steps / (useful_flops_a_core(session) * card->threads);
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
           scaled_text(session->arena, flops, 1000, "FLOP"), (long long)train->batch,
           (long long)train->chunks);
    printf("memory       %s at most, with %d threads\n",
           scaled_text(session->arena, (double)card->peak_bytes, 1024, "B"), card->threads);
    print_again(session, &card->again);
    printf("time         about %s for %lld steps\n", duration_text(session, seconds),
           (long long)train->steps);
    if (card->report.first_loss_known)
        printf("first loss   %.6f nats\n", card->report.first_loss);
}

/* The header that a library of the spec's extern functions is built by. */
static ExitCode write_header(const Session *session, const char *path) {
    const char *header = extern_header(session->spec);
    FileError error;
    if (!header)
        return session_fail(session, EXIT_INPUT, "no-extern", "%s.scan declares no extern fn",
                            session->spec->name);
    if (!file_write(path, header, strlen(header), &error))
        return session_fail(session, EXIT_MACHINE, "write", "%s", error.text);
    return EXIT_DONE;
}

static ExitCode work(Session *session, void *user) {
    const char *header = *(const char **)user;
    ExitCode code = session_read(session, NULL);
    if (code || header)
        return code ? code : write_header(session, header);
    const Plan *plan;
    code = session_plan(session, &plan);
    if (!code)
        code = session_open_libraries(session, plan);
    if (code)
        return code;
    const Program program = {.experiment = &session->experiment, .plan = plan};
    Card card = {
        .report = report_create(session->arena, session->lowered, &session->experiment),
        .threads = options_threads(session->options),
    };
    card.peak_bytes = training_bytes(&program, card.threads);
    card.again = again_of(session->arena, plan);
    if (session->options->json)
        return print_json(session, &card);
    print_card(session, &card);
    return EXIT_DONE;
}

enum { KEY_EXTERN_HEADER = 0x100 };

static const struct argp_option keys[] = {
    {"extern-header", KEY_EXTERN_HEADER, "FILE", 0,
     "write the C header of the spec's extern functions, which their library is built by, and "
     "check no more than the spec",
     0},
    {0}};

ExitCode command_check(int count, char **words) {
    const char *header = NULL;
    const OptionTarget targets[] = {{KEY_EXTERN_HEADER, .text = &header}, {0}};
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
            "  scanline check mine.scan train.objective=bert\n"
            "  scanline check custom.scan --extern-header ops.h",
        .groups =
            OPTIONS_JSON | OPTIONS_COMPILE | OPTIONS_THREADS | OPTIONS_MEMORY | OPTIONS_SETTINGS,
        .keys = keys,
        .targets = targets,
        .user = &header,
    };
    Options options;
    options_parse(&line, count, words, &options);
    return session_run(&options, work, &header);
}
