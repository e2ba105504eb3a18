#include "passes/emit/attention_shared_tile.h"

LLVMTypeRef shared_floats(Emitter *e) { return emit_vector_type(e, e->f32, SHARED_LANES); }

LLVMTypeRef shared_halves(Emitter *e) { return emit_vector_type(e, e->i16, COMPRESSED_LANES); }

LLVMTypeRef shared_pairs(Emitter *e) { return emit_vector_type(e, e->i32, SHARED_LANES); }

LLVMValueRef shared_half(const Shared *shared, int64_t base, LLVMValueRef index) {
    Emitter *e = shared->emitter;
    return emit_element(e, e->i16, attention_scratch(shared->kernel, base), index);
}

LLVMValueRef shared_float(const Shared *shared, int64_t base, LLVMValueRef index) {
    Emitter *e = shared->emitter;
    return emit_element(e, e->f32, attention_scratch(shared->kernel, base), index);
}

LLVMValueRef shared_lanes(const Shared *shared, int64_t base, LLVMValueRef row) {
    return shared_float(shared, base, emit_mul_const(shared->emitter, row, SHARED_LANES));
}

LLVMValueRef shared_key(const Shared *shared, LLVMValueRef key, LLVMValueRef part) {
    Emitter *e = shared->emitter;
    return shared_half(shared, shared->scratch.keys,
                       emit_add(e, emit_mul_const(e, key, shared->shape->width),
                                emit_mul_const(e, part, COMPRESSED_LANES)));
}

LLVMValueRef shared_sums(const Shared *shared, LLVMValueRef part, LLVMValueRef row) {
    Emitter *e = shared->emitter;
    LLVMValueRef number = emit_add(e, emit_mul_const(e, part, shared->rows), row);
    return shared_float(shared, shared->scratch.sums, emit_mul_const(e, number, COMPRESSED_LANES));
}

LLVMValueRef shared_sum(const Shared *shared, LLVMValueRef part, LLVMValueRef row, int64_t half) {
    Emitter *e = shared->emitter;
    if (!shared->tiles)
        return shared_vector(e, shared_sums(shared, part, row), half);
    LLVMValueRef tile = emit_add_const(e, emit_mul_const(e, part, 2), half);
    return shared_lanes(shared, shared->scratch.sums,
                        emit_add(e, emit_mul_const(e, tile, shared->rows), row));
}

LLVMValueRef shared_vector(Emitter *e, LLVMValueRef place, int64_t count) {
    return emit_element(e, e->f32, place, emit_i64(e, count * SHARED_LANES));
}

LLVMValueRef shared_ahead(const Shared *shared, const SharedTile *tile, LLVMValueRef group,
                          int64_t groups) {
    Emitter *e = shared->emitter;
    LLVMValueRef later = emit_add_const(e, group, groups);
    LLVMValueRef is_here = emit_less(e, later, tile->last);
    LLVMValueRef is_own = LLVMBuildOr(e->builder, is_here, tile->is_last, "");
    LLVMValueRef beyond = emit_add(e, tile->first, emit_sub(e, later, tile->last));
    LLVMValueRef after = LLVMBuildSelect(e->builder, tile->is_last, group, beyond, "");
    LLVMValueRef number = LLVMBuildSelect(e->builder, is_here, later, after, "");
    return emit_element(
        e, e->i8, LLVMBuildSelect(e->builder, is_own, tile->stretch.blocks, tile->next.blocks, ""),
        emit_mul_const(e, number, shared->group_bytes));
}

void shared_ask(const Shared *shared, LLVMValueRef ahead, LLVMValueRef line, int64_t count,
                PrefetchTo to) {
    Emitter *e = shared->emitter;
    LLVMValueRef from = emit_element(e, e->i8, ahead, emit_mul_const(e, line, SHARED_LINE_BYTES));
    for (int64_t i = 0; i < count; i++)
        emit_prefetch(e, emit_element(e, e->i8, from, emit_i64(e, i * SHARED_LINE_BYTES)), to);
}

/* Quarters of a group's lines: scores take one, weights one, values two. */
void shared_ask_apart(const Shared *shared, LLVMValueRef ahead, SharedPart part,
                      LLVMValueRef index) {
    Emitter *e = shared->emitter;
    const int64_t lines = shared->group_bytes / SHARED_LINE_BYTES;
    const int64_t tiles = shared->shape->width / TILED_COLUMNS;
    const int64_t firsts[] = {0, lines / 4, lines / 2};
    const int64_t counts[] = {lines / 4 / tiles, lines / 4 / shared->rows, lines / 2 / tiles};
    const int64_t turns = counts[part] / SHARED_STREAMS, stream = lines / SHARED_STREAMS;
    LLVMValueRef from =
        emit_add_const(e, emit_mul_const(e, index, turns), firsts[part] / SHARED_STREAMS);
    for (int64_t turn = 0; turn < turns; turn++)
        for (int64_t i = 0; i < SHARED_STREAMS; i++)
            shared_ask(shared, ahead, emit_add_const(e, from, i * stream + turn), 1, PREFETCH_L2);
}
