#include "frontend/spec_line.h"

#include "frontend/suggest.h"

#include <stdlib.h>
#include <string.h>

/* --- finding --- */

static const char *files_text(const Spec *spec) {
    const char *text = "";
    for (uint32_t i = 0; i < spec->file_count; i++)
        text =
            arena_printf(spec->arena, "%s%s%s", text, i ? ", " : "", spec->files[i]->source->name);
    return text;
}

static const Source *file_find(const Spec *spec, const char *name) {
    for (uint32_t i = 0; i < spec->file_count; i++) {
        const Source *source = spec->files[i]->source;
        if (strcmp(source->name, name) == 0 || strcmp(source->path, name) == 0)
            return source;
    }
    return NULL;
}

/* Whether a line has nothing but spaces and a comment. */
static bool is_blank(const Source *source, uint32_t line) {
    uint32_t length;
    const char *text = source_line_text(source, line, &length);
    uint32_t at = 0;
    while (at < length && (text[at] == ' ' || text[at] == '\t' || text[at] == '\r'))
        at++;
    return at == length || text[at] == '#';
}

/* "; nearest to it are lines 78 and 79": the last two that say something. */
static const char *nearest_text(Arena *arena, const Source *source) {
    uint32_t found[2] = {0}, count = 0;
    for (uint32_t line = source->line_count; line-- > 0 && count < 2;)
        if (!is_blank(source, line))
            found[count++] = line + 1;
    if (count == 2)
        return arena_printf(arena, "; nearest to it are lines %u and %u", found[1], found[0]);
    return count ? arena_printf(arena, "; nearest to it is line %u", found[0]) : "";
}

static uint32_t line_count(const Source *source) {
    const bool ends = source->length && source->text[source->length - 1] == '\n';
    return source->line_count - ends;
}

/* The files of the spec that have so many lines, as one would ask for theirs. */
static const char *elsewhere_text(const Spec *spec, const Source *source, uint64_t line) {
    const char *text = "";
    for (uint32_t i = 0; i < spec->file_count; i++) {
        const Source *other = spec->files[i]->source;
        if (other != source && line > 0 && line <= line_count(other))
            text = arena_printf(spec->arena, "%s%s%s:%llu", text, *text ? " or " : "", other->name,
                                (unsigned long long)line);
    }
    return *text ? arena_printf(spec->arena, "; did you mean %s?", text) : "";
}

static const char *unknown_file(const Spec *spec, const char *name) {
    Suggestion suggestion = suggestion_begin(name);
    for (uint32_t i = 0; i < spec->file_count; i++)
        suggestion_offer(&suggestion, spec->files[i]->source->name);
    const char *nearest = suggestion_end(&suggestion);
    if (nearest)
        return arena_printf(spec->arena, "the spec has no file %s; did you mean '%s'?", name,
                            nearest);
    return arena_printf(spec->arena, "the spec has no file %s, but %s", name, files_text(spec));
}

bool spec_line_find(const Spec *spec, const char *text, SpecLine *line, const char **fault) {
    const char *colon = strrchr(text, ':'), *digits = colon ? colon + 1 : text;
    const Source *source = spec->files[spec->file_count - 1]->source;
    if (colon) {
        const char *name = arena_string(spec->arena, text, (size_t)(colon - text));
        source = file_find(spec, name);
        if (!source) {
            *fault = unknown_file(spec, name);
            return false;
        }
    }
    if (!*digits || strspn(digits, "0123456789") != strlen(digits)) {
        *fault = arena_printf(spec->arena, "a line is a number, or FILE:NUMBER (%s:1), not '%s'",
                              spec->files[0]->source->name, text);
        return false;
    }
    const uint64_t number = strtoull(digits, NULL, 10); /* too large a number is the largest */
    if (number == 0 || number > line_count(source)) {
        *fault = arena_printf(spec->arena, "%s has %u lines%s%s", source->name, line_count(source),
                              nearest_text(spec->arena, source),
                              colon ? "" : elsewhere_text(spec, source, number));
        return false;
    }
    uint32_t length;
    const char *bytes = source_line_text(source, (uint32_t)number - 1, &length);
    *line = (SpecLine){source, (uint32_t)number, arena_string(spec->arena, bytes, length)};
    return true;
}

/* --- what is there --- */

/* The first and last line, from 1, of a span. */
static void lines_of(const Source *source, SourceSpan span, uint32_t *first, uint32_t *last) {
    *first = source_line(source, span.offset) + 1;
    *last = source_line(source, span.offset + (span.length ? span.length - 1 : 0)) + 1;
}

const Declaration *spec_line_declaration(const Spec *spec, const SpecLine *line) {
    for (uint32_t i = 0; i < spec->file_count; i++) {
        const SyntaxFile *file = spec->files[i];
        for (uint32_t k = 0; file->source == line->source && k < file->count; k++) {
            uint32_t first, last;
            lines_of(file->source, file->at[k].span, &first, &last);
            if (line->line >= first && line->line <= last)
                return &file->at[k];
        }
    }
    return NULL;
}

