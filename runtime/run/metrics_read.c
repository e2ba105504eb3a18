/* Lines are JSON but for what is not finite, which metrics_write prints as nan, -nan, inf, -inf:
 * these words are put in quotes, and then read from the text. */
#include "runtime/run/metrics_read.h"

#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_LINE = 1 << 16, MOST_FIGURES = 64 };

static const char *const words[] = {"nan", "-nan", "inf", "-inf"};

typedef struct Reading {
    MetricsVisit *visit;
    void *user;
    int64_t step; /* of the last line */
} Reading;

/* --- a line --- */

/* The word that a text begins with; NULL: none of them. */
static const char *word_at(const char *text, size_t length) {
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        const size_t size = strlen(words[i]);
        if (size <= length && memcmp(text, words[i], size) == 0)
            return words[i];
    }
    return NULL;
}

/* To `quoted`, which has room for twice the text: its length there. */
static size_t quote_words(const char *text, size_t length, char *quoted) {
    char *to = quoted;
    bool within = false; /* a string */
    for (size_t i = 0; i < length;) {
        const char *word = within ? NULL : word_at(text + i, length - i);
        if (word) {
            to += sprintf(to, "\"%s\"", word);
            i += strlen(word);
            continue;
        }
        within ^= text[i] == '"';
        if (within && text[i] == '\\' && i + 1 < length)
            *to++ = text[i++];
        *to++ = text[i++];
    }
    return (size_t)(to - quoted);
}

static bool value_of(const json_t *json, double *value) {
    const char *text = json_string_value(json);
    const char *word = text ? word_at(text, strlen(text)) : NULL;
    const bool spelled = word && strcmp(word, text) == 0;
    *value = spelled ? strtod(text, NULL) : json_number_value(json);
    return spelled || json_is_number(json);
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
        const bool other = strcmp(name, "step") == 0 || strcmp(name, "split") == 0;
        double number;
        if (!other && count < MOST_FIGURES && value_of(value, &number))
            figures[count++] = (MetricsFigure){name, number};
    }
    if (!json_is_integer(step) || json_integer_value(step) < reading->step || !split || !count)
        return false;
    reading->step = json_integer_value(step);
    reading->visit(reading->user, reading->step, split, figures, count);
    return true;
}

static bool visit_line(Reading *reading, const char *text, size_t length, char *quoted) {
    json_t *line =
        json_loadb(quoted, quote_words(text, length, quoted), JSON_REJECT_DUPLICATES, NULL);
    const bool sound = json_is_object(line) && visit_object(reading, line);
    json_decref(line);
    return sound;
}

/* --- all lines --- */

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
    char *path = file_path(folder, "metrics.jsonl");
    char *line = malloc(MOST_LINE + 2 * MOST_LINE), *quoted = line ? line + MOST_LINE : NULL;
    FILE *stream = path && line ? fopen(path, "re") : NULL;
    const bool absent = path && line && !stream && errno == ENOENT;
    for (ssize_t length; stream && (length = next_line(stream, line)) >= 0;)
        *strange += !visit_line(&reading, line, (size_t)length, quoted);
    const bool read = absent || (stream && !ferror(stream));
    if (!read)
        file_fail(error, "cannot read", path ? path : folder);
    if (stream)
        fclose(stream);
    free(line);
    free(path);
    return read;
}
