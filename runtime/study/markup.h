/* Text from anywhere, put into XML or HTML. */
#ifndef SCANLINE_RUNTIME_MARKUP_H
#define SCANLINE_RUNTIME_MARKUP_H

#include <stdio.h>

/* Between tags, or in an attribute's quotes: & < > " ' become entities, control characters spaces,
 * bytes that are not UTF-8 U+FFFD. */
void markup_escape(FILE *out, const char *text);
/* The first `size` bytes of a text, which end between characters. */
void markup_escape_part(FILE *out, const char *text, size_t size);

#endif
