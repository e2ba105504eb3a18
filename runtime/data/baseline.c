/* Counts are whole numbers and the sums run over counts too, so the order of images does not
 * matter. */
#include "runtime/data/baseline.h"

#include "runtime/execution/scalar_math.h"

#include <stdlib.h>

/* counts [positions, colours] */
static void count_split(const DataSet *data, const DataImages *list, int64_t colours,
                        int32_t *tokens, int64_t *counts) {
    for (int64_t i = 0; i < list->count; i++) {
        data_batch(data, NULL, 0, &list->images[i], 1, tokens, NULL);
        for (int64_t p = 0; p < data->positions; p++)
            counts[p * colours + tokens[p]]++;
    }
}

/* -sum of seen * ln((fitted + 1) / (total + colours)): nats of all tokens that were seen. */
static double nats(const int64_t *fitted, const int64_t *seen, int64_t colours) {
    int64_t total = 0;
    double sum = 0;
    for (int64_t c = 0; c < colours; c++)
        total += fitted[c];
    for (int64_t c = 0; c < colours; c++)
        if (seen[c])
            sum -=
                (double)seen[c] * scalar_log((double)(fitted[c] + 1) / (double)(total + colours));
    return sum;
}

static void add_rows(const int64_t *counts, int64_t positions, int64_t colours, int64_t *sum) {
    for (int64_t p = 0; p < positions; p++)
        for (int64_t c = 0; c < colours; c++)
            sum[c] += counts[p * colours + c];
}

bool baseline_measure(const DataSet *data, int64_t colours, DataSplit split, Baselines *baselines) {
    const int64_t n = data->positions;
    const DataImages *list = &data->splits[split];
    if (list->count == 0 || colours < data->colours)
        return false;
    int32_t *tokens = malloc((size_t)n * sizeof *tokens);
    /* counts of each position and their sum: what was fitted, and what was seen */
    int64_t *fitted = calloc((size_t)(n + 1), (size_t)colours * sizeof *fitted);
    int64_t *seen = calloc((size_t)(n + 1), (size_t)colours * sizeof *seen);
    const bool ok = tokens && fitted && seen;
    if (ok) {
        count_split(data, &data->splits[DATA_TRAIN], colours, tokens, fitted);
        count_split(data, list, colours, tokens, seen);
        add_rows(fitted, n, colours, fitted + n * colours);
        add_rows(seen, n, colours, seen + n * colours);
        const double total = (double)(list->count * n);
        double positions = 0;
        for (int64_t p = 0; p < n; p++)
            positions += nats(fitted + p * colours, seen + p * colours, colours);
        *baselines = (Baselines){
            .uniform = scalar_log((double)colours),
            .histogram = nats(fitted + n * colours, seen + n * colours, colours) / total,
            .positions = positions / total,
        };
    }
    free(tokens);
    free(fitted);
    free(seen);
    return ok;
}

void baseline_print(FILE *out, const Baselines *baselines) {
    const double bits = 1 / scalar_log(2);
    const struct {
        const char *name;
        double nats;
    } lines[] = {{"uniform", baselines->uniform},
                 {"colour histogram", baselines->histogram},
                 {"per position", baselines->positions}};
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        fprintf(out, "  baseline: %-16s  %.4f nats/token  %.4f bits/token\n", lines[i].name,
                lines[i].nats, lines[i].nats * bits);
}
