#include "runtime/sweep/worker.h"

#include "runtime/clock.h"
#include "runtime/training/signals.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static const double seconds_between = 0.1;

/* All that goes through the pipe is of this size; the writer is one, so they come whole and in
 * order. */
typedef struct Message {
    bool end;
    ExitCode code;
    int64_t step;
    double loss, validation;
    char reason[sizeof((RunError *)0)->text];
    char folder[PATH_MAX];
} Message;

struct SweepReport {
    int pipe;
    double told; /* clock_seconds, of the last message */
};

/* --- the child --- */

/* A parent that is gone reads nothing: then nobody needs to know. */
static void send(const SweepReport *report, const Message *message) {
    const char *bytes = (const char *)message;
    for (size_t sent = 0; sent < sizeof *message;) {
        const ssize_t count = write(report->pipe, bytes + sent, sizeof *message - sent);
        if (count < 0 && errno != EINTR)
            return;
        sent += count > 0 ? (size_t)count : 0;
    }
}

void worker_report(void *user, int64_t step, const char *split, const MetricsFigure *figures,
                   uint32_t count) {
    SweepReport *report = user;
    const bool training = strcmp(split, "train") == 0;
    const double now = clock_seconds();
    if (training && now - report->told < seconds_between)
        return;
    Message message = {.step = step, .loss = NAN, .validation = NAN};
    for (uint32_t i = 0; i < count; i++)
        if (strcmp(figures[i].name, "loss") == 0)
            *(training ? &message.loss : &message.validation) = figures[i].value;
    report->told = now;
    send(report, &message);
}

/* Never returns: what the parent has begun (its buffers, its database) is for it to end. */
static _Noreturn void child(SweepTrain *train, void *user, int pipe, pid_t parent) {
    SweepReport report = {.pipe = pipe};
    RunError error = {0};
    char *folder = NULL;
    setpgid(0, 0);
    signal(SIGPIPE, SIG_IGN);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent) /* it went before that was said */
        _exit(EXIT_STOPPED);
    const ExitCode code = train(user, &report, &folder, &error);
    Message message = {.end = true, .code = code};
    memcpy(message.reason, error.text, sizeof message.reason);
    if (folder && strlen(folder) < sizeof message.folder)
        strcpy(message.folder, folder);
    send(&report, &message);
    _exit(code);
}

/* --- the parent --- */

/* The child, unless a signal came: then it would take the one that is passed on to it for the
 * second. -1: there is none, and errno is 0 where a signal is why. */
static pid_t fork_child(SweepTrain *train, void *user, const int ends[2], const int *closed,
                        size_t closed_count) {
    sigset_t before;
    const pid_t parent = getpid();
    fflush(stdout);
    fflush(stderr);
    signals_hold(&before);
    errno = 0;
    const pid_t process = signals_noted() ? -1 : fork();
    const int reason = errno;
    if (process == 0) {
        close(ends[0]);
        for (size_t i = 0; i < closed_count; i++)
            close(closed[i]);
        signals_let(&before);
        child(train, user, ends[1], parent);
    }
    signals_let(&before);
    errno = reason;
    return process;
}

bool worker_begin(SweepWorker *worker, SweepTrain *train, void *user, const int *closed,
                  size_t closed_count, RunError *error) {
    int ends[2];
    *worker = (SweepWorker){.loss = NAN, .validation = NAN, .began = clock_seconds(), .pipe = -1};
    worker->message = malloc(sizeof(Message));
    if (!worker->message)
        return run_no_memory(error, "a trial's process");
    const bool piped = pipe2(ends, O_CLOEXEC) == 0;
    worker->process = piped ? fork_child(train, user, ends, closed, closed_count) : -1;
    const int reason = errno;
    if (piped)
        close(ends[1]);
    if (worker->process > 0) {
        fcntl(ends[0], F_SETFL, O_NONBLOCK);
        worker->pipe = ends[0];
        return true;
    }
    if (piped)
        close(ends[0]);
    free(worker->message);
    *worker = (SweepWorker){.pipe = -1};
    return reason ? run_fail(error, EXIT_MACHINE, "cannot begin a process for a trial: %s",
                             strerror(reason))
                  : run_fail(error, EXIT_STOPPED, "a signal came before it began");
}

static void take_in(SweepWorker *worker) {
    Message message;
    memcpy(&message, worker->message, sizeof message);
    worker->pending = 0;
    if (message.end) {
        worker->told = true;
        worker->code = message.code;
        memcpy(worker->reason, message.reason, sizeof worker->reason);
        memcpy(worker->folder, message.folder, sizeof worker->folder);
        return;
    }
    if (!worker->step)
        worker->first_step = message.step;
    worker->step = message.step;
    if (!isnan(message.loss))
        worker->loss = message.loss;
    if (!isnan(message.validation))
        worker->validation = message.validation;
}

/* A process that told nothing of its end was ended. */
static void bury(SweepWorker *worker) {
    int status = 0;
    while (waitpid(worker->process, &status, 0) < 0 && errno == EINTR)
        ;
    close(worker->pipe);
    free(worker->message);
    worker->message = NULL;
    worker->process = 0;
    worker->pipe = -1;
    if (worker->told)
        return;
    worker->code = EXIT_MACHINE;
    const int number = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    if (number)
        snprintf(worker->reason, sizeof worker->reason, "its process was ended by signal %d (%s)%s",
                 number, strsignal(number),
                 number == SIGKILL ? ": the system does so when memory runs out" : "");
    else
        snprintf(worker->reason, sizeof worker->reason, "its process ended with exit code %d",
                 WEXITSTATUS(status));
}

bool worker_listen(SweepWorker *worker) {
    for (;;) {
        const ssize_t count = read(worker->pipe, worker->message + worker->pending,
                                   sizeof(Message) - worker->pending);
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0 && errno == EAGAIN)
            return false;
        if (count <= 0)
            break;
        worker->pending += (size_t)count;
        if (worker->pending == sizeof(Message))
            take_in(worker);
    }
    bury(worker);
    return true;
}

void worker_stop(const SweepWorker *worker) {
    if (worker->process > 0)
        kill(worker->process, SIGTERM);
}
