/* Features of images as rows of numbers with mean 0 and deviation 1: of one layer, or of several
 * side by side. They are kept as f32, as the model gave them, and standardised where they are read.
 */
#ifndef SCANLINE_RUNTIME_FEATURE_ROWS_H
#define SCANLINE_RUNTIME_FEATURE_ROWS_H

#include "runtime/data/data.h"

#include <stdbool.h>
#include <stdint.h>

/* One layer of all images that take part. */
typedef struct FeatureTable {
    const char *name;    /* "feature[3]", "pixels" */
    const float *values; /* [images, width] */
    int64_t width;
} FeatureTable;

typedef struct FeatureRows {
    const FeatureTable *const *tables; /* the caller's, [table_count] */
    uint32_t table_count;
    int64_t width;         /* of all tables */
    double *mean, *factor; /* [width] */
} FeatureRows;

/* Mean and 1 / deviation are measured over `images`; a feature that is constant there is only
 * centred. False: no memory. */
bool feature_rows_create(FeatureRows *rows, const FeatureTable *const *tables, uint32_t table_count,
                         const DataImages *images);
void feature_rows_free(FeatureRows *rows);

/* Fills to [count, width + 1]: the features of images[0 ... count - 1], and a 1. */
void feature_rows_read(const FeatureRows *rows, const int32_t *images, int64_t count, double *to);

#endif
