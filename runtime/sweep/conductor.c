#include "runtime/sweep/conductor.h"

#include "runtime/clock.h"
#include "runtime/run/run_folder.h"
#include "runtime/run/run_lock.h"
#include "runtime/sweep/board.h"
#include "runtime/training/signals.h"

#include <errno.h>
#include <math.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { WAIT_MILLISECONDS = 100 };

static const double seconds_between_notes = 1, pause_seconds = 0.5;

/* A trial under way. */
typedef struct Seat {
    SweepTrial trial;
    SweepTask task;
    SweepWorker worker; /* process 0: the seat is free */
    char *objective, *data;
    int64_t noted; /* the step that the database knows of */
    double note_at;
} Seat;

static const Seat empty_seat = {.trial = {.claim = -1},
                                .worker = {.pipe = -1, .loss = NAN, .validation = NAN}};

typedef struct Sweep {
    const Conductor *conductor;
    Seat *seats; /* [jobs] */
    int taken;
    Board board;
    double not_before; /* clock_seconds: nothing is begun until then */
    bool waits;        /* people know that it waits for others */
    bool stopping;
    RunError *error;
} Sweep;

/* --- the end of a trial --- */

static void say_end(const Sweep *sweep, const SweepTrial *trial, double validation,
                    const SweepOutcome *outcome) {
    Log *log = sweep->conductor->log;
    char figure[48] = "";
    if (!isnan(validation))
        snprintf(figure, sizeof figure, ": validation loss %.4f", validation);
    const char *slash = outcome->folder ? strrchr(outcome->folder, '/') : NULL;
    const char *run = slash ? slash + 1 : outcome->folder ? outcome->folder : "";
    if (strcmp(outcome->state, "failed") == 0)
        log_say(log, "trial %lld failed: %s: %s", (long long)trial->id, trial->name,
                outcome->reason);
    else if (strcmp(outcome->state, "done") == 0)
        log_say(log, "trial %lld done: %s%s: %s", (long long)trial->id, trial->name, figure, run);
    else if (strcmp(outcome->state, "paused") == 0)
        log_say(log, "trial %lld is at the end of its rung: %s%s: %s", (long long)trial->id,
                trial->name, figure, run);
    else
        log_say(log, "trial %lld %s: %s", (long long)trial->id,
                outcome->again ? "waits, as another process trains its run" : "stopped",
                trial->name);
}

static bool note_end(Sweep *sweep, Seat *seat, const SweepOutcome *outcome) {
    const Conductor *conductor = sweep->conductor;
    say_end(sweep, &seat->trial, seat->worker.validation, outcome);
    const bool noted =
        trials_end(conductor->store, conductor->plan, &seat->trial, outcome, sweep->error);
    free(seat->objective);
    free(seat->data);
    *seat = empty_seat;
    return noted;
}

/* The step that the record of a run says it came to; 0: it says none. */
static int64_t steps_of(const char *folder) {
    FileError fault;
    json_t *record = folder ? run_record_read(folder, &fault) : NULL;
    const int64_t steps = json_integer_value(json_object_get(record, "steps"));
    json_decref(record);
    return steps;
}

/* Whether it came as far as its rung goes, or its run had come further before. */
static bool at_rung(const Seat *seat, const char *folder) {
    const ExitCode code = seat->worker.code;
    const bool sound = code == EXIT_DONE || code == EXIT_STOPPED || code == EXIT_DIVERGED;
    return seat->task.until && sound && steps_of(folder) >= seat->task.until;
}

static SweepOutcome outcome_of(const Seat *seat) {
    const SweepWorker *worker = &seat->worker;
    SweepOutcome outcome = {
        .folder = *worker->folder ? worker->folder : NULL,
        .objective = seat->objective,
        .data = seat->data,
        .steps = seat->task.steps,
        .seconds = clock_seconds() - worker->began,
    };
    if (at_rung(seat, outcome.folder)) {
        outcome.state = "paused";
    } else if (worker->code == EXIT_DONE) {
        outcome.state = "done";
    } else if (worker->code == EXIT_STOPPED) {
        outcome.state = "waiting";
    } else if (worker->code == EXIT_MACHINE && outcome.folder && run_is_locked(outcome.folder)) {
        outcome.state = "waiting";
        outcome.again = true;
        outcome.folder = NULL;
    } else {
        outcome.state = "failed";
        outcome.code = worker->code;
        outcome.reason = worker->reason;
    }
    return outcome;
}

static bool end_seat(Sweep *sweep, Seat *seat) {
    const SweepOutcome outcome = outcome_of(seat);
    if (outcome.again)
        sweep->not_before = clock_seconds() + pause_seconds;
    sweep->taken--;
    return note_end(sweep, seat, &outcome);
}

/* --- the beginning of a trial --- */

