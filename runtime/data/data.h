/* A data set: images as lines of tokens, their labels, and the split of both into train, validation
 * and test.
 *
 * Three sources. "digits" is part of the program (models/digits/). A data file (NAME.images,
 * runtime/images/image_file.h) holds pixels, labels, names and splits; its images are brought to
 * data.resolution, of each the middle square (or left as they are), and its pixels become tokens of
 * a palette: data.palette, or else its own; grey images without one have their levels as tokens.
 * This happens whenever a batch is read. An IDX file has images that are tokens, [count, height,
 * width] (or [count, positions]), unsigned bytes or 16- or 32-bit integers. Labels are expected
 * beside it, in the file whose name has "labels" for "images" (and "idx1" for "idx3"); without such
 * a file the set has no labels. A file is mapped, not read, and checked entirely when it is opened
 * (of a data file all but the pixels). IDX files may be gzipped: then they are unpacked into
 * memory, and the set has the same hash as the unpacked files.
 *
 * Of a data file some images may have no label (-1), as those that STL-10 has for pretraining. They
 * are images of their split like others; whatever reads labels uses the others alone. For an
 * objective with `label` they are left out of all three splits (DataSettings.labelled), and
 * data.labels draws from those that have one.
 *
 * Classes have names where data.classes is a list of them, or where classes.txt or labels.txt
 * beside the images has as many lines as there are classes. They change no result and no hash.
 *
 * A data file's split is its own. Otherwise it is a function of the labels, the shares and
 * data.seed alone: within each class the images are put in a random order (Philox, keyed by the
 * seed, counted by the image); the first test * n of them, rounded, are for testing, the next
 * validation * n for validation, the rest for training. Of these
 * data.labels or data.share may take a part of each class (data_split.h), in the draw data.subset;
 * the part is what `splits` and split_hash are of. */
#ifndef SCANLINE_RUNTIME_DATA_H
#define SCANLINE_RUNTIME_DATA_H

#include "runtime/execution/experiment.h"
#include "runtime/images/class_names.h"
#include "runtime/images/palette.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum DataSplit { DATA_TRAIN, DATA_VALIDATION, DATA_TEST, DATA_SPLIT_COUNT } DataSplit;

enum { DATA_HASH_SIZE = HASH_SIZE };

#define DATA_DIGITS "digits" /* the source that is part of the program */

typedef struct DataError {
    char text[512];
} DataError;

typedef struct DataImages {
    int64_t count;
    int32_t *images; /* indices in the data set, ascending */
} DataImages;

typedef struct DataSet {
    char *source;
    int64_t count;
    int64_t height, width, positions;     /* positions = height * width */
    int64_t colours;                      /* tokens are in [0, colours) */
    int64_t classes;                      /* labels are in [0, classes); 0: there are none */
    int32_t *labels;                      /* [count], -1: none; or NULL: no image has one */
    ClassNames names;                     /* none, or of all classes at least */
    int64_t unlabelled[DATA_SPLIT_COUNT]; /* images without a label of a set that has labels: among
                                             `splits`, or left out of them (labelled) */
    Palette palette;                      /* of the tokens; without centres: they are of none */
    bool has_splits;                      /* they are the source's own */
    DataImages splits[DATA_SPLIT_COUNT];
    char hash[DATA_HASH_SIZE];        /* of the images and labels, the resolution and the palette:
                                         sets of which it is equal have the same tokens */
    char images_hash[DATA_HASH_SIZE]; /* of the images and labels as they are in the source: the
                                         same at another resolution or with another palette */
    char split_hash[DATA_HASH_SIZE];  /* of the three lists */
    char whole_split_hash[DATA_HASH_SIZE]; /* the same before a part of the training images was
                                              taken: sets of which it is equal hold out the same */
    const struct DataSource *kind;
    void *storage; /* the kind's own */
} DataSet;

/* Changes made to an image when it is trained on, as runtime/data/data_augment.h has them. They
 * depend on (seed, step, image) and nothing else. */
typedef struct DataAugmentation {
    int64_t shift; /* tokens: by at most so many each way; what comes in from the edge is 0 */
    int64_t pad;   /* pixels: the same, and what comes in is the image's reflection */
    bool crop;     /* pixels: a part of the image, of random size and place */
    bool flip;     /* left and right exchanged, half of the time */
    int64_t seed;
} DataAugmentation;

/* NULL and `error` where the source or the settings are at fault. */
DataSet *data_open(const DataSettings *settings, DataError *error);
void data_close(DataSet *data);

/* What people are to be told before they train on a set: that images are in two splits, as they are
 * or at the resolution. An empty text: nothing. False: no memory. */
bool data_warning(const DataSet *data, int threads, char *text, size_t size);

/* Another data set whose training images a model has seen. */
typedef struct DataSeen {
    const char *source;      /* as data.source named it */
    const char *images_hash; /* its images are still these, or nothing is said */
} DataSeen;

/* The same where images for validation and testing of a set are among those, as they are or at its
 * resolution. Of sets that are not both data files, or can't be opened, nothing is said. */
bool data_seen_warning(const DataSet *data, const DataSeen *seen, int threads, char *text,
                       size_t size);

/* The number of images without a label in each split, as a line on their being left out by what
 * needs labels. An empty text: all have one, or none has. */
void data_unlabelled_text(const DataSet *data, char *text, size_t size);

/* "train", "validation", "test" */
const char *data_split_name(DataSplit split);

typedef struct DataClassNumber {
    char text[24];
} DataClassNumber;

/* Its name, or its number, written to `number`. */
const char *data_class_name(const DataSet *data, int64_t class, DataClassNumber *number);

/* Whether the inputs of an experiment (`tokens`, `label`) can be read from this set: extents and
 * limits. */
bool data_fits(const DataSet *data, const DataInput *inputs, uint32_t input_count,
               DataError *error);

/* What the settings ask for; `seed` is the training's. For evaluation use NULL in data_batch
 * instead. */
DataAugmentation data_augmentation(const DataSettings *settings, int64_t seed);

/* Fills tokens [count, positions] and labels [count] (either may be NULL) for images of the set.
 * Where there is no label it is 0. `augmentation` may be NULL; `step` matters to it alone. */
void data_batch(const DataSet *data, const DataAugmentation *augmentation, int64_t step,
                const int32_t *images, int64_t count, int32_t *tokens, int32_t *labels);

#endif
