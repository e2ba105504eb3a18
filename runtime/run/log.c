#include "runtime/run/log.h"

#include "runtime/files/file.h"
#include "runtime/files/printable.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { LINE_LENGTH = 2048 };

struct Log {
    FILE *early; /* what was said while there is no file */
    char *early_text;
    size_t early_size;
    FILE *file;
    bool live;   /* standard error is a terminal */
    bool hushed; /* and is told nothing */
    int shown;   /* lines there that the next ones replace */
};

static const char line_start[] = "\r", line_rest[] = "\033[K", all_below[] = "\033[J";

static void remember(Log *log) { log->early = open_memstream(&log->early_text, &log->early_size); }

static void forget(Log *log) {
    if (log->early)
        fclose(log->early);
    free(log->early_text);
    log->early = NULL;
    log->early_text = NULL;
}

Log *log_create(void) {
    Log *log = calloc(1, sizeof *log);
    if (!log)
        return NULL;
    log->live = isatty(STDERR_FILENO);
    remember(log);
    return log;
}

void log_free(Log *log) {
    if (!log)
        return;
    log_close(log);
    forget(log);
    free(log);
}

void log_hush(Log *log, bool hushed) {
    if (log)
        log->hushed = hushed;
}

void log_open(Log *log, const char *folder) {
    char *path = log ? file_path(folder, "log.txt") : NULL;
    if (!path)
        return;
    FILE *file = fopen(path, "ae");
    free(path);
    if (!file)
        return;
    if (log->early && fflush(log->early) == 0)
        fwrite(log->early_text, 1, log->early_size, file);
    fflush(file);
    forget(log);
    log->file = file;
}

void log_close(Log *log) {
    if (!log || !log->file)
        return;
    fclose(log->file);
    log->file = NULL;
    remember(log);
}

/* --- the file --- */

/* The time stands before the first of several lines, the others are set in. */
static void record(Log *log, const char *text) {
    FILE *stream = log->file ? log->file : log->early;
    struct tm parts;
    char stamp[32];
    time_t now = time(NULL);
    if (!stream || !gmtime_r(&now, &parts) ||
        !strftime(stamp, sizeof stamp, "%Y-%m-%dT%H:%M:%SZ", &parts))
        return;
    int width = (int)strlen(stamp);
    for (const char *line = text; *line;) {
        size_t length = strcspn(line, "\n");
        fprintf(stream, "%*s %.*s\n", width, line == text ? stamp : "", (int)length, line);
        line += length + (line[length] == '\n');
    }
    fflush(stream);
}

/* --- standard error --- */

void log_text(Log *log, const char *shown, const char *plain) {
    if (!log)
        return;
    if (*shown && !log->hushed) {
        log_clear(log);
        fputs(shown, stderr);
    }
    record(log, plain);
}

void log_say(Log *log, const char *format, ...) {
    char line[LINE_LENGTH];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line, sizeof line - 1, format, arguments);
    va_end(arguments);
    printable_clean(line, "\n\t"); /* it may quote files */
    strcat(line, "\n");
    log_text(log, line, line);
}

void log_note(Log *log, const char *format, ...) {
    char line[LINE_LENGTH];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    printable_clean(line, "\n\t"); /* it may quote files */
    log_text(log, "", line);
}

bool log_is_live(const Log *log) { return log && log->live && !log->hushed; }

/* To the first of the lines that are shown. */
static void go_back(const Log *log) {
    fputs(line_start, stderr);
    if (log->shown > 1)
        fprintf(stderr, "\033[%dA", log->shown - 1);
}

void log_show(Log *log, const char *text) {
    if (!log_is_live(log))
        return;
    go_back(log);
    int lines = 0;
    for (const char *line = text;; line++) {
        const size_t length = strcspn(line, "\n");
        fprintf(stderr, "%s%.*s%s", lines ? "\n" : "", (int)length, line, line_rest);
        lines++;
        line += length;
        if (!*line)
            break;
    }
    if (lines < log->shown)
        fputs(all_below, stderr);
    log->shown = lines;
}

void log_clear(Log *log) {
    if (!log || !log->shown)
        return;
    go_back(log);
    fputs(log->shown > 1 ? all_below : line_rest, stderr);
    log->shown = 0;
}
