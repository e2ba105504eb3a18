#include "frontend/cli/map_open.h"

#include "frontend/cli/session_jit.h"

static const char default_map[] = "igpt-hf";

ExitCode map_open(Session *session, const char *name, Map **map) {
    const char *path = session_find(session, name ? name : default_map, ".map");
    const Source *source;
    const char *reason = "there is no such file";
    FileError error;
    *map = NULL;
    if (sources_open(session->sources, path, &source, &reason) != SOURCE_FOUND)
        return session_fail(session, EXIT_INPUT, "map", "cannot read the map %s: %s", path, reason);
    *map = map_parse(source->name, source->text, source->length, &error);
    return *map ? EXIT_DONE : session_fail(session, EXIT_INPUT, "map", "%s", error.text);
}
