#include "passes/emit/attention_sides.h"

#include "passes/emit/bf16.h"

#include <assert.h>

/* --- packing --- */

/* Squares of lanes are transposed: as large as the depth is whole squares. */
static uint32_t square_lanes(const AttentionShape *shape, int64_t depth) {
    for (uint32_t lanes = shape->lanes; lanes >= 4; lanes /= 2)
        if (depth % lanes == 0)
            return lanes;
    return shape->lanes;
}

static bool same_pack(const PackShape *a, const PackShape *b) {
    return offsets_equal(&a->side, &b->side) && offsets_equal(&a->depth, &b->depth) &&
           a->side_extent == b->side_extent && a->depth_extent == b->depth_extent &&
           a->width == b->width && a->lanes == b->lanes && a->dtype == b->dtype &&
           a->pairs == b->pairs;
}

static LLVMValueRef packer_of(AttentionKernel *kernel, const char *part, const PackShape *shape) {
    for (uint32_t i = 0; i < kernel->packer_count; i++)
        if (same_pack(&kernel->packers[i].shape, shape))
            return kernel->packers[i].function;
    Emitter *e = kernel->emitter;
    const char *name = arena_printf(e->arena, "%s.pack_%s", kernel->symbol, part);
    LLVMValueRef function = emit_pack(e, name, shape);
    assert(kernel->packer_count < ATTENTION_MAX_PACKS);
    kernel->packers[kernel->packer_count++] = (AttentionPacker){*shape, function};
    return function;
}

AttentionPack attention_emit_pack(AttentionKernel *kernel, const char *part, uint32_t source,
                                  const Axes *side, const Axes *depth, uint32_t width) {
    const Function *body = kernel->shape.body;
    int64_t depths = attention_depth(&kernel->shape, axes_elements(body, depth));
    PackShape shape = {
        .side = attention_source_offsets(kernel, source, side),
        .depth = attention_source_offsets(kernel, source, depth),
        .side_extent = axes_elements(body, side),
        .depth_extent = axes_elements(body, depth),
        .width = width,
        .lanes = square_lanes(&kernel->shape, depths),
        .dtype = kernel->shape.dtype,
        .pairs = kernel->shape.pairs,
    };
    return (AttentionPack){packer_of(kernel, part, &shape), source, depths};
}

void attention_call_pack(const AttentionKernel *kernel, const AttentionPack *pack,
                         LLVMValueRef target, LLVMValueRef batch, LLVMValueRef first,
                         LLVMValueRef count) {
    Emitter *e = kernel->emitter;
    LLVMValueRef arguments[] = {attention_source(kernel, pack->source, batch),
                                target,
                                first,
                                count,
                                emit_i64(e, 0),
                                emit_i64(e, pack->depth)};
    emit_call(e, pack->function, arguments, 6);
}

/* --- left sides --- */

AttentionLeft attention_left(AttentionKernel *kernel, const char *part, uint32_t source,
                             const Axes *depth, bool in_place, int64_t scratch) {
    const AttentionShape *shape = &kernel->shape;
    int64_t pair = shape->pairs ? 2 : 1; /* elements of a depth */
    AttentionLeft left = {.in_place = in_place, .source = source, .scratch = scratch};
    if (in_place) {
        Offsets rows = attention_source_offsets(kernel, source, &shape->row_axes);
        Offsets depths = attention_source_offsets(kernel, source, depth);
        left.row = offsets_stride(&rows);
        left.depth = pair * offsets_stride(&depths);
        return left;
    }
    left.row = pair;
    left.depth = pair * shape->height;
    left.pack = attention_emit_pack(kernel, part, source, &shape->row_axes, depth, shape->height);
    return left;
}

void attention_prepare_left(const AttentionKernel *kernel, const AttentionLeft *left,
                            LLVMValueRef batch, LLVMValueRef first, LLVMValueRef count) {
    if (!left->in_place)
        attention_call_pack(kernel, &left->pack, attention_scratch(kernel, left->scratch), batch,
                            first, count);
}

LLVMValueRef attention_left_row(const AttentionKernel *kernel, const AttentionLeft *left,
                                LLVMValueRef batch, LLVMValueRef first, LLVMValueRef row) {
    Emitter *e = kernel->emitter;
    if (left->in_place) {
        Offsets rows = attention_source_offsets(kernel, left->source, &kernel->shape.row_axes);
        return attention_element(kernel, kernel->shape.dtype,
                                 attention_source(kernel, left->source, batch),
                                 emit_offset(e, &rows, row));
    }
    LLVMValueRef at = emit_mul_const(e, emit_sub(e, row, first), left->pack.depth);
    return attention_float(kernel, attention_scratch(kernel, left->scratch), at);
}

/* --- products --- */

