#include "frontend/text.h"

#include "runtime/files/utf8.h"

#include <stdbool.h>
#include <string.h>

Text text_create(Arena *arena) { return (Text){.arena = arena}; }

static void text_reserve(Text *text, size_t more) {
    if (text->capacity - text->length > more)
        return;
    size_t capacity = text->capacity ? 2 * text->capacity : 256;
    while (capacity - text->length <= more)
        capacity *= 2;
    text->bytes = arena_grow(text->arena, text->bytes, text->length, capacity);
    text->capacity = capacity;
}

void text_bytes(Text *text, const char *bytes, size_t length) {
    text_reserve(text, length);
    if (length)
        memcpy(text->bytes + text->length, bytes, length);
    text->length += length;
    text->bytes[text->length] = '\0';
}

void text_string(Text *text, const char *string) { text_bytes(text, string, strlen(string)); }

void text_repeat(Text *text, char byte, size_t count) {
    text_reserve(text, count);
    memset(text->bytes + text->length, byte, count);
    text->length += count;
    text->bytes[text->length] = '\0';
}

void text_format(Text *text, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    text_string(text, arena_vprintf(text->arena, format, arguments));
    va_end(arguments);
}

void text_printable(Text *text, const char *bytes, size_t length) {
    for (size_t i = 0; i < length;) {
        size_t sequence = utf8_length(bytes + i, length - i);
        bool control = utf8_is_control(bytes + i, sequence) && bytes[i] != '\t';
        if (!sequence || control)
            text_bytes(text, "?", 1);
        else
            text_bytes(text, bytes + i, sequence);
        i += sequence ? sequence : 1;
    }
}

void text_json(Text *text, const char *string) {
    if (!string) {
        text_string(text, "null");
        return;
    }
    text_bytes(text, "\"", 1);
    size_t length = strlen(string);
    for (size_t i = 0; i < length;) {
        unsigned char byte = (unsigned char)string[i];
        size_t sequence = utf8_length(string + i, length - i);
        if (!sequence)
            text_string(text, "\\ufffd");
        else if (byte == '"' || byte == '\\')
            text_format(text, "\\%c", byte);
        else if (byte < 0x20)
            text_format(text, "\\u%04x", byte);
        else
            text_bytes(text, string + i, sequence);
        i += sequence ? sequence : 1;
    }
    text_bytes(text, "\"", 1);
}

void text_literal(Text *text, const char *string) {
    text_bytes(text, "\"", 1);
    for (; *string; string++) {
        if (*string == '"' || *string == '\\')
            text_bytes(text, "\\", 1);
        if (*string == '\n')
            text_string(text, "\\n");
        else
            text_bytes(text, string, 1);
    }
    text_bytes(text, "\"", 1);
}

char *text_end(Text *text) {
    text_reserve(text, 0);
    return text->bytes;
}
