/* The models and maps that come along (models/), inside the program: it works wherever it is put. */
#ifndef SCANLINE_FRONTEND_BUILTIN_H
#define SCANLINE_FRONTEND_BUILTIN_H

#include "frontend/source.h"

#define BUILTIN_DIRECTORY "builtin" /* their paths are BUILTIN_DIRECTORY "/NAME.scan", "/NAME.map" */

extern const SourceFile builtin_models[];
extern const size_t builtin_model_count;

#endif
