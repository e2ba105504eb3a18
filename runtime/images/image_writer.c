#include "runtime/images/image_writer.h"

#include "runtime/images/image_entries.h"
#include "runtime/images/image_journal.h"
#include "runtime/images/image_sections.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    SYNC_PIXELS = 32 << 20, /* so many bytes may be lost */
    SYNC_RECORDS = 1 << 20,
    MOST_TEXT = UINT16_MAX,
};

struct ImageWriter {
    char *path, *draft;
    int file;   /* the draft */
    bool ready; /* to be added to */
    Journal journal;
    LayoutHash key;
    int64_t channels;

    uint64_t end, synced; /* of the pixels, in the draft; as far as the journal tells of them */
    unsigned char *block; /* [LAYOUT_BLOCK]: the last one, which is not full */
    size_t block_size;
    ImageEntries images;
};

static bool no_memory(const ImageWriter *writer, FileError *error) {
    return file_fault(error, writer->path, "can't be written: no memory");
}

static bool record(ImageWriter *writer, Record made, const char *name, const char *text,
                   FileError *error) {
    const size_t name_length = name ? strnlen(name, MOST_TEXT) : 0;
    made.name_length = (uint16_t)name_length;
    if (made.kind != RECORD_SUM)
        made.text_length = (uint16_t)(text ? strnlen(text, MOST_TEXT) : 0);
    return (journal_add(&writer->journal, &made, name, text) &&
            entries_apply(&writer->images, &made, name ? name : "", text ? text : "")) ||
           no_memory(writer, error);
}

/* --- pixels --- */

static uint64_t block_start(const ImageWriter *writer) { return writer->end - writer->block_size; }

static bool block_write(ImageWriter *writer, FileError *error) {
    return layout_write(writer->file, writer->block, writer->block_size, block_start(writer)) ||
           file_fail(error, "cannot write", writer->draft);
}

static bool put_pixels(ImageWriter *writer, const uint8_t *pixels, size_t size, FileError *error) {
    while (size) {
        const size_t room = LAYOUT_BLOCK - writer->block_size, part = size < room ? size : room;
        memcpy(writer->block + writer->block_size, pixels, part);
        writer->block_size += part;
        writer->end += part;
        pixels += part;
        size -= part;
        if (writer->block_size < LAYOUT_BLOCK)
            return true;
        const LayoutHash sum = layout_hash(writer->block, LAYOUT_BLOCK);
        if (!block_write(writer, error) ||
            !record(writer, (Record){.kind = RECORD_SUM, .text_length = sizeof sum}, NULL,
                    (const char *)&sum, error))
            return false;
        writer->block_size = 0;
    }
    return true;
}

/* What there is survives this process. */
static bool sync_draft(ImageWriter *writer, FileError *error) {
    if (!block_write(writer, error))
        return false;
    if (fsync(writer->file) != 0)
        return file_fail(error, "cannot write", writer->draft);
    writer->synced = writer->end;
    return journal_write(&writer->journal, writer->end, error);
}

static bool sync_if_due(ImageWriter *writer, FileError *error) {
    return (writer->end - writer->synced < SYNC_PIXELS &&
            writer->journal.pending_size < SYNC_RECORDS) ||
           sync_draft(writer, error);
}

bool image_writer_add(ImageWriter *writer, ImageView image, int32_t label, ImageSplit split,
                      const char *name, const char *remark, FileError *error) {
    if (image.channels != writer->channels || image.height < 1 || image.width < 1 ||
        image.height > IMAGE_MOST_SIDE || image.width > IMAGE_MOST_SIDE ||
        image.height * image.width > IMAGE_MOST_PIXELS || label < -1)
        return file_fault(error, writer->path, "can't hold an image of %lld x %lld x %lld",
                          (long long)image.height, (long long)image.width,
                          (long long)image.channels);
    if (writer->images.count == INT32_MAX)
        return file_fault(error, writer->path, "can't hold more than %d images", INT32_MAX);
    const Record made = {.height = (uint32_t)image.height,
                         .width = (uint32_t)image.width,
                         .label = label,
                         .kind = RECORD_IMAGE,
                         .split = (uint8_t)split};
    /* half an image is nothing to go on from */
    writer->ready = put_pixels(writer, image.pixels, (size_t)image_bytes(image), error) &&
                    record(writer, made, name, remark, error) && sync_if_due(writer, error);
    return writer->ready;
}

bool image_writer_leave_out(ImageWriter *writer, const char *name, const char *reason,
                            FileError *error) {
    return record(writer, (Record){.kind = RECORD_BROKEN}, name, reason, error) &&
           sync_if_due(writer, error);
}

int64_t image_writer_count(const ImageWriter *writer) { return writer->images.count; }
int64_t image_writer_entries(const ImageWriter *writer) { return writer->images.entries; }
int32_t *image_writer_labels(ImageWriter *writer) { return writer->images.labels; }
uint8_t *image_writer_splits(ImageWriter *writer) { return writer->images.splits; }

