/* scanline explain: what became of a line of a spec. */
#include "frontend/cli/commands.h"
#include "frontend/cli/drawing_options.h"
#include "frontend/cli/explain_cli.h"
#include "frontend/cli/session_jit.h"

#include "passes/decode.h"
#include "runtime/execution/peak.h"

#include <stdlib.h>
#include <string.h>

typedef struct ExplainArguments {
    const char *line, *function, *peak;
} ExplainArguments;

enum { KEY_FUNCTION = 0x100, KEY_PEAK };

static const struct argp_option keys[] = {
    {"function", KEY_FUNCTION, "NAME", 0,
     "of the plan's functions show this one (init, grad, grad_add, step, update, eval, features, "
     "sample; decode, decode_weights and prefill, which draw images), instead of those that a step "
     "of training runs",
     0},
    {"peak", KEY_PEAK, "FLOPS,BYTES", 0,
     "predict times by these rates a second (100G,25G), of multiply-adds and of reading memory, "
     "instead of those that are measured here",
     0},
    {0}};

static error_t parse(int key, char *argument, void *user) {
    ExplainArguments *arguments = user;
    if (key != ARGP_KEY_ARG || arguments->line)
        return ARGP_ERR_UNKNOWN;
    arguments->line = argument;
    return 0;
}

/* "100G" from the text on, and where it ends; 0: it is no rate. */
static double rate_read(const char *text, char **end) {
    static const char prefixes[] = "kMGTP";
    double rate = strtod(text, end);
    const char *prefix = **end ? strchr(prefixes, **end) : NULL;
    for (const char *at = prefixes; prefix && at <= prefix; at++)
        rate *= 1000;
    *end += prefix != NULL;
    return *end > text && rate > 0 && rate < 1e21 ? rate : 0;
}

static bool peaks_read(const char *text, ExplainPeaks *peaks) {
    char *end;
    peaks->flops = peaks->bf16_flops = rate_read(text, &end);
    if (!(peaks->flops > 0) || *end != ',')
        return false;
    peaks->bytes = rate_read(end + 1, &end);
    return peaks->bytes > 0 && !*end;
}

/* Those that are given; else, for code for this machine, those that are measured. */
static ExitCode find_peaks(Session *session, const ExplainArguments *arguments,
                           Explained *explained) {
    explained->threads = options_threads(session->options);
    if (arguments->peak)
        return peaks_read(arguments->peak, &explained->peaks)
                   ? EXIT_DONE
                   : session_fail(session, EXIT_USAGE, "peak",
                                  "--peak takes two rates, such as 100G,25G, not '%s'",
                                  arguments->peak);
    if (session->target && strcmp(session->target, "native") != 0)
        return EXIT_DONE;
    explained->peaks.flops = peak_fma(explained->threads);
    explained->peaks.bf16_flops = peak_bf16(explained->threads);
    explained->measured = peak_read(explained->threads, &explained->peaks.bytes);
    return explained->measured ? EXIT_DONE
                               : session_fail(session, EXIT_MACHINE, "memory", "out of memory");
}

static ExitCode find_function(Session *session, const Explained *explained) {
    const Plan *plan = explained->explanation->plan;
    if (!explained->function || plan_function(plan, explained->function))
        return EXIT_DONE;
    const char *names = "";
    for (uint32_t i = 0; i < plan->function_count; i++)
        names =
            arena_printf(session->arena, "%s%s%s", names, i ? ", " : "", plan->functions[i].name);
    return session_fail(session, EXIT_INPUT, "no-function",
                        "there is no function '%s' here; there are %s", explained->function, names);
}

/* Of functions that draw, as many images side by side as `sample` would draw. */
static ExitCode find_module(Session *session, const char *function) {
    const DrawingOptions drawing = drawing_options();
    return function && decode_has(function)
               ? session_decode(session, drawing_batch(&drawing, session->experiment.sample.images))
               : session_settle_memory(session);
}

static ExitCode explain_program(Session *session, const ExplainArguments *arguments,
                                Explained *explained) {
    ExitCode code = find_module(session, arguments->function);
    if (code)
        return code;
    const CompileOptions options = session_compile_options(session);
    CompileError error = {0};
    explained->session = session;
    explained->function = arguments->function;
    explained->explanation =
        explain_module(session->module, &options, session->experiment.train.chunks, &error);
    if (!explained->explanation)
        return session_fail(session, EXIT_INPUT, "plan", "%s", error.text);
    code = find_function(session, explained);
    return code ? code : find_peaks(session, arguments, explained);
}

static ExitCode work(Session *session, void *user) {
    const ExplainArguments *arguments = user;
    ExitCode code = session_read(session, NULL);
    if (code)
        return code;
    SpecLine line;
    const char *fault;
    if (arguments->line && !spec_line_find(session->spec, arguments->line, &line, &fault))
        return session_fail(session, EXIT_INPUT, "line", "%s", fault);
    Explained explained = {0};
    code = explain_program(session, arguments, &explained);
    if (code)
        return code;
    if (session->options->json)
        return arguments->line ? explain_line_json(&explained, &line)
                               : explain_table_json(&explained);
    if (arguments->line)
        explain_print_line(&explained, &line);
    else
        explain_print_table(&explained);
    return EXIT_DONE;
}

ExitCode command_explain(int count, char **words) {
    ExplainArguments arguments = {0};
    const OptionTarget targets[] = {
        {KEY_FUNCTION, .text = &arguments.function}, {KEY_PEAK, .text = &arguments.peak}, {0}};
    const CommandLine line = {
        .command = "explain",
        .arguments = "[SPEC [LINE]] [KEY=VALUE...]",
        .doc =
            "Say what a line of a spec became: its IR, the kernels that it runs in, why they are "
            "not one, what is kept for the backward pass, its operations and the time they should "
            "take. Without LINE, a table of all lines, for a step of training or a run of "
            "--function."
            "\vLINE is a number, of the spec's main file, or FILE:NUMBER.\n\nExamples:\n"
            "  scanline explain digits\n"
            "  scanline explain digits igpt.scan:44\n"
            "  scanline explain igpt-s igpt.scan:26 train.precision=bf16 --json\n"
            "  scanline explain digits igpt.scan:50 --function features\n"
            "  scanline explain igpt-s igpt.scan:37 --function decode train.precision=bf16\n"
            "  scanline explain digits --target x86-64-v3 --peak 90G,20G",
        .groups =
            OPTIONS_JSON | OPTIONS_COMPILE | OPTIONS_THREADS | OPTIONS_MEMORY | OPTIONS_SETTINGS,
        .keys = keys,
        .targets = targets,
        .parse = parse,
        .user = &arguments,
    };
    Options options;
    options_parse(&line, count, words, &options);
    return session_run(&options, work, &arguments);
}
