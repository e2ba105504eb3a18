#include "runtime/images/image_sections.h"

#include <stdlib.h>
#include <string.h>

SectionStream *sections_open(int file, uint64_t end) {
    SectionStream *stream = calloc(1, sizeof *stream);
    XXH3_state_t *sum = XXH3_createState();
    if (!stream || !sum) {
        free(stream);
        XXH3_freeState(sum);
        return NULL;
    }
    stream->file = file;
    stream->end = end;
    stream->sum = sum;
    return stream;
}

void sections_close(SectionStream *stream) {
    if (!stream)
        return;
    XXH3_freeState(stream->sum);
    free(stream);
}

static void write_through(SectionStream *stream, const void *bytes, size_t size) {
    XXH3_128bits_update(stream->sum, bytes, size);
    if (!stream->failed && !layout_write(stream->file, bytes, size, stream->end))
        stream->failed = true;
    stream->end += size;
    stream->range->size += size;
}

static void flush(SectionStream *stream) {
    write_through(stream, stream->buffer, stream->buffered);
    stream->buffered = 0;
}

void section_begin(SectionStream *stream, LayoutRange *range) {
    XXH3_128bits_reset(stream->sum);
    stream->end = layout_align(stream->end);
    stream->range = range;
    *range = (LayoutRange){.offset = stream->end};
}

void section_put(SectionStream *stream, const void *bytes, size_t size) {
    if (!size)
        return;
    if (stream->buffered + size > SECTIONS_BUFFER)
        flush(stream);
    if (size > SECTIONS_BUFFER) {
        write_through(stream, bytes, size);
        return;
    }
    memcpy(stream->buffer + stream->buffered, bytes, size);
    stream->buffered += size;
}

void section_end(SectionStream *stream) {
    flush(stream);
    const XXH128_hash_t hash = XXH3_128bits_digest(stream->sum);
    stream->range->hash = (LayoutHash){hash.low64, hash.high64};
}

void section_write(SectionStream *stream, LayoutRange *range, const void *bytes, size_t size) {
    section_begin(stream, range);
    section_put(stream, bytes, size);
    section_end(stream);
}
