/* scanline train: a new run, or one that goes on. */
#include "frontend/cli/commands.h"
#include "frontend/cli/session_train.h"
#include "runtime/ranks/open.h"

#include <stdlib.h>
#include <string.h>

typedef struct TrainArguments {
    const char *resume, *from, *checkpoint;
    const char *words; /* the whole command */
    Ranks *ranks;
    bool profile, tensorboard;
} TrainArguments;

enum { KEY_RESUME = 0x100, KEY_FROM, KEY_CHECKPOINT, KEY_PROFILE, KEY_TENSORBOARD };

static const struct argp_option keys[] = {
    {"resume", KEY_RESUME, "RUN", 0,
     "go on with RUN (a number, a path, @last) from its last checkpoint", 0},
    {"profile", KEY_PROFILE, NULL, 0,
     "print in the end where the time went: by kernel, with its lines of the spec, and outside", 0},
    {"tensorboard", KEY_TENSORBOARD, NULL, 0,
     "write event files for TensorBoard into the run's folder, as the training goes", 0},
    {"from", KEY_FROM, "RUN", 0,
     "begin a new run with the parameters of RUN: by its spec with the settings given here, or by "
     "SPEC. Its steps count from 0, and its update rule begins anew",
     0},
    {"checkpoint", KEY_CHECKPOINT, "FILE", 0,
     "with --from: this checkpoint of RUN (default: its best)", 0},
    {0}};

/* Settings of a run that goes on are those in its folder. */
static ExitCode arguments_check(const Session *session, const TrainArguments *arguments) {
    const Options *options = session->options;
    if (arguments->resume && (options->setting_count || options->subject || options->out))
        return session_fail(session, EXIT_USAGE, "resume",
                            "--resume takes no spec, settings or --out: the run goes on as it was "
                            "begun; `train --from RUN' begins a new one with other settings");
    if (arguments->resume && arguments->from)
        return session_fail(session, EXIT_USAGE, "resume",
                            "a run is resumed or a new one begun from it: --resume or --from");
    if (arguments->checkpoint && !arguments->from)
        return session_fail(session, EXIT_USAGE, "checkpoint",
                            "--checkpoint goes with --from: --resume goes on from the last one");
    return EXIT_DONE;
}

static ExitCode train(Session *session, const TrainArguments *arguments, const char *resume,
                      const char *from, RunError *error) {
    const TrainRequest request = {
        .words = arguments->words,
        .resume = resume,
        .from = from,
        .checkpoint = arguments->checkpoint,
        .profile = arguments->profile,
        .tensorboard = arguments->tensorboard,
        .ranks = arguments->ranks,
        .results = stdout,
    };
    ExitCode code = session_train(session, &request, NULL, error);
    return *error->text ? session_fail(session, code, "train", "%s", error->text) : code;
}

static ExitCode train_found(Session *session, const TrainArguments *arguments, RunError *error) {
    char *resume = NULL, *from = NULL;
    ExitCode code = arguments_check(session, arguments);
    if (!code)
        code = session_find_run(session, arguments->resume, &resume);
    if (!code)
        code = session_find_run(session, arguments->from, &from);
    if (!code)
        code = train(session, arguments, resume, from, error);
    free(resume);
    free(from);
    return code;
}

/* Rank 0 is the one that speaks. What another finds wrong before they train together, it hears of
 * and says; one that fails later speaks for itself, as that ends all. */
static void hush(const Session *session) {
    log_hush(session->log, true);
    if (!freopen("/dev/null", "w", stdout))
        log_note(session->log, "standard output stays open");
}

static void speak_up(const Session *session, const Ranks *ranks, const RunError *error) {
    log_hush(session->log, false);
    log_say(session->log, "scanline train: rank %d: error: %s", ranks_number(ranks), error->text);
}

static ExitCode leave(const Session *session, Ranks *ranks, RunError *error) {
    if (error->code && !*error->text)
        snprintf(error->text, sizeof error->text,
                 "the spec or the run is at fault there: see `scanline check' on that machine");
    if (!ranks_is_first(ranks) && ranks_fails_alone(ranks, error->code))
        speak_up(session, ranks, error);
    return ranks_end(ranks, error);
}

static ExitCode work(Session *session, void *user) {
    TrainArguments *arguments = user;
    RunError error = {0};
    if (!ranks_open(&arguments->ranks, &error))
        return session_fail(session, error.code, "ranks", "%s", error.text);
    if (!ranks_is_first(arguments->ranks))
        hush(session);
    error.code = train_found(session, arguments, &error);
    return leave(session, arguments->ranks, &error);
}

ExitCode command_train(int count, char **words) {
    char *text = options_words(count, words);
    TrainArguments arguments = {.words = text ? text : "scanline train"};
    const OptionTarget targets[] = {{KEY_RESUME, .text = &arguments.resume},
                                    {KEY_FROM, .text = &arguments.from},
                                    {KEY_CHECKPOINT, .text = &arguments.checkpoint},
                                    {KEY_PROFILE, .flag = &arguments.profile},
                                    {KEY_TENSORBOARD, .flag = &arguments.tensorboard},
                                    {0}};
    const CommandLine line = {
        .command = "train",
        .arguments = "[SPEC] [KEY=VALUE...]",
        .doc = "Train a model; everything about it goes into a new folder in runs/. Ctrl-C saves a "
               "checkpoint first. A run that was stopped or killed goes on with --resume, to the "
               "same bits; --from begins a new one where another has come to (finetuning, more "
               "steps): parameters of one path are taken over, new ones have their initial values. "
               "Under mpirun several processes share each batch, to the same bits."
               "\vExamples:\n"
               "  scanline train digits\n"
               "  scanline train digits d=128 train.steps=1600 train.seed=2\n"
               "  scanline train digits train.steps=50 --profile\n"
               "  scanline train mine.scan train.objective=bert --out runs/bert\n"
               "  scanline train --resume @last\n"
               "  mpirun -n 4 --bind-to none scanline train digits\n"
               "  scanline train --from 7 train.steps=6000\n"
               "  scanline train --from 7 train.objective=ar.classify train.steps=200\n"
               "  scanline train --from 7 train.objective=ar.classify data.share=10% "
               "train.best=accuracy train.patience=5",
        .groups = OPTIONS_JSON | OPTIONS_COMPILE | OPTIONS_THREADS | OPTIONS_PERF | OPTIONS_MEMORY |
                  OPTIONS_OUT | OPTIONS_SETTINGS,
        .keys = keys,
        .targets = targets,
        .user = &arguments,
    };
    Options options;
    options_parse(&line, count, words, &options);
    ExitCode code = session_run(&options, work, &arguments);
    free(text);
    return code;
}
