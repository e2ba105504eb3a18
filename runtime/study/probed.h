/* A model probed on a data set: its features, and what was found in them. */
#ifndef SCANLINE_RUNTIME_PROBED_H
#define SCANLINE_RUNTIME_PROBED_H

#include "runtime/study/features.h"
#include "runtime/study/probe.h"

/* The images of a set that have a label, and where in the three splits they are. */
typedef struct LabelledImages {
    DataImages images;                   /* of the set */
    int32_t *class_of;                   /* [images.count] */
    DataImages splits[DATA_SPLIT_COUNT]; /* of `images` */
} LabelledImages;

typedef struct Probed {
    const DataSet *data; /* the caller's, to outlive it */
    const Experiment *experiment;
    LabelledImages labelled;
    Features features;
    ProbeReport report; /* its results are parallel to features.layers */
} Probed;

/* By the probe's settings of the program's experiment, on all three splits of `data`, which may be
 * another set than the one that the model was trained on. */
bool probed_make(const Program *program, const Model *model, const DataSet *data,
                 const FeaturesUse *use, Probed *probed, RunError *error);
void probed_free(Probed *probed);

#endif
