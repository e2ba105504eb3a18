/* A line of a spec as people name it, and what stands there: for those who ask what became of it.
 */
#ifndef SCANLINE_FRONTEND_SPEC_LINE_H
#define SCANLINE_FRONTEND_SPEC_LINE_H

#include "frontend/spec.h"

typedef struct SpecLine {
    const Source *source;
    uint32_t line; /* from 1 */
    const char *text;
} SpecLine;

/* "27": of the main file; "igpt.scan:27": of that file, by name or path. False, and why in words
 * with the nearest that there is (in the spec's arena). */
bool spec_line_find(const Spec *spec, const char *text, SpecLine *line, const char **fault);

/* The declaration that the line is in; NULL: it is in none. */
const Declaration *spec_line_declaration(const Spec *spec, const SpecLine *line);

/* Why a line of which nothing runs became nothing. `lowered`: the functions that were made of the
 * spec, before any pass. In the spec's arena. */
const char *spec_line_absence(const Spec *spec, const SpecLine *line, const Module *lowered);

#endif
