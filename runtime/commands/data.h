/* Says what a data set holds: counts, splits, hashes, and how well models that know little do on
 * it. */
#ifndef SCANLINE_RUNTIME_COMMANDS_DATA_H
#define SCANLINE_RUNTIME_COMMANDS_DATA_H

#include "runtime/data/data.h"
#include "runtime/run_error.h"

#include <stdio.h>

/* Prints text or JSON to `results`. colours: of the model's palette; 0: those of the images. */
bool commands_data(const DataSettings *settings, int64_t colours, bool json, FILE *results,
                   RunError *error);

#endif