static ExitCode train(void *user, SweepReport *report, char **folder, RunError *error) {
    void *const *both = user;
    const Conductor *conductor = both[0];
    return conductor->train(conductor->user, both[1], report, folder, error);
}

/* Files that are not for the child: the pipes and claims of other trials. */
static size_t others_of(const Sweep *sweep, const Seat *seat, int *files) {
    size_t count = 0;
    for (int i = 0; i < sweep->conductor->jobs; i++) {
        const Seat *other = &sweep->seats[i];
        if (other == seat || !other->worker.process)
            continue;
        files[count++] = other->worker.pipe;
        files[count++] = other->trial.claim;
    }
    return count;
}

static bool fork_trial(Sweep *sweep, Seat *seat, RunError *fault) {
    const Conductor *conductor = sweep->conductor;
    int *files = calloc(2 * (size_t)conductor->jobs, sizeof *files);
    void *both[] = {(void *)conductor, &seat->task};
    seat->objective = seat->task.objective ? strdup(seat->task.objective) : NULL;
    seat->data = seat->task.data ? strdup(seat->task.data) : NULL;
    const bool begun = files ? worker_begin(&seat->worker, train, both, files,
                                            others_of(sweep, seat, files), fault)
                             : run_no_memory(fault, "a trial");
    free(files);
    return begun;
}

static bool fail_trial(Sweep *sweep, Seat *seat, const RunError *fault) {
    const bool stopped = fault->code == EXIT_STOPPED;
    const SweepOutcome outcome = {.state = stopped ? "waiting" : "failed",
                                  .code = stopped ? EXIT_DONE : fault->code,
                                  .reason = stopped ? NULL : fault->text,
                                  .steps = seat->task.steps};
    return note_end(sweep, seat, &outcome);
}

static bool begin_seat(Sweep *sweep, Seat *seat) {
    const Conductor *conductor = sweep->conductor;
    RunError fault = {0};
    seat->task = (SweepTask){.until = conductor->plan->rungs.count > 1
                                          ? conductor->plan->rungs.steps[seat->trial.rung]
                                          : 0};
    if (!log_is_live(conductor->log))
        log_say(conductor->log, "trial %lld: %s", (long long)seat->trial.id, seat->trial.name);
    const bool begun = conductor->prepare(conductor->user, &seat->trial, &seat->task, &fault) &&
                       fork_trial(sweep, seat, &fault);
    conductor->release(conductor->user, &seat->task);
    if (!begun)
        return fail_trial(sweep, seat, &fault);
    seat->note_at = clock_seconds() + seconds_between_notes;
    sweep->taken++;
    return true;
}

static Seat *free_seat(const Sweep *sweep) {
    for (int i = 0; i < sweep->conductor->jobs; i++)
        if (!sweep->seats[i].worker.process)
            return &sweep->seats[i];
    return NULL;
}

/* As many as there are seats and trials for. */
static bool begin_trials(Sweep *sweep) {
    const Conductor *conductor = sweep->conductor;
    for (Seat *seat; !signals_noted() && (seat = free_seat(sweep));) {
        if (!trials_promote(conductor->store, conductor->plan, sweep->error) ||
            !trials_claim(conductor->store, &seat->trial, sweep->error))
            return false;
        if (!seat->trial.id) { /* others may leave some, or a rung be over: not at once */
            sweep->not_before = clock_seconds() + WAIT_MILLISECONDS / 1000.0;
            return true;
        }
        if (seat->trial.rung >= conductor->plan->rungs.count)
            return run_fail(sweep->error, EXIT_INPUT, "%s: trial %lld is on a rung that is not",
                            conductor->store->path, (long long)seat->trial.id);
        if (!begin_seat(sweep, seat))
            return false;
    }
    return true;
}

/* --- meanwhile --- */

static bool listen_to(Sweep *sweep, Seat *seat) {
    if (!seat->worker.process)
        return true;
    if (worker_listen(&seat->worker))
        return end_seat(sweep, seat);
    const double now = clock_seconds();
    if (seat->worker.step == seat->noted || now < seat->note_at)
        return true;
    seat->noted = seat->worker.step;
    seat->note_at = now + seconds_between_notes;
    return trials_progress(sweep->conductor->store, &seat->trial, seat->worker.step,
                           seat->worker.loss, sweep->error);
}

/* Until a trial says something, or for a moment. */
static bool listen(Sweep *sweep) {
    const int jobs = sweep->conductor->jobs;
    struct pollfd *pipes = calloc((size_t)jobs, sizeof *pipes);
    if (!pipes)
        return run_no_memory(sweep->error, "a list of trials");
    for (int i = 0; i < jobs; i++)
        pipes[i] =
            (struct pollfd){.fd = sweep->seats[i].worker.process ? sweep->seats[i].worker.pipe : -1,
                            .events = POLLIN};
    poll(pipes, (nfds_t)jobs, WAIT_MILLISECONDS);
    free(pipes);
    bool heard = true;
    for (int i = 0; i < jobs; i++)
        heard = listen_to(sweep, &sweep->seats[i]) && heard;
    return heard;
}

