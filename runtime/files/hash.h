/* XXH3-128 in hexadecimal: what a run's record knows its files by. */
#ifndef SCANLINE_RUNTIME_HASH_H
#define SCANLINE_RUNTIME_HASH_H

#include "runtime/files/file.h"

enum { HASH_SIZE = 33 }; /* with its end */

/* Of several pieces of memory, as if they were one. False: no memory. */
typedef struct HashPart {
    const void *bytes;
    size_t size;
} HashPart;
bool hash_parts(const HashPart *parts, size_t count, char hash[HASH_SIZE]);

void hash_text(const char *text, char hash[HASH_SIZE]);

/* Of a file's bytes. False and `error`. */
bool hash_file(const char *path, char hash[HASH_SIZE], FileError *error);

#endif
