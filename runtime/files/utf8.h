/* UTF-8 (RFC 3629). */
#ifndef SCANLINE_RUNTIME_UTF8_H
#define SCANLINE_RUNTIME_UTF8_H

#include <stdbool.h>
#include <stddef.h>

/* Bytes of the valid UTF-8 sequence at `at` (1 to 4), or 0. */
size_t utf8_length(const char *at, size_t available);

/* Whether a valid sequence is a control character: U+0000 to U+001F, U+007F to U+009F. */
bool utf8_is_control(const char *at, size_t length);

#endif
