#include "frontend/cli/options.h"

#include "runtime/integer.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum Key {
    KEY_JSON = 0x1000,
    KEY_TARGET,
    KEY_TABLE,
    KEY_DUMP,
    KEY_STOP_AFTER,
    KEY_NO_PASS,
    KEY_VERIFY,
    KEY_CHECK_PASSES,
    KEY_OUT,
    KEY_CHECKPOINT,
    KEY_THREADS,
    KEY_MEMORY,
    KEY_PERF_MAP,
};

static const struct argp_option json_keys[] = {
    {"json", KEY_JSON, 0, 0, "results and errors as JSON on standard output", 1}, {0}};

static const struct argp_option checkpoint_keys[] = {
    {"checkpoint", KEY_CHECKPOINT, "FILE", 0, "this checkpoint (default: the run's best)", 0}, {0}};

static const struct argp_option out_keys[] = {
    {"out", KEY_OUT, "DIR", 0,
     "put the results into DIR, which must not exist, instead of a new folder in runs/", 2},
    {0}};

static const struct argp_option thread_keys[] = {
    {"threads", KEY_THREADS, "N", 0,
     "threads to use (default: every core); results do not depend on it", 2},
    {0}};

static const struct argp_option memory_keys[] = {
    {"memory", KEY_MEMORY, "SIZE", 0,
     "the most that training may take (500M, 1.5G): train.memory; more is computed again where "
     "memory is "
     "short, results do not depend on it",
     2},
    {0}};

static const struct argp_option perf_keys[] = {
    {"perf-map", KEY_PERF_MAP, 0, 0,
     "name kernels and their lines of the spec to perf (/tmp/perf-PID.map) and to gdb; they are "
     "compiled anew for it, to the same code",
     3},
    {0}};

static const struct argp_option compile_keys[] = {
    {"target", KEY_TARGET, "CPU", 0,
     "compile for CPU: native (the default), x86-64-v3, x86-64-v4, znver4, ...", 3},
    {"table", KEY_TABLE, "FILE", 0,
     "cut products and attention into blocks by the choices in FILE (tests/bench/choose.sh "
     "measures "
     "them), instead of those that scanline ships with",
     3},
    {"dump", KEY_DUMP, "PASS", 0, "print every function after PASS (or `all') to standard error",
     3},
    {"stop-after", KEY_STOP_AFTER, "PASS", 0,
     "run the passes up to PASS alone, print the functions, and stop", 3},
    {"no-pass", KEY_NO_PASS, "PASS,...", 0, "leave these passes out", 3},
    {"verify", KEY_VERIFY, 0, 0, "verify the graph after every pass", 3},
    {"check-passes", KEY_CHECK_PASSES, 0, 0,
     "compare values before and after every pass by the interpreter (small models)", 3},
    {0}};

typedef struct Parser {
    const CommandLine *line;
    Options *options;
} Parser;

bool options_set(Options *options, const char *setting) {
    size_t size = (options->setting_count + 1) * sizeof *options->settings;
    const char **larger = realloc(options->settings, size);
    if (!larger)
        return false;
    options->settings = larger;
    options->settings[options->setting_count++] = setting;
    return true;
}

static int threads_of(const char *text) {
    int64_t threads;
    return integer_read(text, 1, 1024, &threads) ? (int)threads : 0;
}

static error_t parse_word(Parser *parser, char *word, struct argp_state *state) {
    Options *options = parser->options;
    bool is_path = *word == '/' || *word == '.';
    bool is_setting = (parser->line->groups & OPTIONS_SETTINGS) && strchr(word, '=') && !is_path;
    if (is_setting && !options_set(options, word))
        argp_failure(state, EXIT_MACHINE, 0, "out of memory");
    if (is_setting)
        return 0;
    if (!options->subject)
        options->subject = word;
    else if (!parser->line->parse || parser->line->parse(ARGP_KEY_ARG, word, parser->line->user))
        argp_error(state, "what is '%s' for? %s is given already", word, options->subject);
    return 0;
}

static const char *name_of(const struct argp_option *keys, int key) {
    while (keys->key != key)
        keys++;
    return keys->name;
}

/* False: none of them has the key. */
static bool set_target(const OptionTarget *targets, int key, const char *argument) {
    for (; targets && targets->key; targets++)
        if (targets->key == key) {
            if (targets->text)
                *targets->text = argument;
            else
                *targets->flag = true;
            return true;
        }
    return false;
}

