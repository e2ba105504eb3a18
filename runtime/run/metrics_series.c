#include "runtime/run/metrics_series.h"

#include "runtime/run/metrics_read.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct Choice {
    const char *split, *figure;
    MetricsSeries *series;
    bool failed; /* no memory */
} Choice;

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

static void choose(void *user, int64_t step, const char *split, const MetricsFigure *figures,
                   uint32_t count) {
    Choice *choice = user;
    if (strcmp(split, choice->split) != 0)
        return;
    for (uint32_t i = 0; i < count && !choice->failed; i++)
        if (strcmp(figures[i].name, choice->figure) == 0)
            choice->failed = !series_add(choice->series, (MetricsPoint){step, figures[i].value});
}

bool metrics_series_read(const char *folder, const char *split, const char *figure,
                         MetricsSeries *series, FileError *error) {
    Choice choice = {split, figure, series, false};
    uint64_t strange;
    *series = (MetricsSeries){0};
    bool read = metrics_read(folder, choose, &choice, &strange, error);
    if (read && choice.failed) {
        errno = ENOMEM;
        read = file_fail(error, "cannot read the metrics of", folder);
    }
    if (!read)
        metrics_series_free(series);
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
