/* The features of images, kept for a probe. */
#ifndef SCANLINE_RUNTIME_FEATURES_H
#define SCANLINE_RUNTIME_FEATURES_H

#include "runtime/study/feature_reader.h"
#include "runtime/study/feature_rows.h"
#include "runtime/study/feature_store.h"

typedef struct Features {
    FeatureTable *layers; /* [layer_count], then the raw pixels */
    int64_t *numbers;     /* [layer_count]: which tap of the series each is */
    uint32_t layer_count;
    FeatureStore *stores; /* [layer_count + 1] */
} Features;

typedef struct FeaturesUse {
    int threads;
    const char *folder; /* where features go that take more than probe.memory */
    Log *log;           /* NULL: nobody listens */
} FeaturesUse;

/* Runs `features` for those images of `data`, which are the rows of the tables; the layers are
 * those that the probe's settings choose. The raw pixels, for comparison, come after them: the
 * channels of their colours (or tokens, where there is no palette). */
bool features_read(const Program *program, const Model *model, const DataSet *data,
                   const DataImages *images, const FeaturesUse *use, Features *features,
                   RunError *error);
void features_free(Features *features);

#endif
