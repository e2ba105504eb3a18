/* Amounts as people read them: three digits or so, and a prefix. */
#ifndef SCANLINE_FRONTEND_CLI_SCALED_H
#define SCANLINE_FRONTEND_CLI_SCALED_H

#include "ir/arena.h"

/* "1.25 MFLOP", "512 KiB"; base 1000 or 1024. */
const char *scaled_text(Arena *arena, double value, double base, const char *unit);

#endif
