#include "runtime/files/printable.h"

#include "runtime/files/utf8.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Bytes of the character at `at`; 0: it can't be shown. */
static size_t shown_length(const char *at, size_t available) {
    const size_t length = utf8_length(at, available);
    return length && !utf8_is_control(at, length) ? length : 0;
}

char *printable(const char *bytes, size_t length) {
    char *made = malloc(4 * length + 1), *to = made;
    if (!made)
        return NULL;
    for (size_t at = 0; at < length;) {
        const size_t size = shown_length(bytes + at, length - at);
        if (size) {
            memcpy(to, bytes + at, size);
            to += size;
            at += size;
        } else {
            to += sprintf(to, "\\x%02X", (unsigned char)bytes[at++]);
        }
    }
    *to = 0;
    return made;
}

void printable_clean(char *text, const char *kept) {
    for (const char *end = text + strlen(text); text < end;) {
        const size_t length = utf8_length(text, (size_t)(end - text)), step = length ? length : 1;
        if (!shown_length(text, (size_t)(end - text)) && !strchr(kept, *text))
            memset(text, '?', step);
        text += step;
    }
}
