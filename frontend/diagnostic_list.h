/* What diagnostic.c collects and the two renderings show. Private to them. */
#ifndef SCANLINE_FRONTEND_DIAGNOSTIC_LIST_H
#define SCANLINE_FRONTEND_DIAGNOSTIC_LIST_H

#include "frontend/diagnostic.h"
#include "frontend/vector.h"

typedef struct DiagnosticRelated {
    SourceSpan span;
    const char *label;
} DiagnosticRelated;

struct Diagnostic {
    Diagnostics *owner;
    Severity severity;
    const char *code, *message;
    bool placed; /* else span means nothing */
    SourceSpan span;
    const char *label, *hint; /* or NULL */
    Vector related;           /* DiagnosticRelated */
    uint32_t order;           /* in which it was added */
};

struct Diagnostics {
    Arena *arena;
    const Sources *sources;
    Vector kept;      /* Diagnostic *; each of another code, place and message */
    Diagnostic spare; /* what is returned for one that is not kept */
    uint32_t errors, warnings;
};

/* The kept ones by place; those of no place first. *count is their number. In the arena. */
Diagnostic **diagnostics_sorted(const Diagnostics *diagnostics, uint32_t *count);

#endif
