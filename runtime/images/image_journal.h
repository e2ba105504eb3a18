/* The journal of an import that is not done: what has been made of the entries of the source so
 * far, in their order. With the pixels beside it an import that was killed goes on where it was.
 *
 *     head      magic, version, a key: what is imported, and how
 *     block     {magic, size, where the pixels end, XXH3-128}, then so many bytes of records
 *     ...
 *
 * A block is written once the pixels that it tells of are synced, and what follows the last whole
 * one never happened. */
#ifndef SCANLINE_RUNTIME_IMAGE_JOURNAL_H
#define SCANLINE_RUNTIME_IMAGE_JOURNAL_H

#include "runtime/files/file.h"
#include "runtime/images/image_file_layout.h"

#include <stdbool.h>
#include <stdint.h>

typedef enum RecordKind {
    RECORD_IMAGE,  /* name; text: what is odd about it */
    RECORD_BROKEN, /* name, text: of one that was left out */
    RECORD_SUM,    /* text: the LayoutHash of the next block of pixels */
} RecordKind;

typedef struct Record {
    uint32_t height, width;
    int32_t label;
    uint8_t kind, split;
    uint16_t name_length, text_length, zero;
} Record; /* then the name and the text */

typedef struct Journal {
    int file;
    char *path;
    uint64_t end;           /* of what is on disk */
    unsigned char *pending; /* records since */
    size_t pending_size, pending_capacity;
} Journal;

/* Opens or makes it. `fresh` says whether it holds nothing to go on with: it was not there, or of
 * another key, or damaged in its head. */
bool journal_open(Journal *journal, const char *path, LayoutHash key, bool *fresh,
                  FileError *error);
void journal_close(Journal *journal);

/* Empties it. */
bool journal_clear(Journal *journal, LayoutHash key, FileError *error);

/* False: no memory. name and text may be NULL where their length is 0. */
bool journal_add(Journal *journal, const Record *record, const char *name, const char *text);

/* Writes what is pending as a block, and syncs. */
bool journal_write(Journal *journal, uint64_t pixels_end, FileError *error);

/* Calls `visit` for each record on disk whose block's pixels are there, in order, until it answers
 * false. Gives where the pixels of the last block end. What is behind the last whole block is cut
 * off. */
typedef bool (*JournalVisit)(void *user, const Record *record, const char *name, const char *text);
bool journal_read(Journal *journal, uint64_t pixels_size, JournalVisit visit, void *user,
                  uint64_t *pixels_end, FileError *error);

#endif
