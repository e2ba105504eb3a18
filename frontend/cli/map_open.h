/* --map NAME: a map of another program's names (runtime/interchange/map.h), found as specs are. */
#ifndef SCANLINE_FRONTEND_CLI_MAP_OPEN_H
#define SCANLINE_FRONTEND_CLI_MAP_OPEN_H

#include "frontend/cli/session.h"
#include "runtime/interchange/map.h"

/* NULL: the map of transformers' image GPT. The caller's to map_free. */
ExitCode map_open(Session *session, const char *name, Map **map);

#endif
