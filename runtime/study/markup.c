#include "runtime/study/markup.h"

#include "runtime/files/utf8.h"

#include <string.h>

static const char *entity_of(char byte) {
    switch (byte) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '"':
        return "&quot;";
    case '\'':
        return "&#39;";
    default:
        return NULL;
    }
}

void markup_escape_part(FILE *out, const char *text, size_t size) {
    for (const char *end = text + size; text < end;) {
        const size_t length = utf8_length(text, (size_t)(end - text));
        const char *entity = entity_of(*text);
        if (!length)
            fputs("\xEF\xBF\xBD", out);
        else if (entity)
            fputs(entity, out);
        else if (utf8_is_control(text, length) && *text != '\n' && *text != '\t')
            fputc(' ', out);
        else
            fwrite(text, 1, length, out);
        text += length ? length : 1;
    }
}

void markup_escape(FILE *out, const char *text) { markup_escape_part(out, text, strlen(text)); }
