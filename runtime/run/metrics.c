#include "runtime/run/metrics.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The bytes of the lines that belong to steps up to `step`. A line that was being written when the
 * process died is no line. */
static long length_to_keep(FILE *stream, int64_t step) {
    char *line = NULL;
    size_t capacity = 0;
    long kept = 0;
    for (ssize_t length; (length = getline(&line, &capacity, stream)) > 0;) {
        long long number;
        if (line[length - 1] != '\n' || sscanf(line, "{\"step\": %lld,", &number) != 1 ||
            number > step)
            break;
        kept += (long)length;
    }
    free(line);
    return kept;
}

static bool cut_back(const char *path, int64_t step, FileError *error) {
    FILE *stream = fopen(path, "r+e");
    if (!stream && errno == ENOENT)
        return true;
    bool cut = stream && ftruncate(fileno(stream), length_to_keep(stream, step)) == 0 &&
               fsync(fileno(stream)) == 0;
    if (!cut)
        snprintf(error->text, sizeof error->text, "cannot cut %s back: %s", path, strerror(errno));
    if (stream)
        fclose(stream);
    return cut;
}

bool metrics_open(Metrics *metrics, const char *folder, int64_t step, FileError *error) {
    char *timing = file_path(folder, "timing.jsonl");
    *metrics = (Metrics){.metrics_path = file_path(folder, "metrics.jsonl")};
    bool opened = timing && metrics->metrics_path && cut_back(metrics->metrics_path, step, error);
    if (opened) {
        metrics->metrics = fopen(metrics->metrics_path, "ae");
        metrics->timing = fopen(timing, "ae");
        opened = metrics->metrics && metrics->timing;
        if (!opened)
            snprintf(error->text, sizeof error->text, "cannot write the metrics in %s: %s", folder,
                     strerror(errno));
    }
    free(timing);
    if (!opened)
        metrics_close(metrics);
    return opened;
}

void metrics_close(Metrics *metrics) {
    if (metrics->metrics)
        fclose(metrics->metrics);
    if (metrics->timing)
        fclose(metrics->timing);
    free(metrics->metrics_path);
    *metrics = (Metrics){0};
}

/* The shortest of the usual precisions that reads back to the same double. */
static void write_number(FILE *stream, double value) {
    char text[40];
    for (int precision = 6; precision <= 17; precision++) {
        snprintf(text, sizeof text, "%.*g", precision, value);
        if (strtod(text, NULL) == value)
            break;
    }
    fputs(text, stream);
}

void metrics_write(Metrics *metrics, int64_t step, const char *split, const MetricsFigure *figures,
                   uint32_t count) {
    if (!metrics->metrics)
        return;
    fprintf(metrics->metrics, "{\"step\": %lld, \"split\": \"%s\"", (long long)step, split);
    for (uint32_t i = 0; i < count; i++) {
        fprintf(metrics->metrics, ", \"%s\": ", figures[i].name);
        write_number(metrics->metrics, figures[i].value);
    }
    fputs("}\n", metrics->metrics);
    if (ferror(metrics->metrics) && !metrics->reason)
        metrics->reason = errno;
    if (metrics->watch)
        metrics->watch(metrics->user, step, split, figures, count);
}

void metrics_write_timing(Metrics *metrics, int64_t step, double seconds, double images_a_second,
                          int64_t peak_bytes, int threads) {
    if (!metrics->timing)
        return;
    fprintf(
        metrics->timing,
        "{\"step\": %lld, \"seconds\": %.3f, \"images_per_second\": %.1f, \"peak_bytes\": %lld, "
        "\"threads\": %d}\n",
        (long long)step, seconds, images_a_second, (long long)peak_bytes, threads);
    fflush(metrics->timing);
}

bool metrics_sync(Metrics *metrics, FileError *error) {
    if (metrics->metrics && !metrics->reason &&
        (fflush(metrics->metrics) != 0 || fsync(fileno(metrics->metrics)) != 0))
        metrics->reason = errno;
    if (!metrics->reason)
        return true;
    snprintf(error->text, sizeof error->text, "cannot write %s: %s", metrics->metrics_path,
             strerror(metrics->reason));
    return false;
}
