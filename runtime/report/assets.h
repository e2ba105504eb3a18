/* What a page is made with; files that are part of the program. */
#ifndef SCANLINE_RUNTIME_ASSETS_H
#define SCANLINE_RUNTIME_ASSETS_H

#include <stddef.h>

const char *asset_style(size_t *size);  /* page.css */
const char *asset_script(size_t *size); /* page.js */
const char *asset_charts(size_t *size); /* Chart.js, as the distribution has it */

#endif
