/* Writes the sections of a data file one behind the other, with their sums: for image_writer.c. */
#ifndef SCANLINE_RUNTIME_IMAGE_SECTIONS_H
#define SCANLINE_RUNTIME_IMAGE_SECTIONS_H

#include "runtime/images/image_file_layout.h"

enum { SECTIONS_BUFFER = 1 << 16 };

typedef struct SectionStream {
    int file;
    uint64_t end; /* of what has been written */
    bool failed;  /* errno says why */
    XXH3_state_t *sum;
    LayoutRange *range; /* the section that is being written */
    size_t buffered;
    unsigned char buffer[SECTIONS_BUFFER];
} SectionStream;

/* NULL: no memory. */
SectionStream *sections_open(int file, uint64_t end);
void sections_close(SectionStream *stream);

/* A failure is kept in the stream. */
void section_begin(SectionStream *stream, LayoutRange *range);
void section_put(SectionStream *stream, const void *bytes, size_t size);
void section_end(SectionStream *stream);

/* All of one. */
void section_write(SectionStream *stream, LayoutRange *range, const void *bytes, size_t size);

#endif
