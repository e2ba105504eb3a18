#include "runtime/progress.h"

#include <math.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

static const double seconds_between = 0.1, bits_a_nat = 1.4426950408889634;

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

void progress_begin(Progress *progress, int64_t first_step, int64_t steps, int64_t batch) {
    *progress = (Progress){
        .terminal = isatty(STDERR_FILENO),
        .steps = steps,
        .batch = batch,
        .first_step = first_step,
        .start = now(),
        .train_loss = NAN,
        .validation_loss = NAN,
    };
}

double progress_seconds(const Progress *progress) { return now() - progress->start; }

double progress_rate(const Progress *progress, int64_t step) {
    return (double)((step - progress->first_step) * progress->batch) /
           fmax(progress_seconds(progress), 1e-9);
}

static void print_line(const Progress *progress, int64_t step) {
    double rate = progress_rate(progress, step);
    double left = rate > 0 ? (double)((progress->steps - step) * progress->batch) / rate : 0;
    fprintf(stderr, "step %*lld/%lld", progress->steps > 99999 ? 9 : 5, (long long)step,
            (long long)progress->steps);
    if (!isnan(progress->train_loss))
        fprintf(stderr, "  train %.4f nats (%.4f bits)", progress->train_loss,
                progress->train_loss * bits_a_nat);
    if (!isnan(progress->validation_loss))
        fprintf(stderr, "  validation %.4f nats (%.4f bits)", progress->validation_loss,
                progress->validation_loss * bits_a_nat);
    if (step > progress->first_step)
        fprintf(stderr, "  %.0f images/s  %lld:%02lld left", rate, (long long)left / 60,
                (long long)left % 60);
}

void progress_step(Progress *progress, int64_t step, double loss) {
    progress->train_loss =
        isnan(progress->train_loss) ? loss : 0.95 * progress->train_loss + 0.05 * loss;
    if (!progress->terminal || now() - progress->shown < seconds_between)
        return;
    progress->shown = now();
    fputc('\r', stderr);
    print_line(progress, step);
    fputs("\033[K", stderr);
}

void progress_evaluation(Progress *progress, int64_t step, double loss, bool best) {
    progress->validation_loss = loss;
    if (progress->terminal)
        fputc('\r', stderr);
    print_line(progress, step);
    fputs(best ? "  best" : "", stderr);
    fputs(progress->terminal ? "\033[K\n" : "\n", stderr);
}

void progress_end(Progress *progress) {
    if (progress->terminal)
        fputs("\r\033[K", stderr);
}
