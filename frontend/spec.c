/* Putting a spec together: files, names, the command line, numbers, settings; in this order. */
#include "frontend/spec_build.h"

#include "frontend/lexer.h"
#include "frontend/parser.h"

#include <string.h>

/* --- the command line --- */

/* The dotted name before the '='. False after reporting. */
static bool override_key(SpecBuilder *builder, const Source *source, const char *equals,
                         Name *key) {
    const char *start = source->text, *end = equals ? equals : start + source->length;
    while (start < end && (*start == ' ' || *start == '\t'))
        start++;
    while (end > start && (end[-1] == ' ' || end[-1] == '\t'))
        end--;
    SourceSpan span = {source->index, (uint32_t)(start - source->text), (uint32_t)(end - start)};
    bool sound = equals && end > start && span.length <= LEXER_MAX_NAME;
    key->text = arena_string(builder->arena, start, sound ? span.length : 0);
    key->span = span;
    for (const char *part = key->text; sound && part;) {
        const char *dot = strchr(part, '.');
        sound = lexer_is_name(
            arena_string(builder->arena, part, dot ? (size_t)(dot - part) : strlen(part)));
        part = dot ? dot + 1 : NULL;
    }
    if (!sound) {
        Diagnostic *d = diagnostics_error(builder->diagnostics, "bad-override", span,
                                          "a setting is given as key=value");
        diagnostic_hint(d, "as in d=128 or train.steps=100");
    }
    return sound;
}

static void apply_override(SpecBuilder *builder, const char *text) {
    Name key;
    const Source *source = sources_add(builder->sources, "command line", text, strlen(text));
    if (!source) {
        diagnostics_error_nowhere(builder->diagnostics, "bad-override",
                                  "a setting is far too long");
        return;
    }
    const char *equals = memchr(source->text, '=', source->length);
    if (!override_key(builder, source, equals, &key))
        return;
    uint32_t offset = (uint32_t)(equals + 1 - source->text);
    bool dotted = strchr(key.text, '.');
    bool known = dotted ? spec_override_setting(builder, key, source, offset)
                        : spec_override_value(builder, key, NULL);
    if (!known && !builder->unreadable)
        spec_unknown_key(builder, key);
    if (known && !dotted)
        spec_override_value(builder, key,
                            parse_expression(builder->arena, source, offset, builder->diagnostics));
}

/* --- loading --- */

/* The names are all there: from here on lookups work. */
static void publish(SpecBuilder *builder) {
    Spec *spec = builder->spec;
    spec->files = builder->files.items;
    spec->file_count = builder->files.count;
    spec->dims = builder->dims.items;
    spec->dim_count = builder->dims.count;
    spec->consts = builder->consts.items;
    spec->const_count = builder->consts.count;
    spec->inputs = builder->inputs.items;
    spec->input_count = builder->inputs.count;
    spec->params = builder->params.items;
    spec->param_count = builder->params.count;
    spec->updates = builder->updates.items;
    spec->update_count = builder->updates.count;
    spec->objectives = builder->objectives.items;
    spec->objective_count = builder->objectives.count;
    spec->taps = builder->taps.items;
    spec->tap_count = builder->taps.count;
}

Spec *spec_load(Arena *arena, Sources *sources, const char *path, const SpecOptions *options,
                Diagnostics *diagnostics) {
    Spec *spec = arena_alloc(arena, sizeof *spec);
    *spec = (Spec){.arena = arena, .sources = sources, .name = ""};
    SpecBuilder builder = {.arena = arena,
                           .sources = sources,
                           .diagnostics = diagnostics,
                           .options = options,
                           .spec = spec};
    spec_read_files(&builder, path);
    if (!builder.files.count)
        return NULL;
    spec_begin_settings(&builder);
    for (uint32_t i = 0; i < builder.files.count; i++)
        spec_declare(&builder, ((const SyntaxFile **)builder.files.items)[i],
                     i + 1 == builder.files.count ? LEVEL_MAIN : LEVEL_USED);
    publish(&builder);
    for (uint32_t i = 0; i < options->override_count; i++)
        apply_override(&builder, options->overrides[i]);
    spec_resolve_values(&builder);
    spec_resolve_settings(&builder);
    spec_resolve_sweeps(&builder);
    spec_list_settings(&builder);
    return builder.unreadable ? NULL : spec;
}

/* --- lookups --- */

const Symbol *spec_symbol(const Spec *spec, const char *name) {
    return names_find(&spec->symbols, name);
}

const SpecDim *spec_dim(const Spec *spec, const char *name) {
    const Symbol *symbol = spec_symbol(spec, name);
    return symbol && symbol->kind == SYMBOL_DIM ? symbol->dim : NULL;
}

const UpdateDecl *spec_update(const Spec *spec, const char *name) {
    return names_find(&spec->updates_by_name, name);
}

const SpecObjective *spec_objective(const Spec *spec, const char *text, bool *ambiguous) {
    if (ambiguous)
        *ambiguous = false;
    const SpecObjective *objective = names_find(&spec->objectives_by_address, text);
    if (objective)
        return objective;
    objective = names_find(&spec->objectives_by_name, text);
    if (!objective || !objective->ambiguous)
        return objective;
    if (ambiguous)
        *ambiguous = true;
    return NULL;
}