static bool show(Sweep *sweep) {
    const Conductor *conductor = sweep->conductor;
    SweepCounts counts;
    int count = 0;
    if (!board_is_due(&sweep->board))
        return true;
    BoardRow *rows = calloc((size_t)conductor->jobs, sizeof *rows);
    bool able = rows ? trials_count(conductor->store, &counts, sweep->error)
                     : run_no_memory(sweep->error, "the table");
    for (int i = 0; able && i < conductor->jobs; i++) {
        const Seat *seat = &sweep->seats[i];
        if (seat->worker.process)
            rows[count++] = (BoardRow){&seat->trial, &seat->worker,
                                       seat->task.until ? seat->task.until : seat->task.steps};
    }
    if (able)
        board_show(&sweep->board, &counts, rows, count);
    free(rows);
    return able;
}

/* A signal is passed on once. */
static void heed_signals(Sweep *sweep) {
    if (sweep->stopping || !signals_noted())
        return;
    sweep->stopping = true;
    if (sweep->taken)
        log_say(sweep->conductor->log, "stopping: %d trial%s under way will save first",
                sweep->taken, sweep->taken == 1 ? "" : "s");
    for (int i = 0; i < sweep->conductor->jobs; i++)
        worker_stop(&sweep->seats[i].worker);
}

/* --- all of it --- */

/* Whether nobody has anything to do any more; `waits` is for trials that others have. */
static bool over(Sweep *sweep, bool *ended) {
    SweepCounts counts;
    *ended = false;
    if (!trials_count(sweep->conductor->store, &counts, sweep->error))
        return false;
    *ended = counts.waiting + counts.running + counts.paused == 0;
    if (!*ended && !sweep->waits && counts.running)
        log_say(sweep->conductor->log,
                "%lld trial%s of other processes under way: waiting, to take over what they leave",
                (long long)counts.running, counts.running == 1 ? " is" : "s are");
    sweep->waits = sweep->waits || counts.running;
    if (!*ended)
        sweep->not_before = clock_seconds() + pause_seconds;
    return true;
}

static bool conduct(Sweep *sweep) {
    for (;;) {
        bool ended = false;
        heed_signals(sweep);
        if (sweep->stopping && !sweep->taken)
            return run_fail(sweep->error, EXIT_STOPPED,
                            "stopped by a signal; the same command goes on");
        const bool begin = !sweep->stopping && clock_seconds() >= sweep->not_before;
        if (begin && !begin_trials(sweep))
            return false;
        if (begin && !sweep->taken && !signals_noted() && !over(sweep, &ended))
            return false;
        if (ended)
            return true;
        if (!listen(sweep) || !show(sweep))
            return false;
    }
}

/* Where this process can go on no more, its trials stop. */
static void abandon(Sweep *sweep) {
    for (int i = 0; i < sweep->conductor->jobs; i++)
        worker_stop(&sweep->seats[i].worker);
    for (int i = 0; i < sweep->conductor->jobs; i++) {
        Seat *seat = &sweep->seats[i];
        while (seat->worker.process && !worker_listen(&seat->worker))
            usleep(WAIT_MILLISECONDS * 1000);
        trials_release(&seat->trial);
        free(seat->objective);
        free(seat->data);
    }
}

ExitCode conductor_run(const Conductor *conductor, RunError *error) {
    Sweep sweep = {.conductor = conductor, .error = error};
    Signals signals;
    *error = (RunError){0};
    sweep.seats = calloc((size_t)conductor->jobs, sizeof *sweep.seats);
    if (!sweep.seats) {
        run_no_memory(error, "the trials");
        return EXIT_MACHINE;
    }
    for (int i = 0; i < conductor->jobs; i++)
        sweep.seats[i] = empty_seat;
    board_begin(&sweep.board, conductor->log);
    signals_catch(&signals);
    const bool done = conduct(&sweep);
    if (!done)
        abandon(&sweep);
    board_end(&sweep.board);
    signals_restore(&signals);
    free(sweep.seats);
    return done ? EXIT_DONE : error->code;
}

int conductor_jobs(int64_t bytes, int cores, int64_t available) {
    const int64_t small = INT64_C(256) << 20;
    int jobs = bytes > 0 && bytes <= small ? cores : 1;
    while (jobs > 1 && bytes > available / 2 / jobs)
        jobs--;
    return jobs;
}

int64_t conductor_available(void) {
    FILE *stream = fopen("/proc/meminfo", "re");
    char line[128];
    long long kibibytes = 0;
    while (stream && !kibibytes && fgets(line, sizeof line, stream))
        if (sscanf(line, "MemAvailable: %lld kB", &kibibytes) != 1)
            kibibytes = 0;
    if (stream)
        fclose(stream);
    return kibibytes * 1024;
}
