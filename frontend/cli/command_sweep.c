/* scanline sweep: many trainings, over any dim or setting; or, by the next word, what they found.
 */
#include "frontend/cli/commands.h"
#include "frontend/cli/sweep_trials.h"

#include "runtime/commands/protocol.h"
#include "runtime/integer.h"
#include "runtime/run/run_folder.h"
#include "runtime/sweep/results.h"
#include "runtime/sweep/slurm.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MOST_LISTED = 64, MOST_JOBS = 1024, MOST_PARTS = 10000, USUAL_PARTS = 4 };
enum {
    KEY_OVER = 0x100,
    KEY_METHOD,
    KEY_TRIALS,
    KEY_SEED,
    KEY_RUNGS,
    KEY_ETA,
    KEY_JOBS,
    KEY_DB,
    KEY_PART,
    KEY_RETRY,
    KEY_FROM,
    KEY_CHECKPOINT,
    KEY_SLURM,
    KEY_SBATCH,
};

static const struct argp_option keys[] = {
    {"over", KEY_OVER, "KEY=VALUES", 0,
     "a dim, const or setting and what it takes: layers=2,4,6 or layers=2..6, and for draws "
     "rate=1e-4..1e-2:log or rate=0.1..0.3; may be given again. Instead of the spec's section "
     "sweep",
     0},
    {"method", KEY_METHOD, "METHOD", 0,
     "grid: all combinations (default); random: draws; halving: all begin, the best go on, by "
     "combinations or, with --trials or a range, draws",
     0},
    {"trials", KEY_TRIALS, "N", 0, "draws (default: 20)", 0},
    {"seed", KEY_SEED, "N", 0, "of the draws (default: 1)", 0},
    {"rungs", KEY_RUNGS, "N", 0, "of halving (default: 3)", 0},
    {"eta", KEY_ETA, "N", 0,
     "of halving: one in N goes on, and trains N times as long (default: 3)", 0},
    {"jobs", KEY_JOBS, "N", 0,
     "trials side by side, each with its share of the threads (default: as many as suit their "
     "size)",
     0},
    {"db", KEY_DB, "FILE", 0, "the database (default: sweep-NAME-HASH/sweep.db among the runs)", 0},
    {"part", KEY_PART, "I/N", 0, "only the trials of part I of N, from 0: for several machines", 0},
    {"retry-failed", KEY_RETRY, NULL, 0, "try trials again that failed", 0},
    {"from", KEY_FROM, "RUN", 0, "every trial begins with the parameters of RUN, as in `train'", 0},
    {"checkpoint", KEY_CHECKPOINT, "FILE", 0,
     "with --from: this checkpoint of RUN (default: its best)", 0},
    {"slurm", KEY_SLURM, "PARTS", OPTION_ARG_OPTIONAL,
     "submit it to Slurm as a job array of so many parts (default: 4), and a job that merges them",
     0},
    {"sbatch", KEY_SBATCH, "OPTION", 0,
     "with --slurm: an option for sbatch, --time=2:00:00; may be given again", 0},
    {0}};

static error_t parse(int key, char *argument, void *user) {
    SweepArguments *arguments = user;
    if (key == KEY_SLURM) {
        arguments->submits = true;
        arguments->slurm = argument;
        return 0;
    }
    const bool over = key == KEY_OVER;
    if (!over && key != KEY_SBATCH)
        return ARGP_ERR_UNKNOWN;
    uint32_t *count = over ? &arguments->over_count : &arguments->sbatch_count;
    if (*count == MOST_LISTED)
        return EINVAL;
    (over ? arguments->over : arguments->sbatch)[(*count)++] = argument;
    return 0;
}

/* --- where it goes --- */

/* sweep-NAME-HASH among the runs. NULL after saying why there is none. */
static const char *folder_of(const Session *session, SweepSetup *setup) {
    RunError error = {0};
    char *folder = protocol_folder("sweep", setup->plan.name, setup->plan.identity, &error);
    char *whole = folder ? realpath(folder, NULL) : NULL;
    const char *copy = whole ? pool_copy(&setup->pool, whole) : NULL;
    if (folder && !copy)
        run_no_memory(&error, "a path");
    if (!copy)
        session_fail(session, error.code, "sweep", "%s", error.text);
    free(whole);
    free(folder);
    return copy;
}

static void note_runs(SweepSetup *setup) {
    char *root = realpath(runs_root(), NULL);
    const char *copy = pool_copy(&setup->pool, root ? root : runs_root());
    setup->plan.runs = copy ? copy : runs_root();
    free(root);
}

