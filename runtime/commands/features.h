/* Writes the features of a trained model's layers as .npy files, for other programs. */
#ifndef SCANLINE_RUNTIME_COMMANDS_FEATURES_H
#define SCANLINE_RUNTIME_COMMANDS_FEATURES_H

#include "runtime/commands/command.h"

typedef struct FeaturesOptions {
    const char *folder; /* where they go; NULL: features/ of the run's folder */
    int split;          /* DataSplit; DATA_SPLIT_COUNT: all of them */
} FeaturesOptions;

/* The layers are those that the probe's settings choose. Writes
 *
 *     feature.3.npy  float32 [images, width], a file a layer (the series and the layer's number)
 *     labels.npy     int32 [images]; -1: none
 *     splits.npy     uint8 [images]: 0 training, 1 validation, 2 test
 *     indices.npy    int32 [images]: where the image is in the data set, ascending
 *     features.json  what these are, and what they are of
 *
 * as the images are computed: memory does not grow with the data set. Counts a read of the test
 * split where that is among them. Prints the files' paths, or features.json. */
bool commands_features(const Command *command, const FeaturesOptions *options, RunError *error);

#endif
