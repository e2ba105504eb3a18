#include "runtime/images/image_journal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MOST_BLOCK = 1 << 28 };

static const char journal_magic[8] = {'S', 'C', 'A', 'N', 'I', 'M', 'G', 'J'};
static const uint32_t block_magic = 0x4B4C424Au; /* "JBLK" */

typedef struct Head {
    char magic[8];
    uint64_t version;
    LayoutHash key;
} Head;

typedef struct BlockHead {
    uint32_t magic, size;
    uint64_t pixels_end;
    LayoutHash hash; /* of the records */
} BlockHead;

static bool read_at(int file, void *to, size_t size, uint64_t offset) {
    char *bytes = to;
    while (size) {
        const ssize_t got = pread(file, bytes, size, (off_t)offset);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return false;
        bytes += got;
        offset += (uint64_t)got;
        size -= (size_t)got;
    }
    return true;
}

static Head head_of(LayoutHash key) {
    Head head = {.version = LAYOUT_VERSION, .key = key};
    memcpy(head.magic, journal_magic, sizeof head.magic);
    return head;
}

bool journal_open(Journal *journal, const char *path, LayoutHash key, bool *fresh,
                  FileError *error) {
    *journal = (Journal){.file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666),
                         .path = strdup(path),
                         .end = sizeof(Head)};
    if (journal->file < 0 || !journal->path) {
        file_fail(error, "cannot write", path);
        journal_close(journal);
        return false;
    }
    Head found, expected = head_of(key);
    *fresh = !read_at(journal->file, &found, sizeof found, 0) ||
             memcmp(&found, &expected, sizeof found) != 0;
    return true;
}

void journal_close(Journal *journal) {
    if (journal->file >= 0)
        close(journal->file);
    free(journal->path);
    free(journal->pending);
    *journal = (Journal){.file = -1};
}

bool journal_clear(Journal *journal, LayoutHash key, FileError *error) {
    const Head head = head_of(key);
    journal->end = sizeof head;
    journal->pending_size = 0;
    return (ftruncate(journal->file, 0) == 0 &&
            layout_write(journal->file, &head, sizeof head, 0) && fsync(journal->file) == 0) ||
           file_fail(error, "cannot write", journal->path);
}

static bool reserve(Journal *journal, size_t more) {
    const size_t needed = journal->pending_size + more;
    if (needed <= journal->pending_capacity)
        return true;
    const size_t capacity =
        needed > 2 * journal->pending_capacity ? needed : 2 * journal->pending_capacity;
    unsigned char *larger = realloc(journal->pending, capacity);
    if (!larger)
        return false;
    journal->pending = larger;
    journal->pending_capacity = capacity;
    return true;
}

bool journal_add(Journal *journal, const Record *record, const char *name, const char *text) {
    if (!reserve(journal, sizeof *record + record->name_length + record->text_length))
        return false;
    unsigned char *to = journal->pending + journal->pending_size;
    memcpy(to, record, sizeof *record);
    if (record->name_length)
        memcpy(to + sizeof *record, name, record->name_length);
    if (record->text_length)
        memcpy(to + sizeof *record + record->name_length, text, record->text_length);
    journal->pending_size += sizeof *record + record->name_length + record->text_length;
    return true;
}

bool journal_write(Journal *journal, uint64_t pixels_end, FileError *error) {
    const BlockHead head = {block_magic, (uint32_t)journal->pending_size, pixels_end,
                            layout_hash(journal->pending, journal->pending_size)};
    if (!journal->pending_size)
        return true;
    if (!layout_write(journal->file, &head, sizeof head, journal->end) ||
        !layout_write(journal->file, journal->pending, journal->pending_size,
                      journal->end + sizeof head) ||
        fsync(journal->file) != 0)
        return file_fail(error, "cannot write", journal->path);
    journal->end += sizeof head + journal->pending_size;
    journal->pending_size = 0;
    return true;
}

/* False: a record that is not whole, or `visit` has had enough. */
static bool visit_records(const unsigned char *bytes, size_t size, JournalVisit visit, void *user) {
    for (size_t at = 0; at < size;) {
        Record record;
        if (size - at < sizeof record)
            return false;
        memcpy(&record, bytes + at, sizeof record);
        at += sizeof record;
        if (size - at < (size_t)record.name_length + record.text_length)
            return false;
        const char *name = (const char *)bytes + at;
        if (!visit(user, &record, name, name + record.name_length))
            return false;
        at += (size_t)record.name_length + record.text_length;
    }
    return true;
}

/* The records of the block at a place: in `*bytes`, which grows. False: there is no whole one. */
static bool read_block(int file, uint64_t at, BlockHead *head, unsigned char **bytes,
                       size_t *capacity) {
    if (!read_at(file, head, sizeof *head, at) || head->magic != block_magic ||
        head->size > MOST_BLOCK)
        return false;
    if (head->size > *capacity) {
        unsigned char *larger = realloc(*bytes, head->size);
        if (!larger)
            return false;
        *bytes = larger;
        *capacity = head->size;
    }
    return read_at(file, *bytes, head->size, at + sizeof *head) &&
           layout_same(layout_hash(*bytes, head->size), head->hash);
}

bool journal_read(Journal *journal, uint64_t pixels_size, JournalVisit visit, void *user,
                  uint64_t *pixels_end, FileError *error) {
    BlockHead head;
    unsigned char *bytes = NULL;
    size_t capacity = 0;
    uint64_t at = sizeof(Head);
    bool ok = true;
    *pixels_end = LAYOUT_PIXELS;
    while (ok && read_block(journal->file, at, &head, &bytes, &capacity) &&
           head.pixels_end >= *pixels_end && head.pixels_end <= pixels_size) {
        ok = visit_records(bytes, head.size, visit, user);
        *pixels_end = head.pixels_end;
        at += sizeof head + head.size;
    }
    free(bytes);
    if (!ok)
        return file_fault(error, journal->path, "can't be gone on with");
    journal->end = at;
    return ftruncate(journal->file, (off_t)at) == 0 ||
           file_fail(error, "cannot write", journal->path);
}
