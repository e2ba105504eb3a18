#include "passes/emit/lane_sums.h"

LLVMValueRef emit_add_neighbours(Emitter *e, LLVMValueRef a, LLVMValueRef b, bool fours) {
    uint32_t even[LANE_SUMS], odd[LANE_SUMS];
    for (uint32_t i = 0; i < LANE_SUMS; i++) {
        const uint32_t part = fours ? i / 4 : i % 4;
        const uint32_t from = part / 2 * LANE_SUMS, which = part % 2;
        even[i] = fours ? from + 8 * which + i % 4 : from + i / 4 * 4 + 2 * which;
        odd[i] = even[i] + (fours ? 4 : 1);
    }
    return LLVMBuildFAdd(e->builder, emit_shuffle(e, a, b, even, LANE_SUMS),
                         emit_shuffle(e, a, b, odd, LANE_SUMS), "");
}

LLVMValueRef emit_lane_sums(Emitter *e, LLVMValueRef *vectors, uint32_t count) {
    for (; count > 1; count /= 2)
        for (uint32_t i = 0; i < count; i += 2)
            vectors[i / 2] =
                emit_add_neighbours(e, vectors[i], vectors[i + 1], count <= LANE_SUMS / 4);
    return vectors[0];
}
