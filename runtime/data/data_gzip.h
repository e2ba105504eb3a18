/* Unpacking gzip (RFC 1952) in memory, into room that is known before: nothing grows with what a
 * file says of itself. On failure `fault` says why, so that "FILE " and `fault` are a sentence. */
#ifndef SCANLINE_RUNTIME_DATA_GZIP_H
#define SCANLINE_RUNTIME_DATA_GZIP_H

#include <stdbool.h>
#include <stddef.h>

/* No byte of a gzip file unpacks to more of them. */
enum { GZIP_LARGEST_RATIO = 1032 };

bool gzip_begins(const unsigned char *packed, size_t size);

/* The first `room` bytes, or as many as there are. */
bool gzip_peek(const unsigned char *packed, size_t size, unsigned char *to, size_t room,
               size_t *got, const char **fault);

/* All members of a file, which must give exactly `room` bytes and end where the file does. */
bool gzip_unpack(const unsigned char *packed, size_t size, unsigned char *to, size_t room,
                 const char **fault);

#endif