static ExitCode open_store(const Session *session, SweepSetup *setup, Store **store) {
    RunError error = {0};
    const char *path = setup->arguments->db;
    *store = NULL;
    if (!path) {
        const char *folder = folder_of(session, setup);
        if (!folder)
            return EXIT_MACHINE;
        path = pool_print(&setup->pool, "%s/sweep.db", folder);
    }
    note_runs(setup);
    if (path)
        *store = store_open(path, STORE_CREATE, &error);
    else
        run_no_memory(&error, "a path");
    bool entered = *store && trials_enter(*store, &setup->plan, &error);
    if (entered && setup->arguments->retry)
        entered = trials_retry(*store, &error);
    if (entered)
        return EXIT_DONE;
    store_close(*store);
    return session_fail(session, error.code, "sweep", "%s", error.text);
}

/* --- done here --- */

/* Done, if a trial is; else what ended the first that failed. */
static ExitCode code_of(const Results *results) {
    ExitCode code = EXIT_DONE;
    for (uint32_t i = results->row_count; i-- > 0;) {
        if (strcmp(results->rows[i].state, "done") == 0)
            return EXIT_DONE;
        if (results->rows[i].code)
            code = (ExitCode)results->rows[i].code;
    }
    return code;
}

static ExitCode show(const Session *session, Store *store) {
    RunError error = {0};
    Results results;
    if (!results_read(store, &results, &error))
        return session_fail(session, error.code, "sweep", "%s", error.text);
    const ExitCode code = code_of(&results);
    const bool shown = results_show(&results, session->options->json, stdout, &error);
    results_free(&results);
    return shown ? code : session_fail(session, error.code, "sweep", "%s", error.text);
}

static ExitCode sweep_here(Session *session, SweepSetup *setup) {
    const char *text = setup->arguments->jobs;
    int64_t jobs = 0;
    if (text && !integer_read(text, 1, MOST_JOBS, &jobs))
        return session_fail(session, EXIT_USAGE, "jobs", "--jobs takes a number from 1 to %d",
                            MOST_JOBS);
    Store *store;
    RunError error = {0};
    ExitCode code = open_store(session, setup, &store);
    if (code)
        return code;
    code = sweep_train(session->options, setup, store, (int)jobs, session->log, &error);
    if (code)
        session_fail(session, code, "sweep", "%s", error.text);
    else
        code = show(session, store);
    store_close(store);
    return code;
}

/* --- done by Slurm --- */

/* Options of `sweep' that are not for its tasks. */
static bool is_for_slurm(const char *word) {
    return strncmp(word, "--slurm", 7) == 0 || strncmp(word, "--sbatch", 8) == 0;
}

/* The words of the command, with the program by its own path. */
static uint32_t words_of(SweepSetup *setup, int count, char **words, const char **list) {
    char program[PATH_MAX];
    const ssize_t length = readlink("/proc/self/exe", program, sizeof program - 1);
    program[length > 0 ? length : 0] = 0;
    uint32_t used = 0;
    list[used++] = pool_copy(&setup->pool, length > 0 ? program : "scanline");
    for (int i = 0; i < count; i++) {
        if (!is_for_slurm(words[i]))
            list[used++] = words[i];
        else if (strcmp(words[i], "--sbatch") == 0)
            i++; /* its argument is the next word */
    }
    return used;
}

static ExitCode submit(Session *session, SweepSetup *setup, int count, char **words) {
    const SweepArguments *arguments = setup->arguments;
    int64_t parts = setup->trials < USUAL_PARTS ? setup->trials : USUAL_PARTS;
    if (arguments->slurm && !integer_read(arguments->slurm, 1, MOST_PARTS, &parts))
        return session_fail(session, EXIT_USAGE, "slurm",
                            "--slurm takes a number of parts from 1 "
                            "to %d: --slurm=4",
                            MOST_PARTS);
    if (arguments->db || arguments->part)
        return session_fail(session, EXIT_USAGE, "slurm",
                            "with --slurm every part has a database of its own in the sweep's "
                            "folder: leave out --db and --part");
    const char *folder = folder_of(session, setup);
    if (!folder)
        return EXIT_MACHINE;
    const char **list = arena_array(session->arena, (size_t)count + 1, sizeof *list);
    const SlurmArray array = {
        .folder = folder,
        .name = arena_printf(session->arena, "scanline-%s", setup->plan.name),
        .words = list,
        .word_count = words_of(setup, count, words, list),
        .options = arguments->sbatch,
        .option_count = arguments->sbatch_count,
        .parts = parts,
    };
    RunError error = {0};
    if (slurm_submit(&array, session->options->json, stdout, &error))
        return EXIT_DONE;
    return session_fail(session, error.code, "slurm", "%s", error.text);
}

