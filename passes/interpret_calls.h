/* Calls of libraries for the interpreter: what it has in double precision is handed on as the f32,
 * i32 and bool that the library takes. */
#ifndef SCANLINE_PASSES_INTERPRET_CALLS_H
#define SCANLINE_PASSES_INTERPRET_CALLS_H

#include "ir/interpret.h"

typedef struct InterpretCalls InterpretCalls;

/* Libraries are opened when they are first called, and stay open until the end. */
InterpretCalls *interpret_calls_begin(Arena *arena);
const InterpretCaller *interpret_calls_caller(const InterpretCalls *calls);
void interpret_calls_end(InterpretCalls *calls); /* NULL: nothing is done */

#endif
