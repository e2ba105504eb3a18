/* What an earlier report of the same page made. */
#ifndef SCANLINE_RUNTIME_EARLIER_H
#define SCANLINE_RUNTIME_EARLIER_H

#include "runtime/report/pool.h"

#include <stdint.h>

/* The names of the plots that a page has, as it says itself; none where there is no page, or what
 * is there is none. Whatever the file holds, they are names that plot_name gives. */
uint32_t earlier_plots(const char *page, Pool *pool, const char ***names);

#endif
