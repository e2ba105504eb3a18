/* The features of images, layer by layer: what the taps of a series hold after one forward pass.
 * All layers come from that one pass. Random draws are those of evaluation; images are as they are
 * (not augmented). */
#ifndef SCANLINE_RUNTIME_FEATURE_READER_H
#define SCANLINE_RUNTIME_FEATURE_READER_H

#include "runtime/data/data.h"
#include "runtime/model/model.h"
#include "runtime/run/log.h"

typedef struct FeatureLayer {
    char *name;     /* "feature[3]" */
    int64_t number; /* which of the series */
    int64_t width;
} FeatureLayer;

typedef struct FeatureReader {
    struct Inference *inference;
    FeatureLayer *layers; /* [layer_count]: those that the probe's settings choose */
    int64_t *outputs;     /* [layer_count]: of the function */
    uint32_t layer_count;
} FeatureReader;

/* The program and the model must outlive it. False and `error`: there is no such series or layer,
 * or no memory. */
bool feature_reader_create(FeatureReader *reader, const Program *program, const Model *model,
                           int threads, RunError *error);
void feature_reader_free(FeatureReader *reader);

/* Takes values [count, width] of a layer for images first ... first + count - 1 of a run. Called
 * from several threads, for images that are not the same. */
typedef void FeatureTake(void *user, uint32_t layer, int64_t first, int64_t count,
                         const float *values);

/* Tells `log` how far it is; NULL: nobody listens. */
void feature_reader_run(const FeatureReader *reader, const DataSet *data, const DataImages *images,
                        Log *log, FeatureTake *take, void *user);

#endif
