/* Text that grows in an arena. */
#ifndef SCANLINE_FRONTEND_TEXT_H
#define SCANLINE_FRONTEND_TEXT_H

#include "ir/arena.h"

typedef struct Text {
    Arena *arena;
    char *bytes; /* NUL-terminated once something was added */
    size_t length, capacity;
} Text;

Text text_create(Arena *arena);
void text_bytes(Text *text, const char *bytes, size_t length);
void text_string(Text *text, const char *string);
void text_repeat(Text *text, char byte, size_t count);
void text_format(Text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* What a terminal may show: control characters and invalid UTF-8 become '?'; tabs stay. */
void text_printable(Text *text, const char *bytes, size_t length);
/* A JSON string with its quotes; null for NULL. */
void text_json(Text *text, const char *string);
/* A string literal of the language with its quotes. */
void text_literal(Text *text, const char *string);
/* The text so far; "" when nothing was added. */
char *text_end(Text *text);

#endif
