/* An archive or packed file through libarchive; for source.c. A tar in it is opened in its place.
 */
#ifndef SCANLINE_RUNTIME_PACK_H
#define SCANLINE_RUNTIME_PACK_H

#include "runtime/files/file.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

typedef struct Pack Pack;

/* Whether a file is one: by its name, and where `look` is set also by what it begins with. */
bool pack_is(const char *path, bool look);

/* `name`: what a packed file that is no archive gives is called. NULL and `fault`. */
Pack *pack_open(const char *path, const char *name, FileError *fault);
void pack_close(Pack *pack);

typedef enum PackStep { PACK_MEMBER, PACK_END, PACK_FAULT } PackStep;

/* The next file. PACK_FAULT: what is damaged (the whole archive where `*name` is NULL, or a tar in
 * it) has no more of them; pack_fault says why. */
PackStep pack_next(Pack *pack, const char **name, int64_t *size, int64_t *stamp);

/* As source_read. */
ssize_t pack_read(Pack *pack, void *to, size_t size);

const char *pack_fault(const Pack *pack);

#endif
