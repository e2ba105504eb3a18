/* What people are told while a run is made: on standard error, and, with the time before each line,
 * in log.txt of the run's folder. All that is said goes through here. The file is no part of what a
 * run is judged by: that it can't be written ends nothing.
 *
 * A NULL Log is one that nobody listens to. */
#ifndef SCANLINE_RUNTIME_LOG_H
#define SCANLINE_RUNTIME_LOG_H

#include <stdbool.h>

typedef struct Log Log;

Log *log_create(void); /* NULL: no memory */
void log_free(Log *log);

/* From now on standard error is told nothing; or again. */
void log_hush(Log *log, bool hushed);

/* Begins to write to log.txt of a folder, behind what is there: first what was said since
 * log_create or the last log_close. */
void log_open(Log *log, const char *folder);
void log_close(Log *log);

/* A line, for people and for the file. */
void log_say(Log *log, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* A line for the file alone: what standard error has in another form, or not at all. */
void log_note(Log *log, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Text of one or more lines as it is for people (perhaps in colours), and for the file. */
void log_text(Log *log, const char *shown, const char *plain);

/* Whether standard error is a terminal; a line, or several with '\n' between them, that the next
 * ones take the place of are shown there alone, and never in the file. */
bool log_is_live(const Log *log);
void log_show(Log *log, const char *text);
void log_clear(Log *log);

#endif
