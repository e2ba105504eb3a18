/* The features of every image of a data set: what the taps of a series hold after one forward pass.
 */
#ifndef SCANLINE_RUNTIME_FEATURES_H
#define SCANLINE_RUNTIME_FEATURES_H

#include "runtime/data/data.h"
#include "runtime/model/model.h"
#include "runtime/study/probe.h"

typedef struct Features {
    ProbeFeatures *layers; /* [layer_count], then the raw pixels */
    int64_t *numbers;      /* [layer_count]: which tap of the series each is */
    uint32_t layer_count;
} Features;

/* Runs `features` for all images of `data`; the layers are those that the probe's settings choose.
 * The raw pixels, for comparison, come after them. Random draws are those of evaluation. */
bool features_read(const Program *program, const Model *model, const DataSet *data, int threads,
                   Features *features, RunError *error);
void features_free(Features *features);

#endif
