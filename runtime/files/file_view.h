/* The bytes of a file that is only read: part of the program, mapped, or in memory. */
#ifndef SCANLINE_RUNTIME_FILE_VIEW_H
#define SCANLINE_RUNTIME_FILE_VIEW_H

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

#endif
