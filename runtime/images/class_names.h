/* The names of classes: a text file, one on a line, class 0 first. */
#ifndef SCANLINE_RUNTIME_CLASS_NAMES_H
#define SCANLINE_RUNTIME_CLASS_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct ClassNames {
    char **at; /* NULL: there are none */
    int64_t count;
} ClassNames;

/* False, with a sentence about the file in `text`, when it can't be read or is no such list: each
 * name is UTF-8 without control characters, and not empty. */
bool class_names_read(const char *path, ClassNames *names, char *text, size_t size);

/* The same of a text in memory, which came from `path`. */
bool class_names_parse(const char *bytes, size_t count, const char *path, ClassNames *names,
                       char *text, size_t size);

/* What is wrong with a name: "is ...". NULL: nothing. */
const char *class_name_fault(const char *name, size_t length);
void class_names_free(ClassNames *names);

#endif
