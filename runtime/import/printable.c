#include "runtime/import/printable.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The bytes of the character at `text`, of which `left` are there; 0: it is none. RFC 3629. */
static size_t character(const unsigned char *text, size_t left) {
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    const unsigned first = *text;
    const size_t size = first < 0x80   ? 1
                        : first < 0xC0 ? 0
                        : first < 0xE0 ? 2
                        : first < 0xF0 ? 3
                                       : 4;
    if (size == 1)
        return first >= 0x20 && first != 0x7F;
    if (!size || size > left || first > 0xF4)
        return 0;
    uint32_t code = first & (0x7Fu >> size);
    for (size_t i = 1; i < size; i++) {
        if ((text[i] & 0xC0) != 0x80)
            return 0;
        code = code << 6 | (text[i] & 0x3Fu);
    }
    const bool is_control = code >= 0x80 && code < 0xA0, is_half = code >= 0xD800 && code < 0xE000;
    return code >= least[size] && code <= 0x10FFFF && !is_control && !is_half ? size : 0;
}

char *printable(const char *bytes, size_t length) {
    char *made = malloc(4 * length + 1), *to = made;
    if (!made)
        return NULL;
    for (size_t at = 0; at < length;) {
        const size_t size = character((const unsigned char *)bytes + at, length - at);
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
