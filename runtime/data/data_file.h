/* The bytes of a data file: part of the program, mapped, or unpacked from gzip. */
#ifndef SCANLINE_RUNTIME_DATA_FILE_H
#define SCANLINE_RUNTIME_DATA_FILE_H

#include <stdbool.h>
#include <stddef.h>

typedef struct FileView {
    const unsigned char *bytes;
    size_t size;
    enum { FILE_STATIC, FILE_MAPPED, FILE_ALLOCATED } memory;
} FileView;

/* Maps a file. False with errno set. */
bool file_view_open(const char *path, FileView *view);
void file_view_close(FileView *view);

/* Unpacks a view of a gzipped IDX file; any other stays as it is. On failure `fault` says why, so
 * that "FILE " and `fault` are a sentence, and the view can still be closed. */
bool file_view_unpack(FileView *view, const char **fault);

#endif
