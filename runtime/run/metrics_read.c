#include "runtime/run/metrics_read.h"

#include "runtime/run/run_folder.h"

#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_LINE = 1 << 16, MOST_FIGURES = 64 };

typedef struct Reading {
    MetricsVisit *visit;
    void *user;
    int64_t step; /* of the last line */
} Reading;

static bool is_figure(const char *name, const json_t *value) {
    return strcmp(name, "step") != 0 && strcmp(name, "split") != 0 && json_is_number(value) &&
           isfinite(json_number_value(value));
}

/* False: the object is no line of metrics. */
static bool visit_object(Reading *reading, json_t *line) {
    MetricsFigure figures[MOST_FIGURES];
    uint32_t count = 0;
    const json_t *step = json_object_get(line, "step");
    const char *split = json_string_value(json_object_get(line, "split"));
    const char *name;
    json_t *value;
    json_object_foreach(line, name, value) {
        if (is_figure(name, value) && count < MOST_FIGURES)
            figures[count++] = (MetricsFigure){name, json_number_value(value)};
    }
    if (!json_is_integer(step) || json_integer_value(step) < reading->step || !split || !count)
        return false;
    reading->step = json_integer_value(step);
    reading->visit(reading->user, reading->step, split, figures, count);
    return true;
}

static bool visit_line(Reading *reading, const char *text, size_t length) {
    json_t *line = json_loadb(text, length, JSON_REJECT_DUPLICATES, NULL);
    const bool sound = json_is_object(line) && visit_object(reading, line);
    json_decref(line);
    return sound;
}

/* Into `line`, without its end: its length, or as much as there is room for of what is therefore no
 * line. -1: there is no other whole one. */
static ssize_t next_line(FILE *stream, char line[MOST_LINE]) {
    ssize_t length = 0;
    int byte;
    while ((byte = getc_unlocked(stream)) != EOF && byte != '\n')
        if (length < MOST_LINE)
            line[length++] = (char)byte;
    return byte == EOF ? -1 : length;
}

bool metrics_read(const char *folder, MetricsVisit *visit, void *user, uint64_t *strange,
                  FileError *error) {
    Reading reading = {visit, user, 0};
    *strange = 0;
    char *path = run_file(folder, "metrics.jsonl"), *line = malloc(MOST_LINE);
    FILE *stream = path && line ? fopen(path, "re") : NULL;
    const bool absent = path && line && !stream && errno == ENOENT;
    for (ssize_t length; stream && (length = next_line(stream, line)) >= 0;)
        *strange += !visit_line(&reading, line, (size_t)length);
    const bool read = absent || (stream && !ferror(stream));
    if (!read)
        file_fail(error, "cannot read", path ? path : folder);
    if (stream)
        fclose(stream);
    free(line);
    free(path);
    return read;
}
