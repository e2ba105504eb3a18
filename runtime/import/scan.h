/* The first look at a source: names, sizes, classes; no image is read. */
#ifndef SCANLINE_RUNTIME_SCAN_H
#define SCANLINE_RUNTIME_SCAN_H

#include "runtime/images/image_file.h"
#include "runtime/import/format.h"
#include "runtime/import/import.h"
#include "runtime/import/source.h"
#include "runtime/run_error.h"

#include <xxhash.h>

/* Of all members: their names, sizes and times. */
typedef struct Fingerprint {
    XXH3_state_t *state;
} Fingerprint;

bool fingerprint_begin(Fingerprint *fingerprint);
void fingerprint_add(Fingerprint *fingerprint, const SourceMember *member);
void fingerprint_end(Fingerprint *fingerprint, char hash[HASH_SIZE]); /* and frees it */

/* Where an image of a folder of class folders belongs. */
typedef struct Place {
    ImageSplit split;
    int32_t label; /* -1: in no class's folder */
} Place;

typedef struct Scan {
    const ImportFormat *format;
    int64_t bytes; /* of all members, as far as known */
    char fingerprint[HASH_SIZE];
    /* of a folder of class folders */
    char **folders; /* of images, sorted, each once */
    int64_t folder_count, folder_capacity;
    size_t prefix;   /* of all paths, which says nothing */
    bool has_splits; /* the next part is train, val, test */
    bool has_test;
    char **classes; /* sorted by their bytes */
    int64_t class_count;
} Scan;

/* format: as the user said, or NULL. */
bool scan_source(Source *source, const char *format, const ImportListener *listener, Scan *scan,
                 RunError *error);
void scan_free(Scan *scan);

Place scan_place(const Scan *scan, const char *name);

/* Whether a member is an image, or should be one: by what it is called, or what it begins with. */
bool scan_is_image(Source *source, const SourceMember *member);

#endif
