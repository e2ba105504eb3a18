/* How a data file lies on disk: for image_file*.c and image_writer.c alone. */
#ifndef SCANLINE_RUNTIME_IMAGE_FILE_LAYOUT_H
#define SCANLINE_RUNTIME_IMAGE_FILE_LAYOUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <xxhash.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "data files are little-endian");

enum {
    LAYOUT_VERSION = 1,
    LAYOUT_SLOTS = 2,
    LAYOUT_SLOT_BYTES = 4096, /* a slot is written by itself, and torn by itself */
    LAYOUT_PIXELS = LAYOUT_SLOTS * LAYOUT_SLOT_BYTES,
    LAYOUT_ALIGNMENT = 64,
    LAYOUT_BLOCK = 4 << 20, /* bytes of pixels that have a sum */
};

static const char layout_magic[8] = {'S', 'C', 'A', 'N', 'I', 'M', 'G', 'S'};

typedef enum LayoutSection {
    SECTION_PIXELS,  /* its hash is not used: the blocks have theirs */
    SECTION_BLOCKS,  /* LayoutHash [ceil(pixels / LAYOUT_BLOCK)] */
    SECTION_INDEX,   /* LayoutPlace [count]; empty where all images have one size */
    SECTION_LABELS,  /* i32 [count] */
    SECTION_SPLITS,  /* u8 [count] */
    SECTION_CLASSES, /* the names, each ended by a NUL; or empty */
    SECTION_NAMES,   /* u64 [count + 1], then text: image i has the bytes from its number to the
                        next; or empty */
    SECTION_ORIGIN,  /* JSON, ended by a NUL */
    SECTION_PALETTE, /* f32 [colours, palette_channels]; or empty */
    SECTION_COUNT
} LayoutSection;

typedef struct LayoutHash {
    uint64_t low, high;
} LayoutHash;

typedef struct LayoutPlace {
    uint64_t offset; /* in the pixels */
    uint32_t height, width;
} LayoutPlace;

typedef struct LayoutRange {
    uint64_t offset, size;
    LayoutHash hash;
} LayoutRange;

/* A slot. Magic, version and checksum are where every version has them. */
typedef struct LayoutHeader {
    char magic[8];
    uint32_t version, section_count;
    uint64_t sequence;
    int64_t count, height, width; /* height and width 0: the index has them */
    int64_t channels, classes, colours, palette_channels;
    LayoutRange sections[SECTION_COUNT];
    unsigned char
        zero[LAYOUT_SLOT_BYTES - 80 - SECTION_COUNT * sizeof(LayoutRange) - sizeof(LayoutHash)];
    LayoutHash checksum; /* of what comes before it */
} LayoutHeader;

_Static_assert(sizeof(LayoutHeader) == LAYOUT_SLOT_BYTES, "a header is a slot");

static inline LayoutHash layout_hash(const void *bytes, size_t size) {
    const XXH128_hash_t hash = XXH3_128bits(bytes, size);
    return (LayoutHash){hash.low64, hash.high64};
}

static inline bool layout_same(LayoutHash a, LayoutHash b) {
    return a.low == b.low && a.high == b.high;
}

static inline LayoutHash layout_checksum(const LayoutHeader *header) {
    return layout_hash(header, offsetof(LayoutHeader, checksum));
}

static inline uint64_t layout_align(uint64_t offset) {
    return (offset + LAYOUT_ALIGNMENT - 1) / LAYOUT_ALIGNMENT * LAYOUT_ALIGNMENT;
}

/* The slot that counts, of a file's first LAYOUT_PIXELS bytes; -1: neither is whole. */
int layout_slot(const unsigned char *bytes, LayoutHeader *header);

/* Writes all of it. False with errno set. */
bool layout_write(int file, const void *bytes, size_t size, uint64_t offset);

#endif
