/* Diagnostics for programs. */
#include "frontend/diagnostic_list.h"

#include "frontend/text.h"

static void json_place(Text *text, const Sources *sources, SourceSpan span) {
    const Source *source = sources_at(sources, span.source);
    uint32_t line = source_line(source, span.offset);
    text_string(text, "\"file\":");
    text_json(text, source->path);
    text_format(text, ",\"line\":%u,\"column\":%u", line + 1,
                span.offset - source->line_starts[line] + 1);
}

static void json_end_place(Text *text, const Sources *sources, SourceSpan span) {
    const Source *source = sources_at(sources, span.source);
    uint32_t end = span.offset + span.length, line = source_line(source, end);
    text_format(text, ",\"end_line\":%u,\"end_column\":%u", line + 1,
                end - source->line_starts[line] + 1);
}

static void json_member(Text *text, const char *key, const char *value) {
    text_format(text, ",\"%s\":", key);
    text_json(text, value);
}

static void json_related(Text *text, const Sources *sources, const Diagnostic *diagnostic) {
    text_string(text, ",\"related\":[");
    const DiagnosticRelated *related = diagnostic->related.items;
    for (uint32_t i = 0; i < diagnostic->related.count; i++) {
        text_string(text, i ? ",{" : "{");
        json_place(text, sources, related[i].span);
        json_member(text, "message", related[i].label);
        text_string(text, "}");
    }
    text_string(text, "]");
}

const char *diagnostics_json(const Diagnostics *diagnostics) {
    Text text = text_create(diagnostics->arena);
    uint32_t count;
    Diagnostic **sorted = diagnostics_sorted(diagnostics, &count);
    text_string(&text, "[");
    for (uint32_t i = 0; i < count; i++) {
        const Diagnostic *diagnostic = sorted[i];
        text_format(&text, "%s{\"severity\":\"%s\"", i ? "," : "",
                    diagnostic->severity == SEVERITY_ERROR ? "error" : "warning");
        json_member(&text, "code", diagnostic->code);
        json_member(&text, "message", diagnostic->message);
        if (diagnostic->placed) {
            text_string(&text, ",");
            json_place(&text, diagnostics->sources, diagnostic->span);
            json_end_place(&text, diagnostics->sources, diagnostic->span);
        } else {
            text_string(&text, ",\"file\":null,\"line\":null,\"column\":null,\"end_line\":null,"
                               "\"end_column\":null");
        }
        json_member(&text, "label", diagnostic->label);
        json_member(&text, "hint", diagnostic->hint);
        json_related(&text, diagnostics->sources, diagnostic);
        text_string(&text, "}");
    }
    text_string(&text, "]");
    return text_end(&text);
}
