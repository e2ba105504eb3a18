#include "tests/golden/case_file.h"

#include "frontend/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The whole file; NULL when it cannot be read. */
static char *read_text(Arena *arena, const char *path, size_t *length) {
    enum { LARGEST = 1 << 20 };
    char *text = arena_alloc(arena, LARGEST);
    FILE *stream = fopen(path, "rb");
    if (!stream)
        return NULL;
    *length = fread(text, 1, LARGEST - 1, stream);
    bool sound = !ferror(stream) && feof(stream);
    fclose(stream);
    return sound ? text : NULL;
}

/* "== KIND NAME" without its line break. */
static CaseSection read_heading(Arena *arena, const char *line, size_t length) {
    char *kind = arena_string(arena, line + 3, length - 3);
    char *blank = strchr(kind, ' ');
    if (blank)
        *blank = '\0';
    return (CaseSection){.kind = kind, .name = blank ? blank + 1 : ""};
}

bool case_read(Arena *arena, const char *path, CaseFile *file) {
    size_t length;
    const char *text = read_text(arena, path, &length);
    *file = (CaseFile){0};
    if (!text) {
        perror(path);
        return false;
    }
    for (const char *at = text, *end = text + length; at < end;) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        const char *next = newline ? newline + 1 : end;
        CaseSection *last = file->count ? &file->sections[file->count - 1] : NULL;
        if (end - at > 3 && !memcmp(at, "== ", 3) && file->count < CASE_MOST_SECTIONS) {
            CaseSection *section = &file->sections[file->count++];
            *section = read_heading(arena, at, (size_t)((newline ? newline : end) - at));
            section->text = next;
        } else if (last) {
            last->length = (size_t)(next - last->text);
        } else {
            fprintf(stderr, "%s: it must begin with a line like == input\n", path);
            return false;
        }
        at = next;
    }
    return true;
}

bool case_write(const char *path, const CaseFile *file) {
    FILE *stream = fopen(path, "wb");
    if (!stream) {
        perror(path);
        return false;
    }
    for (size_t i = 0; i < file->count; i++) {
        const CaseSection *section = &file->sections[i];
        fprintf(stream, "== %s%s%s\n", section->kind, *section->name ? " " : "", section->name);
        fwrite(section->text, 1, section->length, stream);
    }
    bool sound = !ferror(stream);
    return !fclose(stream) && sound;
}

static void expand_repeat(Text *text, const char *line, size_t length) {
    char *behind;
    long count = strtol(line, &behind, 10);
    size_t skipped = (size_t)(behind - line) + (*behind == ' ');
    for (long i = 0; i < count && skipped <= length; i++)
        text_bytes(text, line + skipped, length - skipped);
}

static void expand_bytes(Text *text, const char *line, const char *end) {
    char *behind;
    for (const char *at = line; at < end; at = behind) {
        char byte = (char)strtol(at, &behind, 16);
        if (behind == at || behind > end)
            break;
        text_bytes(text, &byte, 1);
    }
}

const char *case_expand(Arena *arena, const CaseSection *section, size_t *length) {
    static const char repeat[] = "@@repeat ", bytes[] = "@@bytes ";
    Text text = text_create(arena);
    for (const char *at = section->text, *end = at + section->length; at < end;) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        const char *stop = newline ? newline : end;
        size_t rest = (size_t)(stop - at);
        if (rest >= strlen(repeat) && !memcmp(at, repeat, strlen(repeat)))
            expand_repeat(&text, at + strlen(repeat), rest - strlen(repeat));
        else if (rest >= strlen(bytes) && !memcmp(at, bytes, strlen(bytes)))
            expand_bytes(&text, at + strlen(bytes), stop);
        else
            text_bytes(&text, at, rest);
        text_bytes(&text, "\n", newline != NULL);
        at = newline ? newline + 1 : end;
    }
    *length = text.length;
    return text_end(&text);
}
