/* For formats that have images in one file and their labels in another, a pair for each split. The
 * files may come in any order. As labels belong to images by their number, no image can be left
 * out: what is wrong with such a file is fatal. */
#ifndef SCANLINE_RUNTIME_IMPORT_PARTS_H
#define SCANLINE_RUNTIME_IMPORT_PARTS_H

#include "runtime/import/importing.h"

enum { PART_TRAIN, PART_VALIDATION, PART_TEST, PART_UNLABELLED, PART_COUNT };

typedef struct Part {
    char *images_name;    /* NULL: none have come */
    int64_t first, count; /* entries */
    int32_t *labels;      /* NULL: none have come */
    int64_t label_count;
} Part;

typedef struct Parts {
    Part at[PART_COUNT];
} Parts;

/* Which part a file is of, by a word in what it is called: train, val, test, t10k, unlabel; without
 * one, train. */
int part_of_name(const char *name);

/* `count` images, of which record_bytes are read each into `record`; `make` makes pixels of them,
 * in `image`, or is NULL where they are the pixels. */
typedef struct PartImages {
    int part;
    int64_t count, record_bytes;
    ImageView image;
    void (*make)(const uint8_t *record, ImageView image, uint8_t *pixels);
} PartImages;

bool parts_images(Importing *importing, Parts *parts, const SourceMember *member,
                  const PartImages *images);

/* Takes the labels, malloc'ed, over. NULL: there was no memory for them. */
bool parts_labels(Importing *importing, Parts *parts, const SourceMember *member, int part,
                  int32_t *labels, int64_t count);

/* Gives images their labels, when all files have come, and finds the number of classes where
 * importing->classes is 0. */
bool parts_finish(Importing *importing, Parts *parts);

void parts_free(Parts *parts);

#endif
