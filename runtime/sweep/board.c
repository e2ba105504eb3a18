#include "runtime/sweep/board.h"

#include "runtime/clock.h"
#include "runtime/files/printable.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { MOST_ROWS = 16, WIDTH = 240, NAME_WIDTH = 44 };

static const double seconds_between_shows = 0.2, seconds_between_lines = 10;

void board_begin(Board *board, Log *log) {
    const double now = clock_seconds();
    *board = (Board){.log = log, .began = now, .shown = now};
}

bool board_is_due(const Board *board) {
    return clock_seconds() - board->shown >=
           (log_is_live(board->log) ? seconds_between_shows : seconds_between_lines);
}

static int columns(void) {
    struct winsize size;
    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col < 20)
        return 80;
    return size.ws_col < WIDTH ? size.ws_col : WIDTH - 1;
}

static int64_t trial_count(const SweepCounts *counts) {
    return counts->waiting + counts->running + counts->paused + counts->done + counts->dropped +
           counts->failed;
}

/* By the steps that this process has seen done since it began; -1: that can't be told yet. Steps of
 * trials that halving will drop count as if they were to come. */
static double seconds_left(const Board *board, const SweepCounts *counts, int64_t each) {
    const int64_t open = counts->waiting + counts->running + counts->paused;
    const double passed = clock_seconds() - board->began;
    const double done = (double)(counts->steps_done - board->steps_before);
    if (done < 1 || passed < 2 || !each)
        return -1;
    const double ended = (double)(trial_count(counts) - open) * (double)each;
    const double left =
        (double)trial_count(counts) * (double)each - fmax((double)counts->steps_done, ended);
    return fmax(left, 0) * passed / done;
}

static void print_time(char text[32], double seconds) {
    const long long whole = (long long)(seconds + 0.5);
    *text = 0;
    if (seconds >= 0 && whole >= 3600)
        snprintf(text, 32, ", %lld:%02lld:%02lld left", whole / 3600, whole / 60 % 60, whole % 60);
    else if (seconds >= 0)
        snprintf(text, 32, ", %lld:%02lld left", whole / 60, whole % 60);
}

static void print_summary(const Board *board, const SweepCounts *counts, const BoardRow *rows,
                          int count, char line[WIDTH]) {
    char left[32];
    int64_t each = 0;
    for (int i = 0; i < count; i++)
        each = rows[i].until > each ? rows[i].until : each;
    print_time(left, seconds_left(board, counts, each));
    int length = snprintf(line, WIDTH, "%lld of %lld trials done", (long long)counts->done,
                          (long long)trial_count(counts));
    const struct {
        int64_t count;
        const char *what;
    } others[] = {{counts->running, "running"},
                  {counts->paused, "paused"},
                  {counts->dropped, "dropped"},
                  {counts->failed, "failed"}};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (others[i].count && length < WIDTH)
            length += snprintf(line + length, (size_t)(WIDTH - length), ", %lld %s",
                               (long long)others[i].count, others[i].what);
    if (length < WIDTH)
        snprintf(line + length, (size_t)(WIDTH - length), "%s", left);
}

/* At the rate that it has had so far; -1: that can't be told yet. */
static double row_seconds_left(const BoardRow *row) {
    const SweepWorker *worker = row->worker;
    const double done = (double)(worker->step - worker->first_step);
    const double left = (double)(row->until - worker->step);
    return done < 1 ? -1 : fmax(left, 0) * (clock_seconds() - worker->began) / done;
}

static int name_width(const BoardRow *rows, int count) {
    size_t width = 0;
    for (int i = 0; i < count; i++)
        if (strlen(rows[i].trial->name) > width)
            width = strlen(rows[i].trial->name);
    return width < NAME_WIDTH ? (int)width : NAME_WIDTH;
}

static void print_row(const BoardRow *row, int name, char line[WIDTH]) {
    const SweepWorker *worker = row->worker;
    char loss[32] = "", validation[48] = "", left[32];
    if (!isnan(worker->loss))
        snprintf(loss, sizeof loss, "  loss %.4f", worker->loss);
    if (!isnan(worker->validation))
        snprintf(validation, sizeof validation, "  validation %.4f", worker->validation);
    print_time(left, row_seconds_left(row));
    snprintf(line, WIDTH, "%5lld  %-*.*s  step %lld/%lld%s%s%s", (long long)row->trial->id, name,
             name, row->trial->name, (long long)worker->step, (long long)row->until, loss,
             validation, left);
    printable_clean(line, "");
}

void board_show(Board *board, const SweepCounts *counts, const BoardRow *rows, int count) {
    char text[(MOST_ROWS + 1) * (WIDTH + 1)], line[WIDTH];
    const int width = columns(), name = name_width(rows, count);
    if (!board->counted)
        board->steps_before = counts->steps_done;
    board->counted = true;
    board->shown = clock_seconds();
    print_summary(board, counts, rows, count, line);
    if (!log_is_live(board->log)) {
        log_say(board->log, "%s", line);
        return;
    }
    size_t used = (size_t)snprintf(text, sizeof text, "%.*s", width, line);
    for (int i = 0; i < count && i < MOST_ROWS; i++) {
        print_row(&rows[i], name, line);
        used += (size_t)snprintf(text + used, sizeof text - used, "\n%.*s", width, line);
    }
    log_show(board->log, text);
}

void board_end(Board *board) { log_clear(board->log); }
