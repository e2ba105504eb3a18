/* Diagnostics: collected while a spec is read, checked and lowered; sorted and shown at the end.
 *
 *     Diagnostic *d = diagnostics_error(diagnostics, "unknown-axis", span,
 *                                       "nothing in this product has the axis '%s'", axis);
 *     diagnostic_label(d, "x is %s, wq is %s", ...);
 *     diagnostic_hint(d, "did you mean '%s'?", suggestion);
 *     diagnostic_related(d, declaration_span, "declared here");
 *
 * shows
 *
 *     digits.scan:31:11: error: nothing in this product has the axis 'q'
 *        31 |   query = sum[q](x * wq)
 *           |           ^~~~~~ x is [n, d], wq is [d, h, e]; did you mean 'd'?
 *     igpt.scan:26:9: note: declared here
 *        26 |   param wq[d, h, e]
 *           |         ^~
 */
#ifndef SCANLINE_FRONTEND_DIAGNOSTIC_H
#define SCANLINE_FRONTEND_DIAGNOSTIC_H

#include "frontend/source.h"

typedef enum Severity { SEVERITY_ERROR, SEVERITY_WARNING } Severity;

enum { DIAGNOSTICS_SHOWN = 50 }; /* the rest is counted: "and N more errors" */

typedef struct Diagnostic Diagnostic;
typedef struct Diagnostics Diagnostics;

Diagnostics *diagnostics_create(Arena *arena, const Sources *sources);

/* Adds one. `code` is a short stable identifier in kebab-case ("unknown-axis"), a string literal.
 * Never NULL; decorate it before the next one is added. The same code, place and message twice is
 * shown once, so callers need not remember what they have reported. */
Diagnostic *diagnostics_error(Diagnostics *diagnostics, const char *code, SourceSpan span,
                              const char *format, ...) __attribute__((format(printf, 4, 5)));
Diagnostic *diagnostics_warning(Diagnostics *diagnostics, const char *code, SourceSpan span,
                                const char *format, ...) __attribute__((format(printf, 4, 5)));
/* A fault of no place in a text: a main file that cannot be read. */
Diagnostic *diagnostics_error_nowhere(Diagnostics *diagnostics, const char *code,
                                      const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* What is to be said at the caret. */
void diagnostic_label(Diagnostic *diagnostic, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* What to do about it; shown after the label. */
void diagnostic_hint(Diagnostic *diagnostic, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* "did you mean 'X'?" as the hint; nothing when `suggestion` is NULL. */
void diagnostic_suggest(Diagnostic *diagnostic, const char *suggestion);
/* Another place that takes part, with its own label: "first given here". */
void diagnostic_related(Diagnostic *diagnostic, SourceSpan span, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

uint32_t diagnostics_error_count(const Diagnostics *diagnostics);
uint32_t diagnostics_warning_count(const Diagnostics *diagnostics);

/* All of it as text, sorted by place; "" when there is none. In the arena. */
const char *diagnostics_text(const Diagnostics *diagnostics, bool colour);
/* A JSON array:
 * [{"severity","code","message","file","line","column","end_line","end_column","label",
 * "hint","related":[{"file","line","column","message"}]}]; absent parts are null. In the arena. */
const char *diagnostics_json(const Diagnostics *diagnostics);

#endif