const ImageRemark *image_writer_remarks(const ImageWriter *writer, int64_t *count) {
    *count = writer->images.remark_count;
    return writer->images.remarks;
}

/* --- opening --- */

/* The draft under a lock. The one who had it may have finished, and the name have gone to another
 * file, while we waited to look. */
static bool open_draft(ImageWriter *writer, FileError *error) {
    for (;;) {
        struct stat ours, named;
        writer->file = open(writer->draft, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
        if (writer->file < 0)
            return file_fail(error, "cannot write", writer->draft);
        if (flock(writer->file, LOCK_EX | LOCK_NB) != 0)
            return errno == EWOULDBLOCK
                       ? file_fault(error, writer->path, "is being written by another process")
                       : file_fail(error, "cannot lock", writer->draft);
        if (fstat(writer->file, &ours) == 0 && stat(writer->draft, &named) == 0 &&
            ours.st_ino == named.st_ino && ours.st_dev == named.st_dev)
            return true;
        close(writer->file);
    }
}

/* The pixels of the last block, which more are to follow. */
static bool read_last_block(ImageWriter *writer, FileError *error) {
    const uint64_t whole = (uint64_t)writer->images.sum_count * LAYOUT_BLOCK;
    const uint64_t pixels = entries_pixels(&writer->images, writer->channels);
    if (writer->end - LAYOUT_PIXELS != pixels || pixels < whole || pixels - whole > LAYOUT_BLOCK)
        return file_fault(error, writer->journal.path, "can't be gone on with");
    writer->block_size = (size_t)(writer->end - LAYOUT_PIXELS - whole);
    const ssize_t size = (ssize_t)writer->block_size;
    return pread(writer->file, writer->block, writer->block_size, (off_t)block_start(writer)) ==
               size ||
           file_fail(error, "cannot read", writer->draft);
}

static bool open_journal(ImageWriter *writer, bool keep, FileError *error) {
    char *path = NULL;
    bool fresh;
    struct stat status;
    if (asprintf(&path, "%s.journal", writer->path) < 0)
        return no_memory(writer, error);
    bool ok = journal_open(&writer->journal, path, writer->key, &fresh, error);
    free(path);
    if (ok && (fresh || !keep))
        ok = journal_clear(&writer->journal, writer->key, error);
    if (ok && fstat(writer->file, &status) != 0)
        ok = file_fail(error, "cannot read", writer->draft);
    ok = ok &&
         journal_read(&writer->journal, (uint64_t)status.st_size, entries_apply, &writer->images,
                      &writer->end, error) &&
         read_last_block(writer, error);
    writer->synced = writer->end;
    if (ok && ftruncate(writer->file, (off_t)writer->end) != 0)
        ok = file_fail(error, "cannot write", writer->draft);
    return ok;
}

ImageWriter *image_writer_open(const char *path, int64_t channels, const char *key,
                               FileError *error) {
    ImageWriter *writer = calloc(1, sizeof *writer);
    if (!writer) {
        file_fault(error, path, "can't be written: no memory");
        return NULL;
    }
    writer->file = writer->journal.file = -1;
    writer->channels = channels;
    writer->path = strdup(path);
    writer->block = malloc(LAYOUT_BLOCK);
    if (asprintf(&writer->draft, "%s.draft", path) < 0)
        writer->draft = NULL;
    const char *named = key ? key : "";
    writer->key = layout_hash(named, strlen(named));
    writer->key.low ^= (uint64_t)channels;
    const bool memory = writer->path && writer->draft && writer->block;
    if (!memory)
        file_fault(error, path, "can't be written: no memory");
    if (!memory || !open_draft(writer, error) || !open_journal(writer, key != NULL, error)) {
        image_writer_close(writer, false);
        return NULL;
    }
    writer->ready = true;
    return writer;
}

void image_writer_close(ImageWriter *writer, bool discard) {
    if (!writer)
        return;
    FileError ignored; /* then less of the draft is kept */
    if (discard) {
        unlink(writer->draft);
        unlink(writer->journal.path);
    } else if (writer->ready) {
        sync_draft(writer, &ignored);
    }
    if (writer->file >= 0)
        close(writer->file);
    journal_close(&writer->journal);
    entries_free(&writer->images);
    free(writer->block);
    free(writer->draft);
    free(writer->path);
    free(writer);
}

/* --- finishing --- */

static void write_index(const ImageWriter *writer, SectionStream *stream, LayoutRange *range) {
    uint64_t offset = 0;
    section_begin(stream, range);
    for (int64_t i = 0; i < writer->images.count; i++) {
        const ImageSides size = writer->images.sizes[i];
        const LayoutPlace place = {offset, size.height, size.width};
        section_put(stream, &place, sizeof place);
        offset += (uint64_t)size.height * size.width * (uint64_t)writer->channels;
    }
    section_end(stream);
}

static void write_classes(const ImageFileText *text, SectionStream *stream, LayoutRange *range) {
    section_begin(stream, range);
    for (int64_t c = 0; text->class_names && c < text->classes; c++)
        section_put(stream, text->class_names[c], strlen(text->class_names[c]) + 1);
    section_end(stream);
}

typedef struct NameVisit {
    SectionStream *stream;
    uint64_t total;
    bool starts; /* first where they end, then the text */
} NameVisit;

static bool write_name(void *user, const Record *record, const char *name, const char *text) {
    NameVisit *visit = user;
    (void)text;
    if (record->kind != RECORD_IMAGE)
        return true;
    visit->total += record->name_length;
    if (visit->starts)
        section_put(visit->stream, &visit->total, sizeof visit->total);
    else
        section_put(visit->stream, name, record->name_length);
    return true;
}

/* The names are in the journal alone, which is read twice. */
static bool write_names(ImageWriter *writer, SectionStream *stream, LayoutRange *range,
                        FileError *error) {
    NameVisit visit = {.stream = stream, .starts = true};
    uint64_t ignored;
    section_begin(stream, range);
    section_put(stream, &visit.total, sizeof visit.total);
    bool ok = journal_read(&writer->journal, writer->end, write_name, &visit, &ignored, error);
    if (visit.total) {
        visit = (NameVisit){.stream = stream};
        ok = ok && journal_read(&writer->journal, writer->end, write_name, &visit, &ignored, error);
    }
    section_end(stream);
    if (!visit.total)
        range->size = 0, range->hash = layout_hash("", 0); /* nobody has a name */
    return ok;
}

static bool write_sections(ImageWriter *writer, const ImageFileText *text, SectionStream *stream,
                           LayoutHeader *header, FileError *error) {
    LayoutRange *at = header->sections;
    const bool same = entries_one_size(&writer->images);
    if (same) {
        header->height = writer->images.sizes[0].height;
        header->width = writer->images.sizes[0].width;
    }
    at[SECTION_PIXELS] =
        (LayoutRange){.offset = LAYOUT_PIXELS, .size = writer->end - LAYOUT_PIXELS};
    section_begin(stream, &at[SECTION_BLOCKS]);
    section_put(stream, writer->images.sums,
                (size_t)writer->images.sum_count * sizeof *writer->images.sums);
    if (writer->block_size) {
        const LayoutHash last = layout_hash(writer->block, writer->block_size);
        section_put(stream, &last, sizeof last);
    }
    section_end(stream);
    if (same)
        section_write(stream, &at[SECTION_INDEX], NULL, 0);
    else
        write_index(writer, stream, &at[SECTION_INDEX]);
    const size_t count = (size_t)writer->images.count;
    section_write(stream, &at[SECTION_LABELS], writer->images.labels,
                  count * sizeof *writer->images.labels);
    section_write(stream, &at[SECTION_SPLITS], writer->images.splits, count);
    write_classes(text, stream, &at[SECTION_CLASSES]);
    if (!write_names(writer, stream, &at[SECTION_NAMES], error))
        return false;
    section_write(stream, &at[SECTION_ORIGIN], text->origin, strlen(text->origin) + 1);
    section_write(stream, &at[SECTION_PALETTE], NULL, 0);
    return !stream->failed || file_fail(error, "cannot write", writer->draft);
}

static bool publish(ImageWriter *writer, FileError *error) {
    if (fsync(writer->file) != 0 || rename(writer->draft, writer->path) != 0)
        return file_fail(error, "cannot write", writer->path);
    writer->ready = false; /* the draft is the file now */
    unlink(writer->journal.path);
    return file_sync_directory(writer->path, error);
}

static bool finish(ImageWriter *writer, const ImageFileText *text, FileError *error) {
    LayoutHeader header = {.version = LAYOUT_VERSION,
                           .section_count = SECTION_COUNT,
                           .sequence = 1,
                           .count = writer->images.count,
                           .channels = writer->channels,
                           .classes = text->classes};
    if (!writer->images.count)
        return file_fault(error, writer->path, "would hold no image");
    for (int64_t i = 0; i < writer->images.count; i++)
        if (writer->images.labels[i] >= text->classes ||
            writer->images.splits[i] >= IMAGE_SPLIT_COUNT)
            return file_fault(error, writer->path, "can't hold the label %d or split %d",
                              writer->images.labels[i], writer->images.splits[i]);
    if (!sync_draft(writer, error))
        return false;
    SectionStream *stream = sections_open(writer->file, writer->end);
    if (!stream)
        return no_memory(writer, error);
    const bool written = write_sections(writer, text, stream, &header, error);
    const uint64_t end = layout_align(stream->end);
    sections_close(stream);
    if (!written)
        return false;
    memcpy(header.magic, layout_magic, sizeof header.magic);
    header.checksum = layout_checksum(&header);
    if (ftruncate(writer->file, (off_t)end) != 0 || fsync(writer->file) != 0 ||
        !layout_write(writer->file, &header, sizeof header, 0))
        return file_fail(error, "cannot write", writer->draft);
    return publish(writer, error);
}

bool image_writer_finish(ImageWriter *writer, const ImageFileText *text, FileError *error) {
    const bool done = finish(writer, text, error);
    image_writer_close(writer, false);
    return done;
}
