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

/* What the raw pixels gave: the same for every checkpoint that is probed by the same settings. */
typedef struct ProbedPixels {
    bool known;
    ProbeResult result;
} ProbedPixels;

/* Keeps those of a probe, if they are not known. False: no memory. */
bool probed_keep_pixels(const Probed *probed, ProbedPixels *pixels);

/* By the probe's settings of the program's experiment, on all three splits of `data`, which may be
 * another set than the one that the model was trained on. `pixels`, unless they are not known or
 * NULL, are not fitted again. */
bool probed_make(const Program *program, const Model *model, const DataSet *data,
                 const FeaturesUse *use, const ProbedPixels *pixels, Probed *probed,
                 RunError *error);
void probed_free(Probed *probed);

#endif
