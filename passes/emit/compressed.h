/* Blocks of bf16 in 12 bits each (ir/compressed.h), in registers. */
#ifndef SCANLINE_PASSES_EMIT_COMPRESSED_H
#define SCANLINE_PASSES_EMIT_COMPRESSED_H

#include "ir/compressed.h"
#include "passes/emit/emitter.h"

enum { COMPRESSED_ROWS = COMPRESSED_VALUES / COMPRESSED_LANES };

/* Tensors as the kernel has them: those that a product or attention reads, or compress writes. */
typedef struct CompressedTensor {
    LLVMValueRef plain, packed;
    int64_t values; /* of a stretch */
} CompressedTensor;

/* One stretch. */
typedef struct Stretch {
    LLVMValueRef plain, bases, blocks;
} Stretch;

Stretch emit_stretch(Emitter *emitter, const CompressedTensor *tensor, LLVMValueRef index);

/* Writes a block's bytes and base; `block` counts from the stretch's begin. */
void emit_compress_block(Emitter *emitter, const Stretch *stretch, LLVMValueRef block);

/* The block's values: rows of COMPRESSED_LANES i16, from its bytes, or from where they lie plain
 * if those do not hold them. */
void emit_expand_block(Emitter *emitter, const Stretch *stretch, LLVMValueRef block,
                       LLVMValueRef rows[COMPRESSED_ROWS]);

/* Ask for the bytes of a block; for the bases of blocks first, ..., last - 1; and for the values of
 * those that are read plain. They are few, but each is waited for long when nobody has asked. */
void emit_fetch_block(Emitter *emitter, const Stretch *stretch, LLVMValueRef block);
void emit_fetch_bases(Emitter *emitter, const Stretch *stretch, LLVMValueRef first,
                      LLVMValueRef last);
void emit_fetch_plain(Emitter *emitter, const Stretch *stretch, LLVMValueRef first,
                      LLVMValueRef last);

#endif
