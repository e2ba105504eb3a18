/* From a source's text to its syntax tree. */
#ifndef SCANLINE_FRONTEND_PARSER_H
#define SCANLINE_FRONTEND_PARSER_H

#include "frontend/diagnostic.h"
#include "frontend/syntax.h"

/* Never NULL: after an error it goes on with the next statement or declaration, and what could not
 * be read is left out. Errors are added to `diagnostics`. */
SyntaxFile *parse_file(Arena *arena, const Source *source, Diagnostics *diagnostics);

/* A source that is one expression from `offset` on. NULL after an error. */
const Expr *parse_expression(Arena *arena, const Source *source, uint32_t offset,
                             Diagnostics *diagnostics);

#endif
