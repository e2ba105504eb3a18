/* scanline fewlabels: finetuning with few labels a class, over several draws of them. */
#include "frontend/cli/commands.h"
#include "frontend/cli/trial.h"

#include "runtime/commands/few_labels.h"
#include "runtime/commands/protocol.h"
#include "runtime/integer.h"
#include "runtime/run/run_folder.h"

#include <stdlib.h>
#include <string.h>

enum { KEY_LABELS = 0x100, KEY_SUBSETS, KEY_FROM, KEY_CHECKPOINT, MOST_NUMBERS = 64 };
enum { USUAL_SUBSETS = 5, MOST_SUBSETS = 1000 };

typedef struct FewArguments {
    const char *words, *labels, *subsets, *from, *checkpoint;
} FewArguments;

typedef struct FewPlan {
    const FewArguments *arguments;
    FewLabels few;
    int64_t labels[MOST_NUMBERS];
    char *from, *folder;
    FewLabelsTrial *trial; /* under way */
} FewPlan;

static const struct argp_option keys[] = {
    {"labels", KEY_LABELS, "N,N,...", 0, "labels a class (default: 4,25,400)", 0},
    {"subsets", KEY_SUBSETS, "N", 0, "draws of them (default: 5)", 0},
    {"from", KEY_FROM, "RUN", 0,
     "every training begins with the parameters of RUN, as in `train'; without it each begins anew",
     0},
    {"checkpoint", KEY_CHECKPOINT, "FILE", 0,
     "with --from: this checkpoint of RUN (default: its best)", 0},
    {0}};

/* --- what is asked for --- */

static ExitCode read_labels(const Session *session, FewPlan *plan) {
    const char *text = plan->arguments->labels ? plan->arguments->labels : "4,25,400";
    for (const char *at = text;; at++) {
        int64_t number;
        if (!integer_take(&at, &number) || number < 1 || number > INT32_MAX ||
            (*at && *at != ',') || plan->few.label_count == MOST_NUMBERS)
            return session_fail(session, EXIT_USAGE, "labels",
                                "--labels takes 1 to %d numbers: 4,25,400; not '%s'", MOST_NUMBERS,
                                text);
        for (uint32_t i = 0; i < plan->few.label_count; i++)
            if (plan->labels[i] == number)
                return session_fail(session, EXIT_USAGE, "labels", "--labels has %lld twice",
                                    (long long)number);
        plan->labels[plan->few.label_count++] = number;
        if (!*at)
            return EXIT_DONE;
    }
}

static ExitCode read_arguments(const Session *session, FewPlan *plan) {
    const char *text = plan->arguments->subsets;
    int64_t subsets = USUAL_SUBSETS;
    if (text && !integer_read(text, 1, MOST_SUBSETS, &subsets))
        return session_fail(session, EXIT_USAGE, "subsets",
                            "--subsets takes a number from 1 to %d, not '%s'", MOST_SUBSETS, text);
    plan->few.labels = plan->labels;
    plan->few.subsets = (uint32_t)subsets;
    if (plan->arguments->checkpoint && !plan->arguments->from)
        return session_fail(session, EXIT_USAGE, "checkpoint", "--checkpoint goes with --from");
    return read_labels(session, plan);
}

/* The accuracy is what all this is about, so checkpoints are judged by it unless they are said to
 * be judged otherwise. */
static const char *judged_by(const Options *options) {
    static const char best[] = "train.best=";
    for (uint32_t i = 0; i < options->setting_count; i++)
        if (strncmp(options->settings[i], best, strlen(best)) == 0)
            return NULL;
    return "train.best=accuracy";
}

/* --- before the first training --- */

static ExitCode check_objective(const Session *session) {
    const Function *forward = module_function(session->lowered, "forward");
    if (forward && function_find_output(forward, "class") != NODE_NONE)
        return EXIT_DONE;
    return session_fail(session, EXIT_INPUT, "objective",
                        "the objective %s has no classes: give one with an `output class`, "
                        "train.objective=ar.classify",
                        session->experiment.train.objective);
}

static ExitCode check_data(const Session *session) {
    DataError fault;
    DataSet *data = data_open(&session->experiment.data, &fault);
    if (!data)
        return session_fail(session, EXIT_INPUT, "data", "%s", fault.text);
    const bool able =
        data->labels && data->splits[DATA_VALIDATION].count && data->splits[DATA_TEST].count;
    data_close(data);
    return able ? EXIT_DONE
                : session_fail(session, EXIT_INPUT, "data",
                               "%s must have labels, a validation split to choose a checkpoint by, "
                               "and a test split: see data.validation, data.test",
                               session->experiment.data.source);
}