Product attention_product(const AttentionShape *shape, uint32_t height, uint32_t width,
                          int64_t left_row, int64_t left_depth, int64_t depth) {
    return (Product){
        .height = height,
        .vectors = width / shape->lanes,
        .lanes = shape->lanes,
        .last_lanes = shape->lanes,
        .pairs = shape->pairs,
        .left_row = left_row,
        .left_depth = left_depth,
        .right_depth = width,
        .depth_rest = depth % PRODUCT_UNROLL,
        .depth_short = depth < PRODUCT_UNROLL,
    };
}

AttentionStore attention_store(const AttentionKernel *kernel, int64_t result, LLVMValueRef base,
                               const Axes *rows, int64_t padded, const Axes *columns) {
    const Function *body = kernel->shape.body;
    return (AttentionStore){
        .base = base,
        .rows = attention_result_offsets(kernel, result, rows),
        .columns = attention_result_offsets(kernel, result, columns),
        .row_count = axes_elements(body, rows),
        .column_count = axes_elements(body, columns),
        .all_rows = axes_elements(body, rows) == padded,
        .dtype = attention_result_type(kernel, result),
    };
}

void attention_store_sums(const AttentionKernel *kernel, const AttentionStore *store,
                          const Product *product, LLVMValueRef *sums, LLVMValueRef row,
                          LLVMValueRef column) {
    Emitter *e = kernel->emitter;
    bool whole = store->column_count % (product->vectors * product->lanes) == 0;
    for (uint32_t r = 0; r < product->height; r++) {
        LLVMValueRef at = emit_add_const(e, row, r);
        Branch branch;
        if (!store->all_rows)
            emit_branch_begin(e, &branch, emit_less(e, at, emit_i64(e, store->row_count)),
                              "exists");
        LLVMValueRef to =
            attention_element(kernel, store->dtype, store->base, emit_offset(e, &store->rows, at));
        for (uint32_t v = 0; v < product->vectors; v++)
            emit_store_composite(
                e, store->dtype, sums[r * product->vectors + v], to, &store->columns,
                emit_add_const(e, column, (int64_t)v * product->lanes), store->column_count, whole);
        if (!store->all_rows)
            emit_branch_end(e, &branch);
    }
}

/* The lanes of one vector after those of another, as bf16; in one instruction where there is one.
 */
static LLVMValueRef round_both(Emitter *e, LLVMValueRef even, LLVMValueRef odd) {
    enum { NATIVE_LANES = 16 };
    static const char name[] = "llvm.x86.avx512bf16.cvtne2ps2bf16.512";
    uint32_t lanes = emit_lanes(even);
    uint32_t *numbers = arena_array(e->arena, 2 * (size_t)lanes, sizeof *numbers);
    for (uint32_t lane = 0; lane < 2 * lanes; lane++)
        numbers[lane] = lane;
    if (!e->target->has_bf16_dot || lanes != NATIVE_LANES)
        return emit_shuffle(e, emit_to_bf16(e, even), emit_to_bf16(e, odd), numbers, 2 * lanes);
    LLVMValueRef arguments[] = {odd, even};
    unsigned id = LLVMLookupIntrinsicID(name, sizeof name - 1);
    LLVMValueRef function = LLVMGetIntrinsicDeclaration(e->module, id, NULL, 0);
    LLVMValueRef rounded =
        LLVMBuildCall2(e->builder, LLVMGlobalGetValueType(function), function, arguments, 2, "");
    return LLVMBuildBitCast(e->builder, rounded, emit_vector_type(e, e->i16, 2 * lanes), "");
}

AttentionPairs attention_round_rows(const AttentionKernel *kernel, LLVMValueRef even,
                                    LLVMValueRef odd) {
    Emitter *e = kernel->emitter;
    uint32_t lanes = emit_lanes(even);
    uint32_t *first = arena_array(e->arena, lanes, sizeof *first);
    uint32_t *second = arena_array(e->arena, lanes, sizeof *second);
    uint32_t *in_turn = arena_array(e->arena, 2 * (size_t)lanes, sizeof *in_turn);
    for (uint32_t lane = 0; lane < lanes; lane++) {
        first[lane] = in_turn[2 * lane] = lane;
        second[lane] = in_turn[2 * lane + 1] = lanes + lane;
    }
    LLVMValueRef both = round_both(e, even, odd);
    LLVMValueRef pairs = emit_shuffle(e, both, both, in_turn, 2 * lanes);
    return (AttentionPairs){
        .even = emit_shuffle(e, both, both, first, lanes),
        .odd = emit_shuffle(e, both, both, second, lanes),
        .pairs = LLVMBuildBitCast(e->builder, pairs, emit_vector_type(e, e->i32, lanes), ""),
    };
}
