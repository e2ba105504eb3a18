#include "frontend/cli/table.h"

#include "passes/emit/choices_file.h"

typedef struct Place {
    Session *session;
    const Source *source;
} Place;

static void report(void *user, size_t offset, size_t length, const char *what) {
    const Place *place = user;
    const SourceSpan span = {place->source->index, (uint32_t)offset, (uint32_t)length};
    diagnostics_error(place->session->diagnostics, "bad-table", span, "%s", what);
}

ExitCode table_open(Session *session) {
    const char *path = session->options->table, *reason = "there is no such file";
    if (!path)
        return EXIT_DONE;
    Place place = {.session = session};
    if (sources_open(session->sources, path, &place.source, &reason) != SOURCE_FOUND)
        return session_fail(session, EXIT_INPUT, "table", "cannot read %s: %s", path, reason);
    ChoicesTable *table = arena_alloc(session->arena, sizeof *table);
    if (!choices_read(place.source->text, place.source->length, table, report, &place))
        return session_show(session);
    session->table = table;
    return EXIT_DONE;
}
