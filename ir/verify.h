/* Checks every invariant of a function, as after each pass. */
#ifndef SCANLINE_IR_VERIFY_H
#define SCANLINE_IR_VERIFY_H

#include "ir/graph.h"

/* NULL, or what is wrong and where, in the arena. Bodies are checked too. */
const char *verify_function(const Function *function, Arena *arena);

/* The same for all functions of a module, whose names must differ. */
const char *verify_module(const Module *module, Arena *arena);

#endif
