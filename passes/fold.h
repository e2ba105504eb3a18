/* The value of an elementwise op of constants. */
#ifndef SCANLINE_PASSES_FOLD_H
#define SCANLINE_PASSES_FOLD_H

#include "ir/graph.h"

/* True, and the result in *value, where the op's sources are all constants and its result is known
 * exactly as rounding defines it. exp, log, sin, cos, tanh, sigmoid and broken powers are left to
 * the compiled program: the C library's are not the same everywhere. */
bool fold_constants(const Function *function, const Node *node, double *value);

/* A power by a small integer, by multiplications; false for other exponents. */
bool fold_is_small_power(double exponent);

#endif
