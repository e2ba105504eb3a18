#include "frontend/cli/sweep_plan.h"

#include "frontend/cli/trial.h"
#include "runtime/files/hash.h"
#include "runtime/integer.h"
#include "runtime/training/training.h"

#include <stdlib.h>
#include <string.h>

enum { USUAL_TRIALS = 20, USUAL_RUNGS = 3, USUAL_ETA = 3, MOST_ETA = 1000, MOST_PARTS = 10000 };
enum { MOST_UNREADABLE = 1000 };

static ExitCode fail(const Session *session, const RunError *error) {
    return session_fail(session, error->code, "sweep", "%s", error->text);
}

/* --- numbers of the command line --- */

static ExitCode number(const Session *session, const char *name, const char *text, int64_t least,
                       int64_t most, int64_t *value) {
    if (!text || integer_read(text, least, most, value))
        return EXIT_DONE;
    return session_fail(session, EXIT_USAGE, name,
                        "--%s takes a number from %lld to %lld, not '%s'", name, (long long)least,
                        (long long)most, text);
}

/* "0/4" */
static ExitCode read_part(const Session *session, SweepSetup *setup) {
    SweepPlan *plan = &setup->plan;
    const char *text = setup->arguments->part, *at = text;
    plan->parts = 1;
    if (!text)
        return EXIT_DONE;
    if (integer_take(&at, &plan->part) && *at++ == '/' && integer_take(&at, &plan->parts) && !*at &&
        plan->part >= 0 && plan->part < plan->parts && plan->parts <= MOST_PARTS)
        return EXIT_DONE;
    return session_fail(session, EXIT_USAGE, "part",
                        "--part takes a part, from 0, and the number of parts: 0/4; not '%s'",
                        text);
}

static ExitCode read_numbers(const Session *session, SweepSetup *setup, int64_t *rungs) {
    const SweepArguments *arguments = setup->arguments;
    SweepPlan *plan = &setup->plan;
    int64_t seed = 1, eta = USUAL_ETA;
    plan->count = USUAL_TRIALS;
    *rungs = USUAL_RUNGS;
    ExitCode code =
        number(session, "trials", arguments->trials, 1, SWEEP_MOST_TRIALS, &plan->count);
    if (!code)
        code = number(session, "seed", arguments->seed, 0, UINT32_MAX, &seed);
    if (!code)
        code = number(session, "eta", arguments->eta, 2, MOST_ETA, &eta);
    if (!code)
        code = number(session, "rungs", arguments->rungs, 2, SWEEP_MOST_RUNGS, rungs);
    plan->seed = (uint32_t)seed;
    plan->rungs = (SweepRungs){.count = 1, .keep = eta};
    return code ? code : read_part(session, setup);
}

/* --- the space --- */

static bool is_set(const Options *options, const char *key) {
    const size_t length = strlen(key);
    for (uint32_t i = 0; i < options->setting_count; i++) {
        const char *setting = options->settings[i];
        if (strncmp(setting, key, length) == 0 && setting[length] == '=')
            return true;
    }
    return false;
}

static ExitCode add_key(const Session *session, SweepSetup *setup, SweepKey key) {
    SweepSpace *space = &setup->plan.space;
    for (uint32_t i = 0; i < space->key_count; i++)
        if (strcmp(space->keys[i].key, key.key) == 0)
            return session_fail(session, EXIT_USAGE, "over", "--over has %s twice", key.key);
    if (space->key_count == SWEEP_MOST_KEYS)
        return session_fail(session, EXIT_USAGE, "over", "a sweep goes over at most %d keys",
                            SWEEP_MOST_KEYS);
    SweepKey *keys = pool_grow(&setup->pool, space->keys, space->key_count, sizeof *keys);
    if (!keys)
        return session_fail(session, EXIT_MACHINE, "over", "out of memory");
    space->keys = keys;
    keys[space->key_count++] = key;
    return EXIT_DONE;
}

/* The section of the spec, but for what the command line sets. */
static ExitCode space_of_spec(const Session *session, SweepSetup *setup) {
    ExitCode code = EXIT_DONE;
    for (uint32_t i = 0; i < session->spec->sweep_count && !code; i++) {
        const SpecSweep *sweep = &session->spec->sweeps[i];
        if (is_set(session->options, sweep->key))
            log_say(session->log, "note: %s is given, so it is not swept", sweep->key);
        else
            code = add_key(session, setup,
                           (SweepKey){.key = sweep->key,
                                      .values = sweep->values,
                                      .value_count = sweep->value_count});
    }
    if (!code && !setup->plan.space.key_count)
        code =
            session_fail(session, EXIT_INPUT, "sweep",
                         "there is nothing to sweep: say it in the spec, sweep { layers = [2, 4]; "
                         "train.seed = 1..3 }, or here, --over layers=2,4 --over train.seed=1..3");
    return code;
}

