/* scanline search: which learning rate? A training at each, from the highest on. */
#include "frontend/cli/commands.h"
#include "frontend/cli/trial.h"

#include "runtime/commands/protocol.h"
#include "runtime/commands/search.h"
#include "runtime/run/run_folder.h"

#include <stdlib.h>
#include <string.h>

enum { KEY_OVER = 0x100, KEY_ALL, KEY_FROM, KEY_CHECKPOINT, MOST_VALUES = 64 };

typedef struct SearchArguments {
    const char *words;
    char *over; /* KEY, or KEY=VALUE,VALUE... */
    bool all;
    const char *from, *checkpoint;
} SearchArguments;

typedef struct SearchPlan {
    const SearchArguments *arguments;
    Search search;
    char *from;   /* the folder; NULL: none */
    char *folder; /* of the search */
    const char *values[MOST_VALUES];
} SearchPlan;

static const struct argp_option keys[] = {
    {"over", KEY_OVER, "NAME[=V,V,...]", 0,
     "the const that is set (default: rate), and its values in the order in which they are tried "
     "(default: 0.01,0.003,0.001,0.0003,0.0001,0.00003,0.00001)",
     0},
    {"all", KEY_ALL, NULL, 0, "try every value, also after the loss has risen", 0},
    {"from", KEY_FROM, "RUN", 0, "every trial begins with the parameters of RUN, as in `train'", 0},
    {"checkpoint", KEY_CHECKPOINT, "FILE", 0,
     "with --from: this checkpoint of RUN (default: its best)", 0},
    {0}};

static error_t parse(int key, char *argument, void *user) {
    SearchArguments *arguments = user;
    if (key != KEY_OVER)
        return ARGP_ERR_UNKNOWN;
    arguments->over = argument;
    return 0;
}

/* --- what is tried --- */

static ExitCode values_add(const Session *session, SearchPlan *plan, const char *value) {
    Search *search = &plan->search;
    for (uint32_t i = 0; i < search->value_count; i++)
        if (strcmp(plan->values[i], value) == 0)
            return session_fail(session, EXIT_USAGE, "over", "--over has %s twice", value);
    if (!*value || search->value_count == MOST_VALUES)
        return session_fail(session, EXIT_USAGE, "over",
                            "--over takes a name and 1 to %d values: rate=0.01,0.003", MOST_VALUES);
    plan->values[search->value_count++] = value;
    return EXIT_DONE;
}

/* From NAME=V,V,..., which is cut up. */
static ExitCode values_read(const Session *session, SearchPlan *plan) {
    static const char *const usual[] = {"0.01",   "0.003",   "0.001",  "0.0003",
                                        "0.0001", "0.00003", "0.00001"};
    char *over = plan->arguments->over, *equals = over ? strchr(over, '=') : NULL;
    ExitCode code = EXIT_DONE;
    plan->search.key = over && *over ? over : "rate";
    plan->search.values = plan->values;
    plan->search.all = plan->arguments->all;
    for (size_t i = 0; !equals && !code && i < sizeof usual / sizeof *usual; i++)
        code = values_add(session, plan, usual[i]);
    if (!equals)
        return code;
    *equals = 0;
    for (char *rest = equals + 1, *value; !code && (value = strsep(&rest, ","));)
        code = values_add(session, plan, value);
    return code;
}

static const char *setting_of(Arena *arena, const Search *search, uint32_t which) {
    return arena_printf(arena, "%s=%s", search->key, search->values[which]);
}

/* --- is the spec one that can be searched? --- */

static ExitCode check_const(const Session *session, const Search *search) {
    const Symbol *symbol = spec_symbol(session->spec, search->key);
    if (symbol && symbol->kind == SYMBOL_CONST)
        return EXIT_DONE;
    return session_fail(session, EXIT_INPUT, "over",
                        "the spec has no const '%s': name the learning rate, const %s = 3e-3, and "
                        "say it in the rule, update = adam(lr = %s * warmup(100)); or give the "
                        "name that it has, --over NAME",
                        search->key, search->key, search->key);
}

static bool schedules_equal(const Schedule *a, const Schedule *b) {
    return a->count == b->count &&
           memcmp(a->instructions, b->instructions, a->count * sizeof *a->instructions) == 0;
}

/* Every value is one that the const can have, and the update heeds it. */
static ExitCode check_values(Session *session, const SearchPlan *plan) {
    const Search *search = &plan->search;
    const Options *options = session->options;
    Schedule first = {0};
    ExitCode code = EXIT_DONE;
    for (uint32_t i = 0; i < search->value_count && !code; i++) {
        const char *setting = setting_of(session->arena, search, i);
        session->options = trial_options(session->arena, options, &setting, 1);
        code = session_read_new(session, plan->from);
        if (!code && i == 1 && schedules_equal(&first, &session->experiment.schedule))
            code = session_fail(session, EXIT_INPUT, "over",
                                "'%s' changes nothing about the update: say it in the rule, "
                                "update = adam(lr = %s * warmup(100))",
                                search->key, search->key);
        if (i == 0)
            first = session->experiment.schedule;
    }
    session->options = options;
    return code;
}

/* --- the search --- */

