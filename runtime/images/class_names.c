#include "runtime/images/class_names.h"

#include "runtime/files/file.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_BYTES = 1 << 24, LONGEST_NAME = 255 };

const char *class_name_fault(const char *name, size_t length) {
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

bool class_names_parse(const char *bytes, size_t count, const char *path, ClassNames *names,
                       char *text, size_t size) {
    const char *fault = NULL;
    *names = (ClassNames){0};
    count = trimmed(bytes, count);
    for (size_t at = 0, end; !fault && (at < count || at == 0); at = end + 1) {
        const char *newline = count > at ? memchr(bytes + at, '\n', count - at) : NULL;
        end = newline ? (size_t)(newline - bytes) : count;
        const size_t length = trimmed(bytes + at, end - at);
        fault = class_name_fault(bytes + at, length);
        if (!fault && !add(names, bytes + at, length))
            fault = "can't be kept: no memory";
        if (fault)
            snprintf(text, size, "%s: the name of class %lld %s", path, (long long)names->count,
                     fault);
    }
    if (fault)
        class_names_free(names);
    return !fault;
}

bool class_names_read(const char *path, ClassNames *names, char *text, size_t size) {
    FileError error;
    size_t bytes;
    *names = (ClassNames){0};
    char *file = file_read(path, MOST_BYTES, &bytes, &error);
    if (!file)
        snprintf(text, size, "%s", error.text);
    const bool ok = file && class_names_parse(file, bytes, path, names, text, size);
    free(file);
    return ok;
}

void class_names_free(ClassNames *names) {
    for (int64_t i = 0; i < names->count; i++)
        free(names->at[i]);
    free(names->at);
    *names = (ClassNames){0};
}