static ExitCode read_space(Session *session, SweepSetup *setup) {
    const SweepArguments *arguments = setup->arguments;
    RunError error = {0};
    ExitCode code = EXIT_DONE;
    for (uint32_t i = 0; i < arguments->over_count && !code; i++) {
        SweepKey key;
        code = space_read(&setup->pool, arguments->over[i], &key, &error)
                   ? add_key(session, setup, key)
                   : fail(session, &error);
    }
    return code || arguments->over_count ? code : space_of_spec(session, setup);
}

/* --- the method --- */

static bool has_range(const SweepSpace *space) {
    for (uint32_t i = 0; i < space->key_count; i++)
        if (!space->keys[i].values)
            return true;
    return false;
}

static ExitCode read_method(const Session *session, SweepSetup *setup, bool *halves) {
    const SweepArguments *arguments = setup->arguments;
    const char *method = arguments->method ? arguments->method : "grid";
    const bool grid = strcmp(method, "grid") == 0, random = strcmp(method, "random") == 0;
    *halves = strcmp(method, "halving") == 0;
    if (!grid && !random && !*halves)
        return session_fail(session, EXIT_USAGE, "method",
                            "--method is grid, random or halving, not '%s'", method);
    if (grid && (arguments->trials || arguments->seed))
        return session_fail(session, EXIT_USAGE, "method",
                            "--trials and --seed are of draws: give --method random or halving");
    if (!*halves && (arguments->rungs || arguments->eta))
        return session_fail(session, EXIT_USAGE, "method",
                            "--rungs and --eta go with --method halving");
    if (*halves && (arguments->part || arguments->submits))
        return session_fail(session, EXIT_USAGE, "method",
                            "halving compares all trials with each other, so it can't be done in "
                            "parts: give --method grid or random");
    const bool drawn = random || (*halves && (arguments->trials || has_range(&setup->plan.space)));
    setup->plan.method = drawn ? SWEEP_RANDOM : SWEEP_GRID;
    return EXIT_DONE;
}

/* --- the first trial that can be read --- */

typedef struct TrialRead {
    const TrainRequest *request;
    const char *const *settings;
    uint32_t count;
} TrialRead;

static ExitCode read_trial(Session *session, void *user) {
    const TrialRead *read = user;
    session->options = trial_options(session->arena, session->options, read->settings, read->count);
    session->serial = true;
    return session_train_read(session, read->request);
}

Session *sweep_session(const Options *options, const TrainRequest *request,
                       const char *const *settings, uint32_t setting_count, ExitCode *read) {
    TrialRead trial = {request, settings, setting_count};
    Log *log = log_create();
    log_hush(log, true); /* of the trials the board tells */
    Session *session = session_create(options, log);
    if (session)
        *read = session_do(session, read_trial, &trial);
    return session;
}

typedef struct Looking {
    const Session *session;
    SweepSetup *setup;
    int64_t trials;
    Options options;
    Session *failed; /* the first */
    int64_t unreadable;
} Looking;

static bool look_at(void *user, const char *const *values, const char *name, RunError *error) {
    Looking *looking = user;
    SweepSetup *setup = looking->setup;
    const SweepSpace *space = &setup->plan.space;
    const TrainRequest request = {.from = setup->from};
    const char *settings[SWEEP_MOST_KEYS];
    (void)name;
    looking->trials++;
    if (setup->first || looking->unreadable == MOST_UNREADABLE)
        return true;
    for (uint32_t i = 0; i < space->key_count; i++)
        settings[i] = arena_printf(looking->session->arena, "%s=%s", space->keys[i].key, values[i]);
    ExitCode read;
    Session *trial = sweep_session(&looking->options, &request, settings, space->key_count, &read);
    if (!trial)
        return run_no_memory(error, "a trial");
    if (!read)
        setup->first = trial;
    else if (!looking->failed)
        looking->failed = trial;
    else
        session_free(trial);
    looking->unreadable += read != EXIT_DONE;
    return true;
}

/* Counts the trials, and reads them until one can be. */
static ExitCode find_first(Session *session, SweepSetup *setup) {
    Looking looking = {.session = session, .setup = setup, .options = *session->options};
    RunError error = {0};
    looking.options.json = false;
    ExitCode code = EXIT_DONE;
    if (!trials_each(&setup->plan, look_at, &looking, &error))
        code = fail(session, &error);
    else if (!setup->first)
        code = session_fail(
            session, EXIT_INPUT, "sweep", "no trial can be trained. Of the first:\n%s",
            looking.failed && *looking.failed->fault ? *looking.failed->fault : "out of memory");
    session_free(looking.failed);
    setup->trials = looking.trials;
    return code;
}

