/* The names in a folder. */
#ifndef SCANLINE_RUNTIME_LISTING_H
#define SCANLINE_RUNTIME_LISTING_H

#include "runtime/report/pool.h"

#include <stdint.h>

/* Those that `wanted` says yes to, sorted, at most `most` of them; none where there is no folder,
 * or no memory. */
uint32_t listing_read(const char *folder, bool (*wanted)(const char *name), uint32_t most,
                      Pool *pool, const char ***names);

#endif
