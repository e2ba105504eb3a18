/* Tiles of bf16 (ir/tiled.h), made of rows. */
#ifndef SCANLINE_PASSES_EMIT_TILED_H
#define SCANLINE_PASSES_EMIT_TILED_H

#include "ir/tiled.h"
#include "passes/emit/emitter.h"

enum { TILED_BYTES = TILED_ELEMENTS * 4, TILED_LINE_BYTES = TILED_COLUMNS * 4 };

/* One matrix of bf16, and the tiles that hold it. */
typedef struct TiledMatrix {
    LLVMValueRef plain, tiles;
    int64_t columns;
} TiledMatrix;

/* Writes rows 2 pair and 2 pair + 1. */
void emit_tile_pair(Emitter *emitter, const TiledMatrix *matrix, LLVMValueRef pair);

#endif
