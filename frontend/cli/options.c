#include "frontend/cli/options.h"

#include "frontend/cli/program.h"
#include "runtime/integer.h"
#include "runtime/ranks/open.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum Key {
    KEY_JSON = 0x1000,
    KEY_OUT,
    KEY_CHECKPOINT,
    KEY_THREADS,
    KEY_MEMORY,
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
     "threads to use (default: every core, or this rank's share of them); results do not depend on "
     "it",
     2},
    {0}};

static const struct argp_option memory_keys[] = {
    {"memory", KEY_MEMORY, "SIZE", 0,
     "the most that training may take (500M, 1.5G): train.memory; more is computed again where "
     "memory is "
     "short, results do not depend on it",
     2},
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
                                    {OPTION_TARGET, .text = &options->target},
                                    {OPTION_TABLE, .text = &options->table},
                                    {OPTION_DUMP, .text = &options->dump},
                                    {OPTION_STOP_AFTER, .text = &options->stop_after},
                                    {OPTION_NO_PASS, .text = &options->skip},
                                    {OPTION_VERIFY, .flag = &options->verify},
                                    {OPTION_CHECK_PASSES, .flag = &options->check},
                                    {KEY_OUT, .text = &options->out},
                                    {KEY_CHECKPOINT, .text = &options->checkpoint},
                                    {KEY_MEMORY, .text = &options->memory},
                                    {OPTION_PERF_MAP, .flag = &options->perf_map},
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

/* Of a program that has but one spec, the help has no examples, which are of others. */
static char *doc_of(const CommandLine *line) {
    const char *examples = program_takes_specs ? NULL : strstr(line->doc, "Examples:\n");
    return examples ? strndup(line->doc, (size_t)(examples - line->doc)) : strdup(line->doc);
}

static void arguments_of(const CommandLine *line, char *text, size_t size) {
    static const char spec[] = "[SPEC] ";
    const char *arguments = line->arguments;
    if (!program_takes_specs && strncmp(arguments, spec, sizeof spec - 1) == 0)
        arguments += sizeof spec - 1;
    snprintf(text, size, "%s", arguments);
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
        append_keys(keys, &key_count, program_perf_keys);
    if (line->groups & OPTIONS_COMPILE)
        append_keys(keys, &key_count, program_compile_keys);
    *options = (Options){.command = line->command};
    Parser parser = {line, options};
    char name[256], arguments_text[256], *doc = doc_of(line);
    arguments_of(line, arguments_text, sizeof arguments_text);
    snprintf(name, sizeof name, "%s %s", program_name(), line->command);
    const struct argp argp = {keys, parse_shared, arguments_text, doc, 0, 0, 0};
    char *first = arguments[0];
    arguments[0] = name;
    argp_err_exit_status = EXIT_USAGE;
    argp_parse(&argp, count, arguments, 0, NULL, &parser);
    arguments[0] = first;
    free(doc);
}

char *options_words(int count, char **words) {
    char *text = strdup(program_name());
    for (int i = 0; text && i < count; i++) {
        char *longer;
        if (asprintf(&longer, "%s %s", text, words[i]) < 0)
            longer = NULL;
        free(text);
        text = longer;
    }
    return text;
}

/* The machine's cores, over the ranks that were started on it. mpirun may have bound this one to
 * fewer. */
static int core_share(void) {
    const long cores = sysconf(_SC_NPROCESSORS_ONLN);
    const long share = cores / ranks_on_this_machine();
    return share > 1 ? (int)share : 1;
}

int options_threads(const Options *options) {
    if (options->threads)
        return options->threads;
    const char *given = getenv("SCANLINE_THREADS");
    if (given && threads_of(given))
        return threads_of(given);
    cpu_set_t cores;
    const bool known = sched_getaffinity(0, sizeof cores, &cores) == 0 && CPU_COUNT(&cores) > 0;
    const int allowed = known ? CPU_COUNT(&cores) : 1;
    const int share = core_share();
    return allowed < share ? allowed : share;
}
