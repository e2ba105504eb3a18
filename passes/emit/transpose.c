#include "passes/emit/transpose.h"

/* Swaps the blocks off the diagonal, of half the size each round (Eklundh). */
void emit_transpose(Emitter *e, LLVMValueRef *rows, uint32_t lanes) {
    uint32_t *low = arena_array(e->arena, lanes, sizeof *low);
    uint32_t *high = arena_array(e->arena, lanes, sizeof *high);
    for (uint32_t block = lanes / 2; block; block /= 2) {
        for (uint32_t lane = 0; lane < lanes; lane++) {
            low[lane] = lane & block ? lanes + lane - block : lane;
            high[lane] = lane & block ? lanes + lane : lane + block;
        }
        for (uint32_t i = 0; i < lanes; i++) {
            if (i & block)
                continue;
            LLVMValueRef a = rows[i], b = rows[i + block];
            rows[i] = emit_shuffle(e, a, b, low, lanes);
            rows[i + block] = emit_shuffle(e, a, b, high, lanes);
        }
    }
}
