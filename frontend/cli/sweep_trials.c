#include "frontend/cli/sweep_trials.h"

#include "frontend/cli/sweep_shared.h"
#include "runtime/sweep/conductor.h"
#include "runtime/training/training.h"

#include <stdlib.h>
#include <string.h>

typedef struct SweepTrials {
    const SweepSetup *setup;
    Options options; /* of trials */
    SweepShared shared;
} SweepTrials;

/* What a task's handle is. */
typedef struct TrialHandle {
    Session *session;
    const DataSet *data;
} TrialHandle;

static TrainRequest request_of(const SweepTrials *trials) {
    return (TrainRequest){.words = trials->setup->arguments->words,
                          .from = trials->setup->from,
                          .checkpoint = trials->setup->arguments->checkpoint,
                          .once = true};
}

/* --- prepared --- */

typedef struct Preparing {
    SweepTrials *trials;
    TrialHandle *handle;
} Preparing;

static ExitCode complete(Session *session, void *user) {
    const Preparing *preparing = user;
    SweepShared *shared = &preparing->trials->shared;
    preparing->handle->data = shared_data(shared, session);
    return preparing->handle->data ? shared_compile(shared, session) : EXIT_INPUT;
}

static bool prepare(void *user, const SweepTrial *trial, SweepTask *task, RunError *error) {
    SweepTrials *trials = user;
    const TrainRequest request = request_of(trials);
    ExitCode code = EXIT_MACHINE;
    TrialHandle *handle = calloc(1, sizeof *handle);
    if (!handle)
        return run_no_memory(error, "a trial");
    task->handle = handle;
    handle->session =
        sweep_session(&trials->options, &request, trial->settings, trial->setting_count, &code);
    if (!handle->session)
        return run_no_memory(error, "a trial");
    if (!code) {
        task->steps = handle->session->experiment.train.steps;
        task->objective = handle->session->experiment.train.objective;
        code = session_do(handle->session, complete, &(Preparing){trials, handle});
    }
    if (handle->data)
        task->data = handle->data->hash;
    const char *const *fault = handle->session->fault;
    return !code || run_fail(error, code, "%s", fault && *fault ? *fault : "out of memory");
}

static void release(void *user, SweepTask *task) {
    SweepTrials *trials = user;
    TrialHandle *handle = task->handle;
    if (handle)
        shared_release(&trials->shared, handle->session);
    free(handle);
    *task = (SweepTask){.until = task->until, .steps = task->steps};
}

/* --- trained, in a process of its own --- */

typedef struct Training {
    TrainRequest request;
    char **folder;
    RunError *error;
} Training;

static ExitCode train_compiled(Session *session, void *user) {
    const Training *training = user;
    return session_train_compiled(session, &training->request, training->folder, training->error);
}

static ExitCode train(void *user, const SweepTask *task, SweepReport *report, char **folder,
                      RunError *error) {
    const TrialHandle *handle = task->handle;
    Training training = {request_of(user), folder, error};
    training.request.until = task->until;
    training.request.data = handle->data;
    training.request.figures = worker_report;
    training.request.figures_user = report;
    const ExitCode code = session_do(handle->session, train_compiled, &training);
    if (code && !*error->text)
        run_fail(error, code, "%s",
                 *handle->session->fault ? *handle->session->fault : "it says no reason");
    return code;
}

/* --- how many side by side --- */

static ExitCode compile_first(Session *session, void *user) {
    return shared_compile(user, session);
}

/* By the memory of the first trial, whose session becomes that of its program. */
static int jobs_for(SweepTrials *trials, SweepSetup *setup, int cores) {
    Session *first = setup->first;
    setup->first = NULL;
    int jobs = 1; /* where it can't be compiled the trial will say why */
    if (!session_do(first, compile_first, &trials->shared))
        jobs = conductor_jobs(training_bytes(&first->program, 1), cores, conductor_available());
    shared_release(&trials->shared, first);
    return jobs;
}

ExitCode sweep_train(const Options *options, SweepSetup *setup, Store *store, int jobs, Log *log,
                     RunError *error) {
    SweepTrials *trials = calloc(1, sizeof *trials);
    if (!trials) {
        run_no_memory(error, "the sweep");
        return EXIT_MACHINE;
    }
    const int cores = options_threads(options);
    *trials = (SweepTrials){.setup = setup, .options = *options};
    trials->options.json = false;
    const Conductor conductor = {
        .store = store,
        .plan = &setup->plan,
        .jobs = jobs ? jobs : jobs_for(trials, setup, cores),
        .log = log,
        .prepare = prepare,
        .train = train,
        .release = release,
        .user = trials,
    };
    trials->options.threads = cores > conductor.jobs ? cores / conductor.jobs : 1;
    log_say(log, "%lld trial%s, %d side by side with %d thread%s each; %s",
            (long long)setup->trials, setup->trials == 1 ? "" : "s", conductor.jobs,
            trials->options.threads, trials->options.threads == 1 ? "" : "s", store->path);
    const ExitCode code = conductor_run(&conductor, error);
    if (trials->shared.compiled)
        log_say(log, "%lld program%s compiled for all trials", (long long)trials->shared.compiled,
                trials->shared.compiled == 1 ? " was" : "s were");
    shared_free(&trials->shared);
    free(trials);
    return code;
}
