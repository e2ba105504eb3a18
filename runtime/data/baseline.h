/* What a loss is to be held against: models that know little. Nats a token, on images that they
 * were not fitted on. */
#ifndef SCANLINE_RUNTIME_BASELINE_H
#define SCANLINE_RUNTIME_BASELINE_H

#include "runtime/data/data.h"

#include <stdio.h>

typedef struct Baselines {
    double uniform;   /* every colour is as likely: ln(colours) */
    double histogram; /* how often a colour is anywhere */
    double positions; /* how often it is at this position */
} Baselines;

/* The two histograms are counted on the training images without augmentation, one added to each
 * count (so p = (count + 1) / (total + colours)), and evaluated on `split`. False: no memory, or no
 * image there. */
bool baseline_measure(const DataSet *data, int64_t colours, DataSplit split, Baselines *baselines);

/* A line each, in nats and bits a token. */
void baseline_print(FILE *out, const Baselines *baselines);

#endif