/* --- the command --- */

typedef struct SweepCommand {
    SweepArguments arguments;
    int count;
    char **words;
} SweepCommand;

static ExitCode work(Session *session, void *user) {
    const SweepCommand *command = user;
    SweepSetup setup = {.arguments = &command->arguments};
    ExitCode code = sweep_setup(session, &setup);
    if (!code && command->arguments.sbatch_count && !command->arguments.submits)
        code = session_fail(session, EXIT_USAGE, "sbatch", "--sbatch goes with --slurm");
    if (!code)
        code = command->arguments.submits ? submit(session, &setup, command->count, command->words)
                                          : sweep_here(session, &setup);
    sweep_setup_free(&setup);
    return code;
}

static ExitCode sweep(int count, char **words) {
    const char *over[MOST_LISTED], *sbatch[MOST_LISTED];
    char *text = options_words(count, words);
    SweepCommand command = {
        .arguments = {.words = text ? text : "scanline sweep", .over = over, .sbatch = sbatch},
        .count = count};
    SweepArguments *arguments = &command.arguments;
    const OptionTarget targets[] = {{KEY_METHOD, .text = &arguments->method},
                                    {KEY_TRIALS, .text = &arguments->trials},
                                    {KEY_SEED, .text = &arguments->seed},
                                    {KEY_RUNGS, .text = &arguments->rungs},
                                    {KEY_ETA, .text = &arguments->eta},
                                    {KEY_JOBS, .text = &arguments->jobs},
                                    {KEY_DB, .text = &arguments->db},
                                    {KEY_PART, .text = &arguments->part},
                                    {KEY_RETRY, .flag = &arguments->retry},
                                    {KEY_FROM, .text = &arguments->from},
                                    {KEY_CHECKPOINT, .text = &arguments->checkpoint},
                                    {0}};
    const CommandLine line = {
        .command = "sweep",
        .arguments = "[SPEC] [KEY=VALUE...]\nshow DB\nbest DB\nexport csv DB\nmerge DB PART...",
        .doc =
            "Train many times, over dims, consts and settings: those of the spec's section "
            "sweep, or --over. Trials go side by side; each is a run like others, and a "
            "database (SQLite) says which they are and what came of them."
            "\vKilled at any moment, the same command goes on; several of them, on one machine, "
            "share the trials. What failed (a loss that is not finite, memory, a bad setting) is "
            "kept with its reason, and tried again with --retry-failed alone. Draws are a "
            "function of --seed and the key. Results do not depend on --jobs.\n\nHalving: after "
            "the first of --rungs one in --eta goes on, by its loss on validation (or accuracy, "
            "with train.best=accuracy); what goes on has the bits of a plain training.\n\n"
            "`scanline sweep show DB' shows the trials, `best DB' the best, `export csv DB' "
            "writes a table, and `merge' puts parts together. DB is the file or its "
            "folder.\n\nExamples:\n"
            "  scanline sweep digits train.steps=200\n"
            "  scanline sweep digits --over layers=2,4,6 --over train.seed=1..3 --jobs 2\n"
            "  scanline sweep digits --method random --trials 30 --over rate=1e-4..1e-1:log "
            "--over d=32,64\n"
            "  scanline sweep digits --method halving --over rate=1e-4..1e-1:log --trials 27\n"
            "  scanline sweep digits --over train.seed=1..8 --slurm=4 --sbatch --time=1:00:00",
        .groups =
            OPTIONS_JSON | OPTIONS_COMPILE | OPTIONS_THREADS | OPTIONS_MEMORY | OPTIONS_SETTINGS,
        .keys = keys,
        .targets = targets,
        .parse = parse,
        .user = arguments,
    };
    Options options;
    /* argp moves words about. */
    char **given = malloc(((size_t)count + 1) * sizeof *given);
    if (given)
        memcpy(given, words, ((size_t)count + 1) * sizeof *given);
    options_parse(&line, count, words, &options);
    command.words = given ? given : words;
    ExitCode code = session_run(&options, work, &command);
    free(given);
    free(text);
    return code;
}

static const struct {
    const char *name;
    ExitCode (*run)(int count, char **words);
} commands[] = {
    {"show", command_sweep_show},
    {"best", command_sweep_best},
    {"export", command_sweep_export},
    {"merge", command_sweep_merge},
};

ExitCode command_sweep(int count, char **words) {
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        if (count > 1 && strcmp(words[1], commands[i].name) == 0)
            return commands[i].run(count - 1, words + 1);
    return sweep(count, words);
}
