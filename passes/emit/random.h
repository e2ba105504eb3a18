/* Random draws in machine code: the Philox of ir/philox.h, in as many lanes as elements are drawn.
 */
#ifndef SCANLINE_PASSES_EMIT_RANDOM_H
#define SCANLINE_PASSES_EMIT_RANDOM_H

#include "passes/emit/emitter.h"

typedef struct RandomDraw {
    LLVMValueRef key;                     /* i64 */
    LLVMValueRef seed, draw, step, image; /* i32 scalars; image may be a vector */
    LLVMValueRef element;                 /* i32, scalar or vector */
} RandomDraw;

/* In [0, 1): exactly random_uniform of ir/philox.h. */
LLVMValueRef random_uniform_lanes(Emitter *emitter, const RandomDraw *draw);
/* random_normal of ir/philox.h in f32. */
LLVMValueRef random_normal_lanes(Emitter *emitter, const RandomDraw *draw);

#endif
