/* Functions from text and their values, for the tests of ir/. */
#ifndef SCANLINE_TESTS_IR_SUPPORT_H
#define SCANLINE_TESTS_IR_SUPPORT_H

#include "ir/graph.h"
#include "ir/interpret.h"

/* The last function of a text that must be right; a test fails where it is not. */
Function *ir_parse(Arena *arena, const char *text);

/* Values of the function's outputs; a test fails where there are none. */
double **ir_values(Arena *arena, const Function *function, const InterpretBinding *bindings,
                   size_t count);

/* Equal, or both NaN, or within `tolerance` relative to the larger of 1 and the expected. */
bool ir_near(double value, double expected, double tolerance);

#endif
