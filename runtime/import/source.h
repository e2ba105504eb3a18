/* Where images come from: files, one after the other, of folders and archives.
 *
 * A folder is walked in the order of its names (bytes), a level at a time, so that no list of all
 * files is kept. What is called as an archive or a packed file is (.tar, .tar.gz, .zip, .gz, ...; a
 * file that is named itself also if it begins as one) is read through libarchive, in its own order:
 * a tar's, a zip's and an .npz's files, or what a packed file holds. A tar in a tar is opened too,
 * as ImageNet's is: its files are in a folder of its name.
 *
 * What can't be had is a member too, with its fault: nothing is passed over in silence. */
#ifndef SCANLINE_RUNTIME_SOURCE_H
#define SCANLINE_RUNTIME_SOURCE_H

#include "runtime/files/file.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

typedef struct SourceMember {
    const char *name;  /* relative to the folder or archive; any bytes but NUL */
    int64_t size;      /* bytes; -1: not known */
    int64_t stamp;     /* when it was changed, ns: to tell whether it has been */
    const char *fault; /* "can't be read: ..."; NULL: none */
    bool ends;         /* with a fault: what was to follow it is lost too */
} SourceMember;

typedef struct Source Source;

/* NULL and `error`, where a path is not there. The paths stay the caller's. */
Source *source_open(const char *const *paths, int64_t count, FileError *error);
void source_close(Source *source);

/* The next file; false: there is none. It and its bytes can be had until the next call. */
bool source_next(Source *source, SourceMember *member);

enum { SOURCE_PEEK = 4096 };

/* What the member begins with, up to SOURCE_PEEK bytes, which are still to be read. False:
 * source_fault says why. */
bool source_peek(Source *source, const unsigned char **bytes, size_t *size);

/* Up to `size` bytes that follow in the member; 0 at its end, -1: source_fault says why. */
ssize_t source_read(Source *source, void *to, size_t size);

/* As many as there are, up to `size`. False: source_fault says why. */
bool source_read_all(Source *source, void *to, size_t size, size_t *got);

const char *source_fault(const Source *source);

/* The name without the folders in front of it. */
const char *source_base_name(const char *name);

#endif
