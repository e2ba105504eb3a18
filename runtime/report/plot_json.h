/* A plot as the page's script reads it (page.js):
 *
 *     {"x_axis", "y_axis", "x_whole", "y_share",
 *      "series": [{"name", "light", "dark", "line", "marks", "faint", "dashed",
 *                  "points": [[x, y], [x, y, low, high, note], ...]}]} */
#ifndef SCANLINE_RUNTIME_PLOT_JSON_H
#define SCANLINE_RUNTIME_PLOT_JSON_H

#include "runtime/study/plot.h"

#include <jansson.h>

enum { PLOT_JSON_DIGITS = 7 }; /* what can be seen */

/* NULL: no memory. */
json_t *plot_json(const Plot *plot);

#endif
