/* One file that says all that a spec says: dims and consts with the value that counts, the
 * declarations of all files as they are written, and every setting, given or not. Where a value is
 * from stands behind it, after "# from". Declarations keep the comments inside them. */
#include "frontend/spec.h"

#include "frontend/print.h"
#include "frontend/text.h"

#include <string.h>

/* The name of a file may hold anything, a line break too. */
static void flatten_origin(Text *text, const char *before, const char *origin) {
    text_string(text, before);
    text_printable(text, origin, strlen(origin));
    text_string(text, "\n");
}

static void flatten_value(Text *text, const Spec *spec, const char *head, const SpecValue *value) {
    text_format(text, "%s %s", head, value->name);
    if (!value->value) {
        text_string(text, "\n");
        return;
    }
    text_format(text, " = %s", print_expression(text->arena, value->value));
    const char *origin = value->level == LEVEL_COMMAND_LINE
                             ? "command line"
                             : source_place_text(text->arena, spec->sources, value->given);
    flatten_origin(text, "  # from ", origin);
}

/* The declarations that are not put together from several places. */
static bool is_kept(const Declaration *declaration) {
    switch (declaration->kind) {
    case DECLARATION_INPUT:
    case DECLARATION_PARAM:
    case DECLARATION_FUNCTION:
    case DECLARATION_EXTERN:
    case DECLARATION_OBJECTIVE:
    case DECLARATION_UPDATE:
        return true;
    default:
        return false;
    }
}

/* As it is written, but for a library that lies beside the file: that is named by its whole path,
 * so that it is found from wherever the flattened spec is. */
static void flatten_extern(Text *text, const Spec *spec, const ExternDecl *external) {
    const Source *source = sources_at(spec->sources, external->span.source);
    const SourceSpan whole = external->span, library = external->library.span;
    const uint32_t after = library.offset + library.length;
    flatten_origin(text, "\n# from ", source_place_text(text->arena, spec->sources, whole));
    text_bytes(text, source->text + whole.offset, library.offset - whole.offset);
    text_literal(text, spec_library(spec, external));
    text_bytes(text, source->text + after, whole.offset + whole.length - after);
    text_string(text, "\n");
}

static void flatten_file(Text *text, const Spec *spec, const SyntaxFile *file) {
    for (uint32_t i = 0; i < file->count; i++) {
        const Declaration *declaration = &file->at[i];
        if (!is_kept(declaration))
            continue;
        if (declaration->kind == DECLARATION_EXTERN) {
            flatten_extern(text, spec, &declaration->external);
            continue;
        }
        bool param = declaration->kind == DECLARATION_PARAM;
        SourceSpan span = param ? declaration->param.span : declaration->span;
        flatten_origin(text, "\n# from ", source_place_text(text->arena, spec->sources, span));
        text_string(text, param ? "param " : "");
        text_bytes(text, file->source->text + span.offset, span.length);
        text_string(text, "\n");
    }
}

static void flatten_section(Text *text, const Spec *spec, const char *section) {
    size_t length = strlen(section);
    text_format(text, "\n%s {\n", section);
    for (uint32_t i = 0; i < spec->setting_count; i++) {
        const Setting *setting = &spec->settings[i];
        if (strncmp(setting->key, section, length) || setting->key[length] != '.')
            continue;
        text_format(text, "  %s = %s", setting->key + length + 1, setting->value);
        flatten_origin(text, "  # from ", setting->origin);
    }
    text_string(text, "}\n");
}

static void flatten_sweeps(Text *text, const Spec *spec) {
    if (!spec->sweep_count)
        return;
    text_string(text, "\nsweep {\n");
    for (uint32_t i = 0; i < spec->sweep_count; i++) {
        const SpecSweep *sweep = &spec->sweeps[i];
        text_format(text, "  %s = [", sweep->key);
        for (uint32_t j = 0; j < sweep->value_count; j++)
            text_format(text, "%s%s", j ? ", " : "", sweep->values[j]);
        text_string(text, "]");
        flatten_origin(text, "  # from ", sweep->origin);
    }
    text_string(text, "}\n");
}

const char *spec_flatten(const Spec *spec) {
    Text text = text_create(spec->arena);
    for (uint32_t i = 0; i < spec->dim_count; i++)
        flatten_value(&text, spec, "dim", &spec->dims[i]->value);
    for (uint32_t i = 0; i < spec->const_count; i++)
        flatten_value(&text, spec, "const", &spec->consts[i]->value);
    for (uint32_t i = 0; i < spec->file_count; i++)
        flatten_file(&text, spec, spec->files[i]);
    static const char *const sections[] = {"data", "train", "probe", "sample"};
    for (size_t i = 0; i < sizeof sections / sizeof *sections; i++)
        flatten_section(&text, spec, sections[i]);
    flatten_sweeps(&text, spec);
    return text_end(&text);
}
