#include "passes/emit/offsets.h"

Offsets offsets_of(const Function *body, const Axes *composite, const Axes *tensor) {
    Offsets offsets = {0};
    for (int i = 0; i < composite->count; i++) {
        int64_t extent = graph_axis(body, composite->at[i])->extent;
        int64_t stride = axes_stride(body, tensor, composite->at[i]);
        if (extent == 1)
            continue;
        OffsetDigit *outer = offsets.count ? &offsets.digits[offsets.count - 1] : NULL;
        if (outer && outer->stride == stride * extent)
            *outer = (OffsetDigit){outer->extent * extent, stride};
        else
            offsets.digits[offsets.count++] = (OffsetDigit){extent, stride};
    }
    return offsets;
}

bool offsets_uniform(const Offsets *offsets) { return offsets->count <= 1; }

int64_t offsets_stride(const Offsets *offsets) {
    return offsets->count ? offsets->digits[offsets->count - 1].stride : 0;
}

bool offsets_uniform_within(const Offsets *offsets, int64_t width) {
    return offsets_uniform(offsets) || offsets->digits[offsets->count - 1].extent % width == 0;
}

LLVMValueRef emit_offset(Emitter *emitter, const Offsets *offsets, LLVMValueRef index) {
    LLVMValueRef sum = emit_i64(emitter, 0);
    for (uint32_t i = offsets->count; i-- > 0;) {
        const OffsetDigit *digit = &offsets->digits[i];
        LLVMValueRef place = i ? emit_mod_const(emitter, index, digit->extent) : index;
        if (digit->stride)
            sum = emit_add(emitter, sum, emit_mul_const(emitter, place, digit->stride));
        if (i)
            index = emit_div_const(emitter, index, digit->extent);
    }
    return sum;
}

enum { FLOAT_BYTES = 4 };

static LLVMValueRef element_of(Emitter *e, LLVMValueRef base, const Offsets *offsets,
                               LLVMValueRef index) {
    return emit_element(e, e->f32, base, emit_offset(e, offsets, index));
}

static bool is_vector_in_memory(const Offsets *offsets, uint32_t lanes) {
    return lanes > 1 && offsets_stride(offsets) == 1 && offsets_uniform_within(offsets, lanes);
}

static LLVMValueRef lanes_below(Emitter *e, LLVMValueRef first, int64_t extent, uint32_t lanes) {
    return emit_count_mask(e, emit_sub(e, emit_i64(e, extent), first), lanes);
}

/* One by one: the lanes beyond the end read the last element, and are then cleared. */
static LLVMValueRef gather_lanes(Emitter *e, LLVMValueRef base, const Offsets *offsets,
                                 LLVMValueRef first, int64_t extent, uint32_t lanes, bool whole) {
    LLVMValueRef vector = LLVMGetPoison(emit_vector_type(e, e->f32, lanes));
    for (uint32_t lane = 0; lane < lanes; lane++) {
        LLVMValueRef index = emit_add_const(e, first, lane);
        if (!whole)
            index = emit_min_i64(e, index, emit_i64(e, extent - 1));
        LLVMValueRef value = emit_load(e, e->f32, element_of(e, base, offsets, index), FLOAT_BYTES);
        vector = LLVMBuildInsertElement(e->builder, vector, value, emit_i64(e, lane), "");
    }
    if (whole)
        return vector;
    return LLVMBuildSelect(e->builder, lanes_below(e, first, extent, lanes), vector,
                           emit_f32_lanes(e, 0, lanes), "");
}

LLVMValueRef emit_load_composite(Emitter *emitter, LLVMValueRef base, const Offsets *offsets,
                                 LLVMValueRef first, int64_t extent, uint32_t lanes, bool whole) {
    if (!is_vector_in_memory(offsets, lanes))
        return gather_lanes(emitter, base, offsets, first, extent, lanes, whole);
    LLVMTypeRef type = emit_vector_type(emitter, emitter->f32, lanes);
    LLVMValueRef place = element_of(emitter, base, offsets, first);
    if (whole)
        return emit_load(emitter, type, place, FLOAT_BYTES);
    return emit_load_masked(emitter, type, place, lanes_below(emitter, first, extent, lanes),
                            FLOAT_BYTES);
}

static void scatter_lanes(Emitter *e, LLVMValueRef vector, LLVMValueRef base,
                          const Offsets *offsets, LLVMValueRef first, int64_t extent, bool whole) {
    for (uint32_t lane = 0; lane < emit_lanes(vector); lane++) {
        LLVMValueRef index = emit_add_const(e, first, lane);
        LLVMValueRef value = LLVMBuildExtractElement(e->builder, vector, emit_i64(e, lane), "");
        Branch branch;
        if (!whole)
            emit_branch_begin(e, &branch, emit_less(e, index, emit_i64(e, extent)), "exists");
        emit_store(e, value, element_of(e, base, offsets, index), FLOAT_BYTES);
        if (!whole)
            emit_branch_end(e, &branch);
    }
}

void emit_store_composite(Emitter *emitter, LLVMValueRef value, LLVMValueRef base,
                          const Offsets *offsets, LLVMValueRef first, int64_t extent, bool whole) {
    uint32_t lanes = emit_lanes(value);
    if (!is_vector_in_memory(offsets, lanes)) {
        scatter_lanes(emitter, value, base, offsets, first, extent, whole);
        return;
    }
    LLVMValueRef place = element_of(emitter, base, offsets, first);
    if (whole)
        emit_store(emitter, value, place, FLOAT_BYTES);
    else
        emit_store_masked(emitter, value, place, lanes_below(emitter, first, extent, lanes),
                          FLOAT_BYTES);
}
