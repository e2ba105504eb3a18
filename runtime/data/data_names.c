#include "runtime/data/data_names.h"

#include "runtime/files/file.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_BYTES = 1 << 24, LONGEST_NAME = 255 };

/* What is wrong with a name; NULL: nothing. */
static const char *fault_of(const char *name, size_t length) {
    if (length == 0)
        return "is empty";
    if (length > LONGEST_NAME)
        return "is longer than 255 bytes";
    for (size_t i = 0; i < length; i++)
        if ((unsigned char)name[i] < 0x20 || name[i] == 0x7F)
            return "has a control character";
    json_t *text = json_stringn(name, length); /* refuses what is not UTF-8 */
    json_decref(text);
    return text ? NULL : "is not UTF-8";
}

/* Without the white space at the ends of the text. */
static size_t trimmed(const char *text, size_t size) {
    while (size && strchr(" \t\r\n", text[size - 1]) && text[size - 1])
        size--;
    return size;
}

static bool add(ClassNames *names, const char *name, size_t length) {
    char **larger = realloc(names->at, (size_t)(names->count + 1) * sizeof *larger);
    if (larger)
        names->at = larger;
    char *copy = larger ? strndup(name, length) : NULL;
    if (copy)
        names->at[names->count++] = copy;
    return copy != NULL;
}

bool class_names_read(const char *path, ClassNames *names, char *text, size_t size) {
    FileError error;
    size_t bytes;
    *names = (ClassNames){0};
    char *file = file_read(path, MOST_BYTES, &bytes, &error);
    const char *fault = file ? NULL : error.text;
    if (!file)
        snprintf(text, size, "%s", error.text);
    bytes = file ? trimmed(file, bytes) : 0;
    for (size_t at = 0, end; file && !fault && (at < bytes || at == 0); at = end + 1) {
        const char *newline = memchr(file + at, '\n', bytes - at);
        end = newline ? (size_t)(newline - file) : bytes;
        const size_t length = trimmed(file + at, end - at);
        fault = fault_of(file + at, length);
        if (!fault && !add(names, file + at, length))
            fault = "can't be kept: no memory";
        if (fault)
            snprintf(text, size, "%s: the name of class %lld %s", path, (long long)names->count,
                     fault);
    }
    free(file);
    if (fault)
        class_names_free(names);
    return !fault;
}

void class_names_free(ClassNames *names) {
    for (int64_t i = 0; i < names->count; i++)
        free(names->at[i]);
    free(names->at);
    *names = (ClassNames){0};
}