static error_t parse_own(const Parser *parser, int key, char *argument, struct argp_state *state) {
    const CommandLine *line = parser->line;
    if (set_target(line->targets, key, argument))
        return 0;
    const error_t result = line->parse ? line->parse(key, argument, line->user) : ARGP_ERR_UNKNOWN;
    if (result == EINVAL)
        argp_error(state, "--%s can't be '%s'", name_of(line->keys, key), argument);
    return result;
}

static error_t parse_shared(int key, char *argument, struct argp_state *state) {
    Parser *parser = state->input;
    Options *options = parser->options;
    const OptionTarget targets[] = {{KEY_JSON, .flag = &options->json},
                                    {KEY_TARGET, .text = &options->compile.target},
                                    {KEY_TABLE, .text = &options->table},
                                    {KEY_DUMP, .text = &options->compile.dump},
                                    {KEY_STOP_AFTER, .text = &options->compile.stop_after},
                                    {KEY_NO_PASS, .text = &options->compile.skip},
                                    {KEY_VERIFY, .flag = &options->compile.verify},
                                    {KEY_CHECK_PASSES, .flag = &options->compile.check},
                                    {KEY_OUT, .text = &options->out},
                                    {KEY_CHECKPOINT, .text = &options->checkpoint},
                                    {KEY_MEMORY, .text = &options->memory},
                                    {KEY_PERF_MAP, .flag = &options->perf_map},
                                    {0}};
    if (set_target(targets, key, argument))
        return 0;
    if (key == ARGP_KEY_ARG)
        return parse_word(parser, argument, state);
    if (key != KEY_THREADS)
        return parse_own(parser, key, argument, state);
    options->threads = threads_of(argument);
    if (!options->threads)
        argp_error(state, "--threads takes a number from 1 to 1024, not '%s'", argument);
    return 0;
}

static void append_keys(struct argp_option *all, size_t *count, const struct argp_option *keys) {
    for (; keys && (keys->name || keys->key || keys->doc); keys++)
        all[(*count)++] = *keys;
}

void options_parse(const CommandLine *line, int count, char **arguments, Options *options) {
    struct argp_option keys[64] = {{0}};
    size_t key_count = 0;
    append_keys(keys, &key_count, line->keys);
    if (line->groups & OPTIONS_CHECKPOINT)
        append_keys(keys, &key_count, checkpoint_keys);
    if (line->groups & OPTIONS_JSON)
        append_keys(keys, &key_count, json_keys);
    if (line->groups & OPTIONS_OUT)
        append_keys(keys, &key_count, out_keys);
    if (line->groups & OPTIONS_THREADS)
        append_keys(keys, &key_count, thread_keys);
    if (line->groups & OPTIONS_MEMORY)
        append_keys(keys, &key_count, memory_keys);
    if (line->groups & OPTIONS_PERF)
        append_keys(keys, &key_count, perf_keys);
    if (line->groups & OPTIONS_COMPILE)
        append_keys(keys, &key_count, compile_keys);
    *options = (Options){.command = line->command};
    Parser parser = {line, options};
    struct argp argp = {keys, parse_shared, line->arguments, line->doc, 0, 0, 0};
    char name[64];
    snprintf(name, sizeof name, "scanline %s", line->command);
    char *first = arguments[0];
    arguments[0] = name;
    argp_err_exit_status = EXIT_USAGE;
    argp_parse(&argp, count, arguments, 0, NULL, &parser);
    arguments[0] = first;
}

char *options_words(int count, char **words) {
    char *text = strdup("scanline");
    for (int i = 0; text && i < count; i++) {
        char *longer;
        if (asprintf(&longer, "%s %s", text, words[i]) < 0)
            longer = NULL;
        free(text);
        text = longer;
    }
    return text;
}

int options_threads(const Options *options) {
    if (options->threads)
        return options->threads;
    const char *given = getenv("SCANLINE_THREADS");
    if (given && threads_of(given))
        return threads_of(given);
    cpu_set_t cores;
    if (sched_getaffinity(0, sizeof cores, &cores) == 0 && CPU_COUNT(&cores) > 0)
        return CPU_COUNT(&cores);
    return 1;
}
