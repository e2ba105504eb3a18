/* Expressions as text: reading the text gives the same tree again. */
#ifndef SCANLINE_FRONTEND_PRINT_H
#define SCANLINE_FRONTEND_PRINT_H

#include "frontend/syntax.h"

char *print_expression(Arena *arena, const Expr *expr);
/* The shortest decimal that reads as the same double. */
char *print_number(Arena *arena, double value);

#endif
