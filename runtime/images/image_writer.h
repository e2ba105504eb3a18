/* Makes a data file from images that come one after the other. Their pixels, and a journal of what
 * came, are kept beside as PATH.draft and PATH.journal, so that a process that was killed can go on
 * with what is synced (some 32 MiB apart); the file itself appears whole, by renaming. In memory
 * stays what an image has besides pixels and name: 13 bytes. */
#ifndef SCANLINE_RUNTIME_IMAGE_WRITER_H
#define SCANLINE_RUNTIME_IMAGE_WRITER_H

#include "runtime/images/image_file.h"

typedef struct ImageWriter ImageWriter;

/* `channels`: of all images, 1 or 3. `key` says what is written, and how: a draft of the same key
 * is gone on with, one of another is thrown away; NULL: every draft is. Another process that writes
 * the same is an error. NULL and `error`. */
ImageWriter *image_writer_open(const char *path, int64_t channels, const char *key,
                               FileError *error);

/* Ends without the file. The draft stays unless `discard`. */
void image_writer_close(ImageWriter *writer, bool discard);

/* Images so far, and entries: images and those that were left out. After opening: those of the
 * draft that is gone on with. */
int64_t image_writer_count(const ImageWriter *writer);
int64_t image_writer_entries(const ImageWriter *writer);

/* An image behind those that there are. label: -1 for none. name: what it was called; remark: what
 * was odd about it. Either may be NULL, and at most 65535 bytes of it are kept. */
bool image_writer_add(ImageWriter *writer, ImageView image, int32_t label, ImageSplit split,
                      const char *name, const char *remark, FileError *error);

/* An entry that is no image of the file, and why. */
bool image_writer_leave_out(ImageWriter *writer, const char *name, const char *reason,
                            FileError *error);

/* All remarks, those of the draft too, in order. They are the writer's. */
typedef struct ImageRemark {
    bool left_out;
    char *name, *text;
} ImageRemark;
const ImageRemark *image_writer_remarks(const ImageWriter *writer, int64_t *count);

/* As they were added, for the caller to change until the file is finished: [count]. */
int32_t *image_writer_labels(ImageWriter *writer);
uint8_t *image_writer_splits(ImageWriter *writer);

typedef struct ImageFileText {
    int64_t classes;                /* labels are below it */
    const char *const *class_names; /* [classes], or NULL */
    const char *origin;             /* JSON */
} ImageFileText;

/* Writes the file and closes the writer, also where that fails; then the draft stays. */
bool image_writer_finish(ImageWriter *writer, const ImageFileText *text, FileError *error);

#endif
