/* Lines are those that metrics_write makes, which is not quite JSON: a loss may be `nan`. */
#include "runtime/run/metrics_series.h"

#include "runtime/run/run_folder.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static bool series_add(MetricsSeries *series, MetricsPoint point) {
    const int64_t count = series->count;
    if ((count & (count - 1)) == 0) { /* full: grown by doubling */
        const size_t room = count ? 2 * (size_t)count : 1;
        MetricsPoint *larger = realloc(series->points, room * sizeof *larger);
        if (!larger)
            return false;
        series->points = larger;
    }
    series->points[series->count++] = point;
    return true;
}

/* Whether a whole line is of this split and has this figure. */
static bool line_read(const char *line, const char *split, const char *figure,
                      MetricsPoint *point) {
    long long step;
    int length = 0;
    char key[256], *end;
    if (sscanf(line, "{\"step\": %lld, \"split\": \"%n", &step, &length) != 1 || !length)
        return false;
    const char *rest = line + length;
    const size_t split_length = strlen(split);
    if (strncmp(rest, split, split_length) != 0 || rest[split_length] != '"')
        return false;
    snprintf(key, sizeof key, "\"%s\": ", figure);
    const char *found = strstr(rest + split_length, key);
    if (!found)
        return false;
    const char *number = found + strlen(key);
    *point = (MetricsPoint){step, strtod(number, &end)};
    return end != number;
}

static bool read_lines(FILE *stream, const char *split, const char *figure, MetricsSeries *series) {
    char *line = NULL;
    size_t capacity = 0;
    MetricsPoint point;
    bool kept = true;
    errno = 0;
    for (ssize_t length; kept && (length = getline(&line, &capacity, stream)) > 0;)
        if (line[length - 1] == '\n' && line_read(line, split, figure, &point))
            kept = series_add(series, point);
    free(line);
    return kept && !ferror(stream);
}

bool metrics_series_read(const char *folder, const char *split, const char *figure,
                         MetricsSeries *series, FileError *error) {
    *series = (MetricsSeries){0};
    char *path = run_file(folder, "metrics.jsonl");
    errno = ENOMEM;
    FILE *stream = path ? fopen(path, "re") : NULL;
    const bool absent = !stream && errno == ENOENT;
    const bool read = absent || (stream && read_lines(stream, split, figure, series));
    if (!read)
        file_fail(error, "cannot read", path ? path : "metrics.jsonl");
    if (!read)
        metrics_series_free(series);
    if (stream)
        fclose(stream);
    free(path);
    return read;
}

void metrics_series_free(MetricsSeries *series) {
    free(series->points);
    *series = (MetricsSeries){0};
}

double metrics_series_at(const MetricsSeries *series, int64_t step) {
    for (int64_t i = 0; i < series->count; i++)
        if (series->points[i].step == step)
            return series->points[i].value;
    return NAN;
}
