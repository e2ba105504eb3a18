/* Gives a data file its palette: fitted to the pixels of its train split alone, at the resolution
 * that a model will see, or read from a file; and says how far pixels are from its colours. */
#ifndef SCANLINE_RUNTIME_COMMANDS_PALETTE_H
#define SCANLINE_RUNTIME_COMMANDS_PALETTE_H

#include "runtime/run/log.h"
#include "runtime/run_error.h"

#include <stdint.h>
#include <stdio.h>

typedef struct PaletteOptions {
    const char *path;    /* the data file */
    const char *palette; /* a .npy file to take instead of fitting; NULL: none */
    const char *out;     /* a .npy file to write, too; NULL: none */
    int64_t colours;     /* 1 to PALETTE_MOST_COLOURS */
    int64_t resolution;  /* pixels a side; 0: images as they are */
    int64_t seed;
    bool grey;
    int threads;
    bool json;
} PaletteOptions;

bool commands_palette(const PaletteOptions *options, Log *log, FILE *results, RunError *error);

#endif
