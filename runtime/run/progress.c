#include "runtime/run/progress.h"

#include "runtime/clock.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const double seconds_between = 0.1, bits_a_nat = 1.4426950408889634;

void progress_begin(Progress *progress, Log *log, int64_t first_step, int64_t steps,
                    int64_t batch) {
    *progress = (Progress){
        .log = log,
        .steps = steps,
        .batch = batch,
        .first_step = first_step,
        .start = clock_seconds(),
        .train_loss = NAN,
        .validation_loss = NAN,
        .accuracy = -1,
    };
}

double progress_seconds(const Progress *progress) { return clock_seconds() - progress->start; }

double progress_rate(const Progress *progress, int64_t step) {
    return (double)((step - progress->first_step) * progress->batch) /
           fmax(progress_seconds(progress), 1e-9);
}

enum { LINE_LENGTH = 256 };

/* Adds to a line, which is as long as it is. */
__attribute__((format(printf, 2, 3))) static void append(char line[LINE_LENGTH], const char *format,
                                                         ...) {
    size_t length = strlen(line);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line + length, LINE_LENGTH - length, format, arguments);
    va_end(arguments);
}

static void make_line(const Progress *progress, int64_t step, char line[LINE_LENGTH]) {
    double rate = progress_rate(progress, step);
    double left = rate > 0 ? (double)((progress->steps - step) * progress->batch) / rate : 0;
    *line = 0;
    append(line, "step %*lld/%lld", progress->steps > 99999 ? 9 : 5, (long long)step,
           (long long)progress->steps);
    if (!isnan(progress->train_loss))
        append(line, "  train %.4f nats (%.4f bits)", progress->train_loss,
               progress->train_loss * bits_a_nat);
    if (!isnan(progress->validation_loss))
        append(line, "  validation %.4f nats (%.4f bits)", progress->validation_loss,
               progress->validation_loss * bits_a_nat);
    if (progress->accuracy >= 0)
        append(line, "  accuracy %.4f", progress->accuracy);
    if (step > progress->first_step)
        append(line, "  %.0f images/s  %lld:%02lld left", rate, (long long)left / 60,
               (long long)left % 60);
}

void progress_step(Progress *progress, int64_t step, double loss) {
    char line[LINE_LENGTH];
    progress->train_loss =
        isnan(progress->train_loss) ? loss : 0.95 * progress->train_loss + 0.05 * loss;
    if (!log_is_live(progress->log) || clock_seconds() - progress->shown < seconds_between)
        return;
    progress->shown = clock_seconds();
    make_line(progress, step, line);
    log_show(progress->log, line);
}

void progress_evaluation(Progress *progress, int64_t step, double loss, double accuracy,
                         bool best) {
    char line[LINE_LENGTH];
    progress->validation_loss = loss;
    progress->accuracy = accuracy;
    make_line(progress, step, line);
    log_say(progress->log, "%s%s", line, best ? "  best" : "");
}

void progress_end(Progress *progress) { log_clear(progress->log); }
