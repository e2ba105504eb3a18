/* Names of files as text that can be shown and kept in JSON: what is not UTF-8, and what terminals
 * obey, becomes \xNN. */
#ifndef SCANLINE_RUNTIME_PRINTABLE_H
#define SCANLINE_RUNTIME_PRINTABLE_H

#include <stddef.h>

/* malloc'ed; NULL: no memory. */
char *printable(const char *bytes, size_t length);

#endif
