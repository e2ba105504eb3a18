/* Source texts: where they come from, and from bytes to lines.
 *
 * Every text that can be at fault (spec files, built-in models, a setting on the command line) is a
 * Source. A SourceSpan names bytes of one; lines and columns are computed when they are shown. */
#ifndef SCANLINE_FRONTEND_SOURCE_H
#define SCANLINE_FRONTEND_SOURCE_H

#include "ir/graph.h"

enum {
    SOURCE_MAX_BYTES = 64 * 1024 * 1024,
    SOURCE_MAX_LINE = 64 * 1024, /* bytes; a longer line is reported by the lexer */
};

/* Bytes of a source. length may be 0 (the end of the file). */
typedef struct SourceSpan {
    uint32_t source; /* index in Sources */
    uint32_t offset, length;
} SourceSpan;

typedef struct Source {
    uint32_t index;
    const char *path; /* as it was opened; shown in diagnostics */
    const char *name; /* the path's last component: "igpt.scan" */
    const char *text; /* ends with a NUL that is not counted */
    uint32_t length;
    uint32_t *line_starts; /* offset of each line; line_starts[0] is 0 */
    uint32_t line_count;
} Source;

/* A file that need not be on disk: a built-in model, a test's. Found before the disk's. */
typedef struct SourceFile {
    const char *path;
    const char *text;
    size_t length;
} SourceFile;

/* All sources of one compilation. */
typedef struct Sources Sources;

/* `files` (may be NULL) must outlive the Sources. */
Sources *sources_create(Arena *arena, const SourceFile *files, size_t file_count);

/* From now on no file is looked for on the disk: there are those of the memory alone. */
void sources_seal(Sources *sources);

/* A text given by the caller. It is copied. NULL when it is longer than SOURCE_MAX_BYTES. */
const Source *sources_add(Sources *sources, const char *path, const char *text, size_t length);

typedef enum SourceStatus {
    SOURCE_FOUND,
    SOURCE_ABSENT,     /* there is no such file */
    SOURCE_UNREADABLE, /* *reason says why: a directory, no permission, too large */
} SourceStatus;

/* Reads a file, whole: one of the memory files, or a regular file on the disk. Opening the same
 * file again, by whatever path, gives the same Source. */
SourceStatus sources_open(Sources *sources, const char *path, const Source **source,
                          const char **reason);

const Source *sources_at(const Sources *sources, uint32_t index);

/* Whether it was read from the disk, so that other files may lie beside it. */
bool sources_on_disk(const Sources *sources, uint32_t index);

/* The line (from 0) that holds an offset. */
uint32_t source_line(const Source *source, uint32_t offset);
/* The text of a line without its line break. */
const char *source_line_text(const Source *source, uint32_t line, uint32_t *length);

/* For IR nodes: the source's name, and line and column from 1. */
Span source_place(const Sources *sources, SourceSpan span);
/* "igpt.scan:26:9", for use inside messages. */
const char *source_place_text(Arena *arena, const Sources *sources, SourceSpan span);
/* The bytes of a span, as a string. */
char *source_span_text(Arena *arena, const Sources *sources, SourceSpan span);

/* From the first byte of `first` to the last of `last`; both of one source. */
SourceSpan source_join(SourceSpan first, SourceSpan last);

#endif
