/* The run that another starts from. The child keeps the checkpoint under a name of its own
 * (checkpoints/parent.safetensors), so that it can be resumed and reproduced when the parent is
 * gone. run.json says which it was:
 *
 *     "parent": {"id": "0003-digits-ar-s1", "checkpoint": "best.safetensors", "step": 750,
 *                "hash": ..., "source": "cifar10.images", "images": ..., "data": ..., "split": ...,
 *                "whole_split": ...,
 *                "parent": the parent's own, or null} */
#ifndef SCANLINE_RUNTIME_RUN_PARENT_H
#define SCANLINE_RUNTIME_RUN_PARENT_H

#include "runtime/data/data.h"
#include "runtime/run/log.h"
#include "runtime/run_error.h"

#include <jansson.h>

typedef struct RunParent {
    char *checkpoint; /* the file; NULL: there is no parent */
    json_t *record;   /* what run.json says of it */
} RunParent;

/* A run, and a checkpoint of it (NULL: its best, or else its last). Refused where the run, or one
 * that it came from, was trained on other splits of the same images: some of those that the child
 * is to be judged by would have been seen. A part of the images to train on, where the others are
 * held out alike, is no other split; and another data set is a transfer. */
bool run_parent_choose(RunParent *parent, const char *folder, const char *checkpoint,
                       const DataSet *data, RunError *error);

/* Whether a run, by what is recorded of it as a parent, and those that it came from hold out the
 * images that the set does, where they were trained on these images, at whatever resolution and
 * with whatever palette. False and `error`. */
bool run_parents_agree(const json_t *parent, const DataSet *data, RunError *error);

/* Warns where images that the set holds out are among those that a run, by its record (as a parent,
 * or run.json), or one that it came from, was trained on in another set. Looks where both are data
 * files that can be opened. */
void run_parents_warn(const json_t *record, const DataSet *data, int threads, Log *log);

/* Gives a child that is being made its copy. */
bool run_parent_keep(const RunParent *parent, const char *folder, RunError *error);

/* From now on the checkpoint is the child's copy: that of the parent may be replaced. */
bool run_parent_settle(RunParent *parent, const char *folder, RunError *error);

/* What a run has kept, which must be what its record says; without a parent all is NULL. */
bool run_parent_kept(RunParent *parent, const char *folder, const json_t *record, RunError *error);

/* A line on whose child a run is; and one where it is trained on other images, `data`, or on the
 * same as other tokens. */
void run_parent_say(const RunParent *parent, const DataSet *data, Log *log);

void run_parent_free(RunParent *parent);

#endif
