/* Decimal integers in text. */
#ifndef SCANLINE_RUNTIME_INTEGER_H
#define SCANLINE_RUNTIME_INTEGER_H

#include <stdbool.h>
#include <stdint.h>

/* The integer that *text begins with; *text moves behind it. False: it begins with none, or with
 * one beyond 64 bits. */
bool integer_take(const char **text, int64_t *value);

/* Whether the whole text is an integer from `least` to `most`. NULL is none. */
bool integer_read(const char *text, int64_t least, int64_t most, int64_t *value);

#endif
