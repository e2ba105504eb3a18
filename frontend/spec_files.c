/* Reading the main file and, before it, all that it uses: depth first, each file once. */
#include "frontend/spec_build.h"

#include "frontend/parser.h"
#include "frontend/text.h"

#include <string.h>

enum { MOST_NESTED_USES = 64 };

/* The files that are being read, innermost first. */
typedef struct UseChain {
    const struct UseChain *outer;
    const Source *source;
    SourceSpan use; /* in the outer file */
    uint32_t depth;
} UseChain;

static void read_file(SpecBuilder *builder, const UseChain *chain);

/* --- finding --- */

static const char *path_join(Arena *arena, const char *folder, size_t folder_length,
                             const char *name) {
    if (!folder_length)
        return name;
    const char *slash = folder[folder_length - 1] == '/' ? "" : "/";
    return arena_printf(arena, "%.*s%s%s", (int)folder_length, folder, slash, name);
}

/* As sources_open, in the folders given with the options. */
static SourceStatus open_in_directories(SpecBuilder *builder, const char *name,
                                        const Source **source, const char **reason) {
    SourceStatus status = SOURCE_ABSENT;
    for (uint32_t i = 0; i < builder->options->directory_count && status == SOURCE_ABSENT; i++) {
        const char *folder = builder->options->directories[i];
        const char *path = path_join(builder->arena, folder, strlen(folder), name);
        status = sources_open(builder->sources, path, source, reason);
    }
    return status;
}

static void report_absent(SpecBuilder *builder, Name use) {
    Diagnostic *d = diagnostics_error(builder->diagnostics, "no-such-file", use.span,
                                      "there is no file '%s'", use.text);
    Text places = text_create(builder->arena);
    for (uint32_t i = 0; i < builder->options->directory_count; i++)
        text_format(&places, "%s%s", i ? ", " : " and in ", builder->options->directories[i]);
    diagnostic_label(d, "looked beside this file%s", text_end(&places));
}

/* The source that `use` names; NULL after reporting. */
static const Source *open_used(SpecBuilder *builder, const Source *from, Name use) {
    const Source *source;
    const char *reason;
    size_t folder = use.text[0] == '/' ? 0 : (size_t)(from->name - from->path);
    SourceStatus status = SOURCE_ABSENT;
    if (*use.text)
        status =
            sources_open(builder->sources, path_join(builder->arena, from->path, folder, use.text),
                         &source, &reason);
    if (status == SOURCE_ABSENT && *use.text && use.text[0] != '/')
        status = open_in_directories(builder, use.text, &source, &reason);
    if (status == SOURCE_FOUND)
        return source;
    builder->unreadable = true;
    if (status == SOURCE_ABSENT)
        report_absent(builder, use);
    else
        diagnostics_error(builder->diagnostics, "cannot-read", use.span, "'%s' cannot be read: %s",
                          use.text, reason);
    return NULL;
}

/* --- the chain of uses --- */

static bool was_read(const SpecBuilder *builder, const Source *source) {
    const SyntaxFile *const *files = builder->files.items;
    for (uint32_t i = 0; i < builder->files.count; i++)
        if (files[i]->source == source)
            return true;
    return false;
}

/* Reports when the source is being read already: it would use itself. */
static bool check_cycle(SpecBuilder *builder, const UseChain *chain, const Source *source,
                        Name use) {
    const UseChain *first = chain;
    while (first && first->source != source)
        first = first->outer;
    if (!first)
        return true;
    builder->unreadable = true;
    const char *path = source->name;
    for (const UseChain *link = chain; link != first; link = link->outer)
        path = arena_printf(builder->arena, "%s -> %s", link->source->name, path);
    Diagnostic *d = diagnostics_error(builder->diagnostics, "use-cycle", use.span,
                                      "'%s' uses itself", source->name);
    diagnostic_label(d, "%s -> %s", source->name, path);
    for (const UseChain *link = chain; link != first; link = link->outer)
        diagnostic_related(d, link->use, "'%s' is used here", link->source->name);
    return false;
}

static void read_use(SpecBuilder *builder, const UseChain *chain, Name use) {
    const Source *source = open_used(builder, chain->source, use);
    if (!source || !check_cycle(builder, chain, source, use) || was_read(builder, source))
        return;
    if (chain->depth >= MOST_NESTED_USES) {
        builder->unreadable = true;
        diagnostics_error(builder->diagnostics, "too-deep", use.span,
                          "files use each other more than %d levels deep", MOST_NESTED_USES);
        return;
    }
    UseChain link = {chain, source, use.span, chain->depth + 1};
    read_file(builder, &link);
}

static void read_file(SpecBuilder *builder, const UseChain *chain) {
    uint32_t errors = diagnostics_error_count(builder->diagnostics);
    const SyntaxFile *file = parse_file(builder->arena, chain->source, builder->diagnostics);
    if (diagnostics_error_count(builder->diagnostics) > errors)
        builder->unreadable = true;
    for (uint32_t i = 0; i < file->count; i++)
        if (file->at[i].kind == DECLARATION_USE)
            read_use(builder, chain, file->at[i].use);
    *(const SyntaxFile **)vector_add(&builder->files, builder->arena, sizeof file) = file;
}

void spec_read_files(SpecBuilder *builder, const char *path) {
    const Source *source;
    const char *reason, *first_reason;
    SourceStatus status = sources_open(builder->sources, path, &source, &reason);
    first_reason = reason;
    if (status == SOURCE_ABSENT && !strchr(path, '/'))
        status = open_in_directories(builder, path, &source, &reason);
    if (status != SOURCE_FOUND) {
        diagnostics_error_nowhere(builder->diagnostics, "cannot-read", "'%s' cannot be read: %s",
                                  path, status == SOURCE_ABSENT ? first_reason : reason);
        builder->unreadable = true;
        return;
    }
    size_t length = strlen(source->name), suffix = strlen(".scan");
    if (length > suffix && !strcmp(source->name + length - suffix, ".scan"))
        length -= suffix;
    builder->spec->name = arena_string(builder->arena, source->name, length);
    UseChain main_file = {.source = source};
    read_file(builder, &main_file);
}
