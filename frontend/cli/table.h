/* --table: choices from a file, in the place of those that ship. */
#ifndef SCANLINE_FRONTEND_CLI_TABLE_H
#define SCANLINE_FRONTEND_CLI_TABLE_H

#include "frontend/cli/session.h"

/* To session->table, where the options name a file. What is wrong with it is shown, all of it. */
ExitCode table_open(Session *session);

#endif
