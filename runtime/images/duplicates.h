/* Images of a data file that are the same in two splits: what a test split measures of these is
 * memory. Same means the same size and pixels; or, at a resolution, the same pixels after the
 * centre of both has been made so small (runtime/images/resample.h), which is all that a model sees
 * of them. */
#ifndef SCANLINE_RUNTIME_DUPLICATES_H
#define SCANLINE_RUNTIME_DUPLICATES_H

#include "runtime/images/image_file.h"

enum { DUPLICATES_FIRST = 8 };

typedef struct Duplicate {
    int32_t image, other; /* of a later split, of an earlier one; train is the first of them */
} Duplicate;

typedef struct Duplicates {
    int64_t validation_in_train, test_in_train, test_in_validation; /* images */
    int64_t within; /* images whose split has them already */
    int64_t labels; /* images with another label than theirs */
    Duplicate first[DUPLICATES_FIRST];
    int first_count;
} Duplicates;

/* Looks at every image, by `threads` threads; the result does not depend on them. resolution 0: as
 * they are. False: no memory. */
bool duplicates_find(const ImageFile *file, int64_t resolution, int threads, Duplicates *found);

/* Images that are in two splits: validation_in_train + test_in_train + test_in_validation. */
int64_t duplicates_across(const Duplicates *found);

/* Images of one file that are among another's training images. */
typedef struct DuplicatesBetween {
    int64_t validation, test; /* of the one, images */
    Duplicate first;          /* the one's, the other's */
} DuplicatesBetween;

/* Of the images for validation and testing of `judged`, those that `trained` has for training; else
 * as duplicates_find. */
bool duplicates_between(const ImageFile *trained, const ImageFile *judged, int64_t resolution,
                        int threads, DuplicatesBetween *found);

/* What is to be said when a training begins: as they are, and at the resolution of the model (0
 * where that is the images' own). Nothing (an empty text) where no image is in two splits. A set of
 * more than 512 MiB is not looked at, and the text says how to have it done. False: no memory. */
bool duplicates_warning(const ImageFile *file, const char *path, int64_t resolution, int threads,
                        char *text, size_t size);

/* A file, and what it is called. */
typedef struct DuplicatesFile {
    const ImageFile *file;
    const char *name;
} DuplicatesFile;

/* The same of a model that was trained on one set and is to be judged on another. */
bool duplicates_warning_between(const DuplicatesFile *trained, const DuplicatesFile *judged,
                                int64_t resolution, int threads, char *text, size_t size);

#endif
