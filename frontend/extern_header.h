/* The header in C of a spec's extern functions: what a library defines. */
#ifndef SCANLINE_FRONTEND_EXTERN_HEADER_H
#define SCANLINE_FRONTEND_EXTERN_HEADER_H

#include "frontend/spec.h"

/* In the spec's arena; NULL: it has none. Only for a Spec without errors that was lowered without
 * errors. How the functions are called is in runtime/execution/external.h. */
const char *extern_header(const Spec *spec);

#endif
