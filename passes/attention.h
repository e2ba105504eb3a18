/* Recognising attention, and telling the user where it could not be. */
#ifndef SCANLINE_PASSES_ATTENTION_H
#define SCANLINE_PASSES_ATTENTION_H

#include "passes/passes.h"

/* As pass_attention, which says nothing: for a function that the user wrote, not one derived from
 * it, where the same would be told again. */
Function *attention_recognise(const Function *function, PassContext *context);

#endif