/* --- what can be known to be wrong --- */

static bool sweeps_over(const SweepPlan *plan, const char *key) {
    for (uint32_t i = 0; i < plan->space.key_count; i++)
        if (strcmp(plan->space.keys[i].key, key) == 0)
            return true;
    return false;
}

static ExitCode check_halving(const Session *session, SweepSetup *setup, int64_t rungs) {
    static const char *const measures[] = {
        "train.steps",  "train.evaluate",  "train.objective", "data.source", "data.resolution",
        "data.palette", "data.validation", "data.test",       "data.seed",   "train.best"};
    SweepPlan *plan = &setup->plan;
    const TrainSettings *train = &setup->first->experiment.train;
    for (size_t i = 0; i < sizeof measures / sizeof *measures; i++) {
        const bool judged =
            strcmp(measures[i], "train.objective") == 0 && training_by_accuracy(train);
        if (sweeps_over(plan, measures[i]) && !judged)
            return session_fail(session, EXIT_INPUT, "halving",
                                "trials that differ by %s have losses that can't be compared at "
                                "the end of a rung: halving goes over other keys",
                                measures[i]);
    }
    RunError error;
    if (rungs_make(&plan->rungs, train->steps, train->evaluate, plan->rungs.keep, (uint32_t)rungs,
                   &error))
        return EXIT_DONE;
    return fail(session, &error);
}

/* --- the plan --- */

static const char *describe(SweepSetup *setup, bool halves) {
    SweepPlan *plan = &setup->plan;
    Pool *pool = &setup->pool;
    const char *space = space_text(pool, &plan->space);
    const char *text =
        plan->method == SWEEP_GRID
            ? pool_print(pool, "grid over %s", space ? space : "")
            : pool_print(pool, "random, seed %u, over %s", plan->seed, space ? space : "");
    if (!halves || !text)
        return text;
    if (plan->method == SWEEP_RANDOM)
        text = pool_print(pool, "%lld trials, %s", (long long)plan->count, text);
    text = pool_print(pool, "%s; one in %lld goes on after", text ? text : "",
                      (long long)plan->rungs.keep);
    for (uint32_t i = 0; i + 1 < plan->rungs.count && text; i++)
        text = pool_print(pool, "%s%s %lld", text, i ? "," : "", (long long)plan->rungs.steps[i]);
    return text ? pool_print(pool, "%s steps", text) : NULL;
}

static ExitCode complete(const Session *session, SweepSetup *setup, bool halves) {
    SweepPlan *plan = &setup->plan;
    const Experiment *experiment = &setup->first->experiment;
    Pool *pool = &setup->pool;
    char *hash = pool_array(pool, HASH_SIZE, 1);
    plan->name = experiment->name;
    plan->figure = training_by_accuracy(&experiment->train) ? "accuracy" : "loss";
    plan->description = describe(setup, halves);
    const char *identity =
        pool_print(pool, "%s\n%s\nfrom %s", plan->description ? plan->description : "",
                   experiment->spec, setup->from ? setup->from : "nothing");
    if (pool->failed || !identity)
        return session_fail(session, EXIT_MACHINE, "sweep", "out of memory");
    hash_text(identity, hash);
    plan->identity = hash;
    return EXIT_DONE;
}

ExitCode sweep_setup(Session *session, SweepSetup *setup) {
    const SweepArguments *arguments = setup->arguments;
    int64_t rungs;
    bool halves = false;
    ExitCode code = read_numbers(session, setup, &rungs);
    if (!code && arguments->checkpoint && !arguments->from)
        code = session_fail(session, EXIT_USAGE, "checkpoint", "--checkpoint goes with --from");
    if (!code)
        code = session_find_run(session, arguments->from, &setup->from);
    if (code)
        return code;
    const bool child = setup->from && !session->options->subject;
    code = session_load(session, child ? session_spec_of(session, setup->from) : NULL);
    if (code)
        return code;
    if (!session->spec || diagnostics_error_count(session->diagnostics))
        return session_show(session);
    code = read_space(session, setup);
    if (!code)
        code = read_method(session, setup, &halves);
    if (!code)
        code = find_first(session, setup);
    if (!code)
        code = trials_judged(session, &setup->first->experiment.data);
    if (!code && halves)
        code = check_halving(session, setup, rungs);
    return code ? code : complete(session, setup, halves);
}

void sweep_setup_free(SweepSetup *setup) {
    session_free(setup->first);
    free(setup->from);
    pool_free(&setup->pool);
}
