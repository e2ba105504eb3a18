/* A pass checked by value: what --check-passes does. */
#ifndef SCANLINE_PASSES_CHECK_H
#define SCANLINE_PASSES_CHECK_H

#include "ir/interpret.h"

/* Interprets a function before and after a pass on the same random bindings. NULL when every output
 * of `before` is there after, with the same type and values (but for rounding); else what differs,
 * in the arena. Meant for small dims: the interpreter's loops are plain. */
const char *check_same_values(const Function *before, const Function *after, Arena *arena);

/* The same with somebody who calls external functions; what goes through these has their precision.
 */
const char *check_same_values_calling(const Function *before, const Function *after,
                                      const InterpretCaller *caller, Arena *arena);

#endif
