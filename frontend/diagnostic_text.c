/* Diagnostics for people: a line that says what, the line of the source, and a caret under the
 * place. */
#include "frontend/diagnostic_list.h"

#include "frontend/text.h"
#include "runtime/files/utf8.h"

#include <string.h>

enum { LINE_SHOWN = 120 }; /* bytes of a source line; a longer one is cut around the caret */

typedef struct Colours {
    const char *bold, *red, *yellow, *blue, *reset;
} Colours;

static const Colours colours_none = {"", "", "", "", ""};
static const Colours colours_terminal = {"\033[1m", "\033[1;31m", "\033[1;33m", "\033[1;34m",
                                         "\033[0m"};

static void show_words(Text *text, const char *words) {
    text_printable(text, words, strlen(words));
}

/* The part of a line that is shown: [start, end), offsets in the line. */
typedef struct Window {
    uint32_t start, end;
} Window;

static bool inside_sequence(char byte) { return ((unsigned char)byte & 0xc0) == 0x80; }

static Window window_around(const char *line, uint32_t length, uint32_t column) {
    if (length <= LINE_SHOWN)
        return (Window){0, length};
    uint32_t start = column > LINE_SHOWN / 2 ? column - LINE_SHOWN / 2 : 0;
    if (start > length - LINE_SHOWN)
        start = length - LINE_SHOWN;
    uint32_t end = start + LINE_SHOWN;
    while (start < column && inside_sequence(line[start]))
        start++;
    while (end < length && end > column && inside_sequence(line[end]))
        end--;
    return (Window){start, end};
}

/* One blank for each character that is shown, tabs as tabs. */
static void show_padding(Text *text, const char *line, uint32_t from, uint32_t to) {
    for (uint32_t i = from; i < to;) {
        size_t sequence = utf8_length(line + i, to - i);
        text_bytes(text, line[i] == '\t' ? "\t" : " ", 1);
        i += sequence ? (uint32_t)sequence : 1;
    }
}

static uint32_t count_characters(const char *line, uint32_t from, uint32_t to) {
    uint32_t count = 0;
    for (uint32_t i = from; i < to; count++) {
        size_t sequence = utf8_length(line + i, to - i);
        i += sequence ? (uint32_t)sequence : 1;
    }
    return count;
}

/* The line of a span with its caret; `note` (may be NULL) and `hint` (may be NULL) follow the
 * caret. */
static void show_line(Text *text, const Source *source, SourceSpan span, const char *note,
                      const char *hint, const Colours *colours, const char *caret_colour) {
    uint32_t line = source_line(source, span.offset), length;
    const char *bytes = source_line_text(source, line, &length);
    uint32_t column = span.offset - source->line_starts[line];
    if (column > length)
        column = length;
    uint32_t end = span.length > length - column ? length : column + span.length;
    Window window = window_around(bytes, length, column);
    if (end > window.end)
        end = window.end;
    const char *before = window.start ? "..." : "", *after = window.end < length ? "..." : "";
    text_format(text, "%s%5u |%s %s", colours->blue, line + 1, colours->reset, before);
    text_printable(text, bytes + window.start, window.end - window.start);
    text_format(text, "%s\n%s      |%s ", after, colours->blue, colours->reset);
    text_repeat(text, ' ', strlen(before));
    show_padding(text, bytes, window.start, column);
    text_format(text, "%s^", caret_colour);
    uint32_t width = count_characters(bytes, column, end);
    text_repeat(text, '~', width > 1 ? width - 1 : 0);
    if (note || hint)
        text_string(text, " ");
    if (note)
        show_words(text, note);
    if (note && hint)
        text_string(text, "; ");
    if (hint)
        show_words(text, hint);
    text_format(text, "%s\n", colours->reset);
}

static void show_place(Text *text, const Source *source, SourceSpan span, const Colours *colours) {
    uint32_t line = source_line(source, span.offset);
    text_string(text, colours->bold);
    show_words(text, source->path);
    text_format(text, ":%u:%u: ", line + 1, span.offset - source->line_starts[line] + 1);
}

static void show_diagnostic(Text *text, const Sources *sources, const Diagnostic *diagnostic,
                            const Colours *colours) {
    bool error = diagnostic->severity == SEVERITY_ERROR;
    const char *colour = error ? colours->red : colours->yellow;
    const Source *source = diagnostic->placed ? sources_at(sources, diagnostic->span.source) : NULL;
    if (source)
        show_place(text, source, diagnostic->span, colours);
    text_format(text, "%s%s:%s%s ", colour, error ? "error" : "warning", colours->reset,
                colours->bold);
    show_words(text, diagnostic->message);
    text_string(text, colours->reset);
    if (source) {
        text_string(text, "\n");
        show_line(text, source, diagnostic->span, diagnostic->label, diagnostic->hint, colours,
                  colour);
    } else {
        if (diagnostic->hint) {
            text_string(text, "; ");
            show_words(text, diagnostic->hint);
        }
        text_string(text, "\n");
    }
    const DiagnosticRelated *related = diagnostic->related.items;
    for (uint32_t i = 0; i < diagnostic->related.count; i++) {
        const Source *place = sources_at(sources, related[i].span.source);
        show_place(text, place, related[i].span, colours);
        text_format(text, "%snote:%s ", colours->blue, colours->reset);
        show_words(text, related[i].label);
        text_string(text, "\n");
        show_line(text, place, related[i].span, NULL, NULL, colours, colours->blue);
    }
}

const char *diagnostics_text(const Diagnostics *diagnostics, bool colour) {
    const Colours *colours = colour ? &colours_terminal : &colours_none;
    Text text = text_create(diagnostics->arena);
    uint32_t count;
    Diagnostic **sorted = diagnostics_sorted(diagnostics, &count);
    uint32_t shown = count < DIAGNOSTICS_SHOWN ? count : DIAGNOSTICS_SHOWN;
    for (uint32_t i = 0; i < shown; i++)
        show_diagnostic(&text, diagnostics->sources, sorted[i], colours);
    uint32_t all = diagnostics->errors + diagnostics->warnings;
    if (all > shown)
        text_format(&text, "... and %u more\n", all - shown);
    return text_end(&text);
}