/* One search is one folder: what it is apart from its name. */
static const char *identity_of(Session *session, const SearchPlan *plan) {
    const Search *search = &plan->search;
    Arena *arena = session->arena;
    const char *text = arena_printf(arena, "%s\n%s\n%s\nfrom %s\n", search->key,
                                    search->all ? "all" : "until it rises",
                                    session->experiment.spec, plan->from ? plan->from : "nothing");
    for (uint32_t i = 0; i < search->value_count; i++)
        text = arena_printf(arena, "%s%s\n", text, search->values[i]);
    return text;
}

/* What can be known to be wrong before anything is made; then the folder. */
static ExitCode check_and_make(Session *session, SearchPlan *plan) {
    Search *search = &plan->search;
    ExitCode code = check_const(session, search);
    if (!code)
        code = trials_judged(session, &session->experiment.data);
    if (code)
        return code;
    RunError error = {0};
    const char *identity = identity_of(session, plan);
    char *name = run_name(&session->experiment);
    search->trials = calloc(search->value_count, sizeof *search->trials);
    code = check_values(session, plan);
    if (!name || !search->trials)
        run_no_memory(&error, "the search");
    else if (!code)
        plan->folder = protocol_folder("search", name, identity, &error);
    free(name);
    return *error.text ? session_fail(session, error.code, "search", "%s", error.text) : code;
}

static ExitCode prepare(Session *session, SearchPlan *plan) {
    const SearchArguments *arguments = plan->arguments;
    ExitCode code = values_read(session, plan);
    if (!code && arguments->checkpoint && !arguments->from)
        code = session_fail(session, EXIT_USAGE, "checkpoint", "--checkpoint goes with --from");
    if (!code)
        code = session_find_run(session, arguments->from, &plan->from);
    if (!code)
        code = session_read_new(session, plan->from);
    return code ? code : check_and_make(session, plan);
}

/* The next value, whose trial is added. */
static ExitCode try_next(const Session *session, SearchPlan *plan) {
    Search *search = &plan->search;
    const char *setting = setting_of(session->arena, search, search->trial_count);
    const Trial trial = {.options = session->options,
                         .words = plan->arguments->words,
                         .from = plan->from,
                         .checkpoint = plan->arguments->checkpoint,
                         .settings = &setting,
                         .setting_count = 1};
    RunError error;
    char *folder;
    log_say(session->log, "trial %u of at most %u: %s", search->trial_count + 1,
            search->value_count, setting);
    ExitCode code = trial_run(&trial, &folder);
    if (code && code != EXIT_DIVERGED)
        return code;
    const bool added =
        search_add(search, folder, &error) && search_write(search, plan->folder, &error);
    free(folder);
    return added ? EXIT_DONE : session_fail(session, error.code, "search", "%s", error.text);
}

static ExitCode show(const Session *session, const SearchPlan *plan) {
    RunError error;
    if (!search_print(&plan->search, plan->folder, session->options->json, stdout, &error))
        return session_fail(session, error.code, "search", "%s", error.text);
    return search_best(&plan->search) ? EXIT_DONE : EXIT_DIVERGED;
}

static ExitCode try_all(Session *session, void *user) {
    SearchPlan *plan = user;
    ExitCode code = EXIT_DONE;
    while (!code && !search_over(&plan->search))
        code = try_next(session, plan);
    return code ? code : show(session, plan);
}

static ExitCode search(Session *session, SearchPlan *plan) {
    const ExitCode code = prepare(session, plan);
    return code ? code : trials_locked(session, plan->folder, try_all, plan);
}

static ExitCode work(Session *session, void *user) {
    SearchPlan plan = {.arguments = user};
    ExitCode code = search(session, &plan);
    search_free(&plan.search);
    free(plan.folder);
    free(plan.from);
    return code;
}

ExitCode command_search(int count, char **words) {
    char *text = options_words(count, words);
    SearchArguments arguments = {.words = text ? text : "scanline search"};
    const OptionTarget targets[] = {{KEY_ALL, .flag = &arguments.all},
                                    {KEY_FROM, .text = &arguments.from},
                                    {KEY_CHECKPOINT, .text = &arguments.checkpoint},
                                    {0}};
    const CommandLine line = {
        .command = "search",
        .arguments = "[SPEC] [KEY=VALUE...]",
        .doc = "Find the learning rate: train at one after the other, from the highest on, until "
               "the final validation loss rises. Spikes of the losses are counted, and a trial "
               "that diverged is passed over. Every trial is a run like others."
               "\vThe rate is a const that the spec's update names: const rate = 3e-3 and update = "
               "adam(lr = rate * cosine()). A trial that is there already, of this search or "
               "another, is not made again, and one that was stopped or killed goes on: so the "
               "same command goes on after a stop, and shows the results again when all is done."
               "\n\nExamples:\n"
               "  scanline search digits\n"
               "  scanline search digits layers=2 --over rate=0.03,0.01,0.003\n"
               "  scanline search --from 7 train.objective=ar.classify --json",
        .groups = OPTIONS_JSON | OPTIONS_COMPILE | OPTIONS_THREADS | OPTIONS_PERF | OPTIONS_MEMORY |
                  OPTIONS_SETTINGS,
        .keys = keys,
        .targets = targets,
        .parse = parse,
        .user = &arguments,
    };
    Options options;
    options_parse(&line, count, words, &options);
    ExitCode code = session_run(&options, work, &arguments);
    free(text);
    return code;
}
