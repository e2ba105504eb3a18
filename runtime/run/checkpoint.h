/* Checkpoints: all that a training needs to go on to the same bits, as one safetensors file.
 *
 * Tensors are the parameters by path, then the states of the update rule as PATH:STATE, f32, in the
 * order of the Experiment. Metadata are strings: the loop's state, the flattened spec, the hashes
 * that tell what it belongs to, and the palette of the tokens: `palette`, its hash, and
 * `palette_centres`, JSON, [[c, ...], ...] in [-1, 1] as in OpenAI's kmeans_centers.npy. */
#ifndef SCANLINE_RUNTIME_CHECKPOINT_H
#define SCANLINE_RUNTIME_CHECKPOINT_H

#include "runtime/execution/experiment.h"
#include "runtime/files/file.h"
#include "runtime/images/palette.h"

enum { CHECKPOINT_TEXT = 160 };

/* Where the training loop stands after `step` steps. */
typedef struct CheckpointState {
    int64_t step;
    double best_loss; /* of the best evaluation on validation (train.best); infinity: none yet */
    double best_accuracy; /* of the same; -1: none yet, or it had none */
    int64_t best_step;
    int64_t waited;                  /* evaluations since the best */
    bool evaluation_due;             /* the step is done, the evaluation after it is not */
    char target[CHECKPOINT_TEXT];    /* what the kernels were compiled for */
    char table[CHECKPOINT_TEXT];     /* hash of the choices; "": of an older version */
    char data_hash[CHECKPOINT_TEXT]; /* of the images and labels, and of the split; "": imported */
    char split_hash[CHECKPOINT_TEXT];
    char palette_hash[CHECKPOINT_TEXT];     /* of the tokens; "": they are of no known palette */
    const Palette *palette;                 /* the same, for writing; after reading NULL */
    char whole_split_hash[CHECKPOINT_TEXT]; /* as in DataSet */
    char images_hash[CHECKPOINT_TEXT];      /* the same; "": of an older version, or imported */
} CheckpointState;

/* parameters[i], states[i]: experiment->parameters[i], experiment->states[i]. `states` may be NULL:
 * then they are left out, and training can't go on from the file. */
bool checkpoint_write(const char *path, const Experiment *experiment, float *const *parameters,
                      float *const *states, const CheckpointState *state, FileError *error);

/* Fills parameters, and states unless NULL. The file must hold exactly tensors of these names and
 * shapes (states may be there unasked). On failure the memory may have been written in part. */
bool checkpoint_read(const char *path, const Experiment *experiment, float *const *parameters,
                     float *const *states, CheckpointState *state, FileError *error);

/* Where the training stood, without the tensors. */
bool checkpoint_state(const char *path, CheckpointState *state, FileError *error);

/* The palette of its tokens, which is the caller's to free; without centres: there is none. */
bool checkpoint_palette(const char *path, Palette *palette, FileError *error);

/* The flattened spec that a checkpoint belongs to; malloc'ed. NULL and `error`. */
char *checkpoint_spec(const char *path, FileError *error);

#endif
