/* Files that are there whole or not at all: written to a temporary name beside, synced, renamed,
 * and the directory synced. A failure (a full disk) leaves what was there before. */
#ifndef SCANLINE_RUNTIME_FILE_H
#define SCANLINE_RUNTIME_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

typedef struct FileError {
    char text[512]; /* names the file and the reason */
} FileError;

/* Says what could not be done with a path ("cannot write"), and why by errno. False. */
bool file_fail(FileError *error, const char *what, const char *path);
/* Says what is wrong with what a file holds. False. */
bool file_fault(FileError *error, const char *path, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

bool file_write(const char *path, const void *bytes, size_t size, FileError *error);

/* The whole file, with a NUL after it; malloc'ed. NULL when it can't be read or has more than
 * `most` bytes. */
char *file_read(const char *path, size_t most, size_t *size, FileError *error);

/* The same for content that comes in pieces: write to `stream`, then commit or abandon. */
typedef struct FileWriter {
    FILE *stream;
    char *path, *temporary;
} FileWriter;

bool file_begin(FileWriter *writer, const char *path, FileError *error);
bool file_commit(FileWriter *writer, FileError *error); /* on failure it has been abandoned */
void file_abandon(FileWriter *writer);

/* Gives the content of a file a second name, in the place of what has that: a link, or a copy where
 * there can be none. Of what is written as here no file is changed in place, so a link stays what
 * it was. */
bool file_share(const char *from, const char *to, FileError *error);

/* FOLDER/NAME. malloc'ed; NULL: no memory. */
char *file_path(const char *folder, const char *name);

/* The directory that a path lies in: "." for a bare name. malloc'ed; NULL: no memory. */
char *file_directory(const char *path);

/* Makes new or removed names in the directory of `path` survive a crash. */
bool file_sync_directory(const char *path, FileError *error);

#endif