/* Whether any function has a node between two lines of a file. */
static bool is_lowered(const Module *lowered, const Source *source, uint32_t first, uint32_t last) {
    for (uint32_t f = 0; f < lowered->function_count; f++) {
        const Function *function = lowered->functions[f];
        for (NodeId id = 0; id < function->node_count; id++) {
            const SpanSet *spans = graph_node(function, id)->spans;
            for (uint32_t i = 0; spans && i < spans->count; i++)
                if (spans->at[i].line >= first && spans->at[i].line <= last &&
                    strcmp(spans->at[i].file, source->name) == 0)
                    return true;
        }
    }
    return false;
}

static const char *values_absence(const Spec *spec, const Declaration *declaration) {
    const bool dims = declaration->kind == DECLARATION_DIM;
    const char *text = "";
    for (uint32_t i = 0; i < declaration->values.count; i++) {
        const char *name = declaration->values.at[i].name.text;
        const SpecDim *dim = dims ? spec_dim(spec, name) : NULL;
        const char *sign = i ? ", " : "";
        text = dim && dim->extent ? arena_printf(spec->arena, "%s%s%s = %lld", text, sign, name,
                                                 (long long)dim->extent)
                                  : arena_printf(spec->arena, "%s%s%s", text, sign, name);
    }
    return arena_printf(spec->arena,
                        "%s: a number that the compiler knows; code has it where %s used", text,
                        declaration->values.count > 1 ? "they are" : "it is");
}

static bool is_chosen(const Spec *spec, const ObjectiveDecl *declaration) {
    for (const SpecObjective *at = spec->objective; at; at = at->parent)
        if (at->declaration == declaration)
            return true;
    return false;
}

/* Of a line in a body: of what runs, what is needed, or what is left by the passes. */
static const char *statement_absence(const Spec *spec, const SpecLine *line,
                                     const Module *lowered) {
    if (is_lowered(lowered, line->source, line->line, line->line))
        return "it was there before the passes: they folded it into constants, or left it out as "
               "nothing needs it";
    return arena_printf(spec->arena,
                        "nothing that the objective %s gives needs a node of this line",
                        spec->objective ? spec->objective->address : "chosen");
}

static const char *body_absence(const Spec *spec, const SpecLine *line, const Module *lowered,
                                const Declaration *declaration, Name name, const char *unused) {
    uint32_t first, last, head, end;
    lines_of(line->source, declaration->span, &first, &last);
    lines_of(line->source, name.span, &head, &end);
    if (!is_lowered(lowered, line->source, first, last))
        return unused;
    if (line->line == head && head != last)
        return arena_printf(spec->arena, "the head of %s; what it does is in lines %u to %u",
                            name.text, head + 1, last);
    uint32_t at = 0;
    while (line->text[at] == ' ' || line->text[at] == '}')
        at++;
    if (!line->text[at] || line->text[at] == '#')
        return arena_printf(spec->arena, "the end of %s, or of a block in it", name.text);
    if (strncmp(line->text + at, "repeat", 6) == 0)
        return "a loop, which is unrolled: what it does is in the lines after it";
    return statement_absence(spec, line, lowered);
}

const char *spec_line_absence(const Spec *spec, const SpecLine *line, const Module *lowered) {
    Arena *arena = spec->arena;
    if (is_blank(line->source, line->line - 1))
        return "there is no code in it";
    const Declaration *declaration = spec_line_declaration(spec, line);
    const char *objective = spec->objective ? spec->objective->address : "chosen";
    if (!declaration)
        return "there is no code in it";
    switch (declaration->kind) {
    case DECLARATION_USE:
        return arena_printf(arena, "what %s declares is known from here on", declaration->use.text);
    case DECLARATION_DIM:
    case DECLARATION_CONST:
        return values_absence(spec, declaration);
    case DECLARATION_INPUT:
        return arena_printf(arena,
                            "%s is handed in with each image; code reads it in the lines that "
                            "name it",
                            declaration->input.name.text);
    case DECLARATION_PARAM:
        return arena_printf(arena, "the objective %s needs none of them, so they do not exist",
                            objective);
    case DECLARATION_FUNCTION:
        return body_absence(spec, line, lowered, declaration, declaration->function.name,
                            arena_printf(arena, "the objective %s never calls %s", objective,
                                         declaration->function.name.text));
    case DECLARATION_EXTERN:
        return "a function of a library, which runs in the lines that call it";
    case DECLARATION_OBJECTIVE: {
        const Name name = declaration->objective.name;
        if (!is_chosen(spec, &declaration->objective))
            return arena_printf(arena, "the objective is %s; train.objective=%s would choose this",
                                objective, name.text);
        return body_absence(spec, line, lowered, declaration, name,
                            statement_absence(spec, line, lowered));
    }
    case DECLARATION_UPDATE:
        return body_absence(
            spec, line, lowered, declaration, declaration->update.name,
            arena_printf(arena, "train.update is not %s", declaration->update.name.text));
    case DECLARATION_SECTION:
        return "settings of a run: no tensor is computed here";
    }
    return "there is no code in it";
}
