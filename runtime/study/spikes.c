#include "runtime/study/spikes.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The last values, in the order that they came in. */
typedef struct Window {
    double values[SPIKE_WINDOW];
    int count, next;
} Window;

static void window_add(Window *window, double value) {
    window->values[window->next] = value;
    window->next = (window->next + 1) % SPIKE_WINDOW;
    if (window->count < SPIKE_WINDOW)
        window->count++;
}

static int compare(const void *left, const void *right) {
    const double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

static double median(double *values, int count) {
    qsort(values, (size_t)count, sizeof *values, compare);
    return count % 2 ? values[count / 2] : (values[count / 2 - 1] + values[count / 2]) / 2;
}

/* How far a value is above the middle of the window; 0: not far enough for a spike. */
static double height_of(const Window *window, double value) {
    static const double deviation_of_normal = 1.4826;
    double sorted[SPIKE_WINDOW];
    if (window->count < SPIKE_LEAST)
        return 0;
    memcpy(sorted, window->values, sizeof sorted);
    const double middle = median(sorted, window->count);
    for (int i = 0; i < window->count; i++)
        sorted[i] = fabs(window->values[i] - middle);
    const double deviation = deviation_of_normal * median(sorted, window->count);
    const double height = value - middle;
    const bool high = height > SPIKE_DEVIATIONS * deviation && height > SPIKE_SHARE * fabs(middle);
    return high ? height : 0;
}

Spikes spikes_find(const MetricsSeries *series) {
    Window window = {0};
    Spikes spikes = {0};
    bool within = false;
    for (int64_t i = 0; i < series->count; i++) {
        const MetricsPoint *point = &series->points[i];
        if (!isfinite(point->value))
            continue;
        const double height = height_of(&window, point->value);
        spikes.count += height > 0 && !within;
        if (height > spikes.height) {
            spikes.step = point->step;
            spikes.value = point->value;
            spikes.height = height;
        }
        within = height > 0;
        window_add(&window, point->value);
    }
    return spikes;
}
