/* A golden case: named sections of text.
 *
 *     == input main.scan        a file; the first one is the main file
 *     == override               settings of the command line, one a line
 *     == expect                 what comes out
 *
 * In an input, `@@repeat 70000 x` stands for a line of so many copies of the text behind the
 * number, and `@@bytes 61 00` for a line of those bytes. */
#ifndef SCANLINE_TESTS_GOLDEN_CASE_FILE_H
#define SCANLINE_TESTS_GOLDEN_CASE_FILE_H

#include "ir/arena.h"

#include <stdbool.h>

enum { CASE_MOST_SECTIONS = 32 };

typedef struct CaseSection {
    const char *kind, *name; /* "input", "main.scan"; the name is "" where there is none */
    const char *text;        /* as it is written */
    size_t length;
} CaseSection;

typedef struct CaseFile {
    CaseSection sections[CASE_MOST_SECTIONS];
    size_t count;
} CaseFile;

/* False, with a word on stderr, when the file cannot be read or makes no sense. */
bool case_read(Arena *arena, const char *path, CaseFile *file);
bool case_write(const char *path, const CaseFile *file);
/* A section's text with @@ lines carried out. */
const char *case_expand(Arena *arena, const CaseSection *section, size_t *length);

#endif
