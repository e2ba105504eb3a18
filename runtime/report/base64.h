/* Base64 (RFC 4648, section 4), for pictures within a page. */
#ifndef SCANLINE_RUNTIME_BASE64_H
#define SCANLINE_RUNTIME_BASE64_H

#include <stddef.h>
#include <stdio.h>

void base64_print(FILE *out, const void *bytes, size_t size);

#endif
