#include "runtime/study/feature_rows.h"

#include <math.h>
#include <stdlib.h>

/* In two passes, as the mean may be large beside the deviation. */
static void measure(const FeatureTable *table, const DataImages *images, double *mean,
                    double *factor) {
    const int64_t width = table->width;
    for (int64_t i = 0; i < images->count; i++) {
        const float *values = table->values + images->images[i] * width;
        for (int64_t j = 0; j < width; j++)
            mean[j] += (double)values[j];
    }
    for (int64_t j = 0; j < width; j++)
        mean[j] /= (double)images->count;
    for (int64_t i = 0; i < images->count; i++) {
        const float *values = table->values + images->images[i] * width;
        for (int64_t j = 0; j < width; j++) {
            const double d = (double)values[j] - mean[j];
            factor[j] += d * d;
        }
    }
    for (int64_t j = 0; j < width; j++) {
        const double deviation = sqrt(factor[j] / (double)images->count);
        factor[j] = deviation > 0 ? 1 / deviation : 1;
    }
}

bool feature_rows_create(FeatureRows *rows, const FeatureTable *const *tables, uint32_t table_count,
                         const DataImages *images) {
    *rows = (FeatureRows){.tables = tables, .table_count = table_count};
    for (uint32_t i = 0; i < table_count; i++)
        rows->width += tables[i]->width;
    rows->mean = calloc((size_t)rows->width, sizeof *rows->mean);
    rows->factor = calloc((size_t)rows->width, sizeof *rows->factor);
    if (!rows->mean || !rows->factor) {
        feature_rows_free(rows);
        return false;
    }
    int64_t first = 0;
    for (uint32_t i = 0; i < table_count; i++) {
        measure(tables[i], images, rows->mean + first, rows->factor + first);
        first += tables[i]->width;
    }
    return true;
}

void feature_rows_free(FeatureRows *rows) {
    free(rows->mean);
    free(rows->factor);
    *rows = (FeatureRows){0};
}

void feature_rows_read(const FeatureRows *rows, const int32_t *images, int64_t count, double *to) {
    for (int64_t i = 0; i < count; i++) {
        const double *mean = rows->mean, *factor = rows->factor;
        for (uint32_t t = 0; t < rows->table_count; t++) {
            const int64_t width = rows->tables[t]->width;
            const float *values = rows->tables[t]->values + images[i] * width;
            for (int64_t j = 0; j < width; j++)
                to[j] = ((double)values[j] - mean[j]) * factor[j];
            to += width, mean += width, factor += width;
        }
        *to++ = 1;
    }
}