static ExitCode make_folder(Session *session, FewPlan *plan) {
    const char *identity =
        arena_printf(session->arena, "%s\nfrom %s\nsubsets %u\n", session->experiment.spec,
                     plan->from ? plan->from : "nothing", plan->few.subsets);
    for (uint32_t i = 0; i < plan->few.label_count; i++)
        identity = arena_printf(session->arena, "%s%lld\n", identity, (long long)plan->labels[i]);
    RunError error = {0};
    char *name = run_name(&session->experiment);
    if (!name)
        run_no_memory(&error, "a name");
    else
        plan->folder = protocol_folder("fewlabels", name, identity, &error);
    free(name);
    plan->few.folder = plan->folder;
    if (plan->folder && few_labels_begin(&plan->few, &error))
        return EXIT_DONE;
    return session_fail(session, error.code, "fewlabels", "%s", error.text);
}

static ExitCode prepare(Session *session, FewPlan *plan) {
    ExitCode code = read_arguments(session, plan);
    if (!code)
        code = session_find_run(session, plan->arguments->from, &plan->from);
    if (!code)
        code = session_read_new(session, plan->from);
    if (!code)
        code = check_objective(session);
    if (!code)
        code = check_data(session);
    return code ? code : make_folder(session, plan);
}

/* --- the trainings --- */

static bool judge(const Command *command, void *user, RunError *error) {
    FewPlan *plan = user;
    return few_labels_judge(&plan->few, plan->trial, command, error);
}

static ExitCode train_one(Session *session, FewPlan *plan, FewLabelsTrial *trial) {
    const char *settings[] = {
        arena_printf(session->arena, "data.labels=%lld", (long long)trial->labels),
        arena_printf(session->arena, "data.subset=%lld", (long long)trial->subset),
        judged_by(session->options)};
    const Trial training = {.options = session->options,
                            .words = plan->arguments->words,
                            .from = plan->from,
                            .checkpoint = plan->arguments->checkpoint,
                            .settings = settings,
                            .setting_count = settings[2] ? 3 : 2,
                            .after = judge,
                            .user = plan};
    RunError error;
    char *folder;
    log_say(session->log, "%lld labels a class, subset %lld of %u", (long long)trial->labels,
            (long long)trial->subset + 1, plan->few.subsets);
    plan->trial = trial;
    ExitCode code = trial_run(&training, &folder);
    if (code && code != EXIT_DIVERGED)
        return code;
    const bool noted = (!code || few_labels_diverged(trial, folder, &error)) &&
                       few_labels_write(&plan->few, &error);
    free(folder);
    return noted ? EXIT_DONE : session_fail(session, error.code, "fewlabels", "%s", error.text);
}

static ExitCode train_all(Session *session, void *user) {
    FewPlan *plan = user;
    RunError error;
    ExitCode code = EXIT_DONE;
    for (uint32_t i = 0; !code && i < plan->few.label_count * plan->few.subsets; i++)
        code = train_one(session, plan, &plan->few.trials[i]);
    if (!code && !few_labels_print(&plan->few, session->options->json, stdout, &error))
        code = session_fail(session, error.code, "fewlabels", "%s", error.text);
    return code;
}

static ExitCode few_labels(Session *session, FewPlan *plan) {
    const ExitCode code = prepare(session, plan);
    return code ? code : trials_locked(session, plan->folder, train_all, plan);
}

static ExitCode work(Session *session, void *user) {
    FewPlan plan = {.arguments = user};
    ExitCode code = few_labels(session, &plan);
    few_labels_end(&plan.few);
    free(plan.folder);
    free(plan.from);
    return code;
}

ExitCode command_fewlabels(int count, char **words) {
    char *text = options_words(count, words);
    FewArguments arguments = {.words = text ? text : "scanline fewlabels"};
    const OptionTarget targets[] = {{KEY_LABELS, .text = &arguments.labels},
                                    {KEY_SUBSETS, .text = &arguments.subsets},
                                    {KEY_FROM, .text = &arguments.from},
                                    {KEY_CHECKPOINT, .text = &arguments.checkpoint},
                                    {0}};
    const CommandLine line = {
        .command = "fewlabels",
        .arguments = "[SPEC] [KEY=VALUE...]",
        .doc =
            "Finetune with few labels: on each number of labels a class train once for each draw "
            "of them (data.labels, data.subset), and show the mean and the standard deviation of "
            "the accuracy on the test split. Every training is a run like others."
            "\vThe checkpoint that is tested is that of the best accuracy on validation, unless "
            "train.best says otherwise. What is trained already is not trained again, and its "
            "test images are read once: so the same command goes on after a stop, and shows the "
            "results again when all is done. Probes with few labels: probe.labels.\n\nExamples:\n"
            "  scanline fewlabels --from 7 train.objective=ar.classify train.steps=200\n"
            "  scanline fewlabels --from 7 train.objective=ar.classify --labels 4,25 --subsets 3 "
            "train.patience=5 rate=3e-4",
        .groups = OPTIONS_JSON | OPTIONS_COMPILE | OPTIONS_THREADS | OPTIONS_PERF | OPTIONS_MEMORY |
                  OPTIONS_SETTINGS,
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
