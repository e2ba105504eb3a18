/* Collecting. A hostile file can be full of errors: after so many they are only counted, and no
 * time is spent on their words. */
#include "frontend/diagnostic_list.h"

#include <stdlib.h>
#include <string.h>

enum { MOST_KEPT = 1000 };

Diagnostics *diagnostics_create(Arena *arena, const Sources *sources) {
    Diagnostics *diagnostics = arena_alloc(arena, sizeof *diagnostics);
    *diagnostics = (Diagnostics){.arena = arena, .sources = sources};
    return diagnostics;
}

static bool diagnostic_same(const Diagnostic *a, const Diagnostic *b) {
    return a->placed == b->placed && a->span.source == b->span.source &&
           a->span.offset == b->span.offset && a->span.length == b->span.length &&
           !strcmp(a->code, b->code) && !strcmp(a->message, b->message);
}

static Diagnostic *diagnostics_add(Diagnostics *diagnostics, Diagnostic new, const char *format,
                                   va_list arguments) {
    uint32_t *count =
        new.severity == SEVERITY_ERROR ? &diagnostics->errors : &diagnostics->warnings;
    diagnostics->spare = (Diagnostic){0};
    if (diagnostics->kept.count >= MOST_KEPT) {
        ++*count;
        return &diagnostics->spare;
    }
    new.owner = diagnostics;
    new.order = diagnostics->kept.count;
    new.message = arena_vprintf(diagnostics->arena, format, arguments);
    for (uint32_t i = 0; i < diagnostics->kept.count; i++)
        if (diagnostic_same(((Diagnostic **)diagnostics->kept.items)[i], &new))
            return &diagnostics->spare;
    Diagnostic *diagnostic = arena_alloc(diagnostics->arena, sizeof *diagnostic);
    *diagnostic = new;
    *(Diagnostic **)vector_add(&diagnostics->kept, diagnostics->arena, sizeof diagnostic) =
        diagnostic;
    ++*count;
    return diagnostic;
}

Diagnostic *diagnostics_error(Diagnostics *diagnostics, const char *code, SourceSpan span,
                              const char *format, ...) {
    Diagnostic new = {.severity = SEVERITY_ERROR, .code = code, .placed = true, .span = span};
    va_list arguments;
    va_start(arguments, format);
    Diagnostic *added = diagnostics_add(diagnostics, new, format, arguments);
    va_end(arguments);
    return added;
}

Diagnostic *diagnostics_warning(Diagnostics *diagnostics, const char *code, SourceSpan span,
                                const char *format, ...) {
    Diagnostic new = {.severity = SEVERITY_WARNING, .code = code, .placed = true, .span = span};
    va_list arguments;
    va_start(arguments, format);
    Diagnostic *added = diagnostics_add(diagnostics, new, format, arguments);
    va_end(arguments);
    return added;
}

Diagnostic *diagnostics_error_nowhere(Diagnostics *diagnostics, const char *code,
                                      const char *format, ...) {
    Diagnostic new = {.severity = SEVERITY_ERROR, .code = code};
    va_list arguments;
    va_start(arguments, format);
    Diagnostic *added = diagnostics_add(diagnostics, new, format, arguments);
    va_end(arguments);
    return added;
}

void diagnostic_label(Diagnostic *diagnostic, const char *format, ...) {
    if (!diagnostic->owner)
        return;
    va_list arguments;
    va_start(arguments, format);
    diagnostic->label = arena_vprintf(diagnostic->owner->arena, format, arguments);
    va_end(arguments);
}

void diagnostic_hint(Diagnostic *diagnostic, const char *format, ...) {
    if (!diagnostic->owner)
        return;
    va_list arguments;
    va_start(arguments, format);
    diagnostic->hint = arena_vprintf(diagnostic->owner->arena, format, arguments);
    va_end(arguments);
}

void diagnostic_suggest(Diagnostic *diagnostic, const char *suggestion) {
    if (suggestion)
        diagnostic_hint(diagnostic, "did you mean '%s'?", suggestion);
}

void diagnostic_related(Diagnostic *diagnostic, SourceSpan span, const char *format, ...) {
    if (!diagnostic->owner)
        return;
    Arena *arena = diagnostic->owner->arena;
    va_list arguments;
    va_start(arguments, format);
    const char *label = arena_vprintf(arena, format, arguments);
    va_end(arguments);
    DiagnosticRelated *related = vector_add(&diagnostic->related, arena, sizeof *related);
    *related = (DiagnosticRelated){span, label};
}

uint32_t diagnostics_error_count(const Diagnostics *diagnostics) { return diagnostics->errors; }
uint32_t diagnostics_warning_count(const Diagnostics *diagnostics) { return diagnostics->warnings; }

static int compare_numbers(uint32_t a, uint32_t b) { return a < b ? -1 : a > b; }

static int compare_places(const void *left, const void *right) {
    const Diagnostic *a = *(Diagnostic *const *)left, *b = *(Diagnostic *const *)right;
    int order = (int)a->placed - (int)b->placed;
    if (!order)
        order = compare_numbers(a->span.source, b->span.source);
    if (!order)
        order = compare_numbers(a->span.offset, b->span.offset);
    return order ? order : compare_numbers(a->order, b->order);
}

Diagnostic **diagnostics_sorted(const Diagnostics *diagnostics, uint32_t *count) {
    *count = diagnostics->kept.count;
    Diagnostic **sorted = arena_array(diagnostics->arena, *count, sizeof *sorted);
    if (*count) {
        memcpy(sorted, diagnostics->kept.items, *count * sizeof *sorted);
        qsort(sorted, *count, sizeof *sorted, compare_places);
    }
    return sorted;
}
