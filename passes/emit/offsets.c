#include "passes/emit/offsets.h"

#include "passes/emit/bf16.h"

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

/* A tensor in memory. */
typedef struct ElementPlace {
    LLVMTypeRef element;
    uint32_t bytes;
    LLVMValueRef base;
    const Offsets *offsets;
} ElementPlace;

static LLVMValueRef element_of(Emitter *e, const ElementPlace *place, LLVMValueRef index) {
    return emit_element(e, place->element, place->base, emit_offset(e, place->offsets, index));
}

static bool is_vector_in_memory(const Offsets *offsets, uint32_t lanes) {
    return lanes > 1 && offsets_stride(offsets) == 1 && offsets_uniform_within(offsets, lanes);
}

static LLVMValueRef lanes_below(Emitter *e, LLVMValueRef first, int64_t extent, uint32_t lanes) {
    return emit_count_mask(e, emit_sub(e, emit_i64(e, extent), first), lanes);
}

/* One by one: the lanes beyond the end read the last element, and are then cleared. */
static LLVMValueRef gather_lanes(Emitter *e, const ElementPlace *place, LLVMValueRef first,
                                 int64_t extent, uint32_t lanes, bool whole) {
    LLVMTypeRef type = emit_vector_type(e, place->element, lanes);
    LLVMValueRef vector = LLVMGetPoison(type);
    for (uint32_t lane = 0; lane < lanes; lane++) {
        LLVMValueRef index = emit_add_const(e, first, lane);
        if (!whole)
            index = emit_min_i64(e, index, emit_i64(e, extent - 1));
        LLVMValueRef value =
            emit_load(e, place->element, element_of(e, place, index), place->bytes);
        vector = LLVMBuildInsertElement(e->builder, vector, value, emit_i64(e, lane), "");
    }
    if (whole)
        return vector;
    return LLVMBuildSelect(e->builder, lanes_below(e, first, extent, lanes), vector,
                           LLVMConstNull(type), "");
}

static LLVMValueRef load_lanes(Emitter *e, const ElementPlace *place, LLVMValueRef first,
                               int64_t extent, uint32_t lanes, bool whole) {
    if (!is_vector_in_memory(place->offsets, lanes))
        return gather_lanes(e, place, first, extent, lanes, whole);
    LLVMTypeRef type = emit_vector_type(e, place->element, lanes);
    LLVMValueRef from = element_of(e, place, first);
    if (whole)
        return emit_load(e, type, from, place->bytes);
    return emit_load_masked(e, type, from, lanes_below(e, first, extent, lanes), place->bytes);
}

static ElementPlace place_of(Emitter *e, DType dtype, LLVMValueRef base, const Offsets *offsets) {
    return (ElementPlace){emit_memory_type(e, dtype), (uint32_t)dtype_size(dtype), base, offsets};
}

LLVMValueRef emit_load_composite(Emitter *emitter, DType dtype, LLVMValueRef base,
                                 const Offsets *offsets, LLVMValueRef first, int64_t extent,
                                 uint32_t lanes, bool whole) {
    ElementPlace place = place_of(emitter, dtype, base, offsets);
    LLVMValueRef value = load_lanes(emitter, &place, first, extent, lanes, whole);
    return dtype == DTYPE_BF16 ? emit_from_bf16(emitter, value) : value;
}

static void scatter_lanes(Emitter *e, LLVMValueRef vector, const ElementPlace *place,
                          LLVMValueRef first, int64_t extent, bool whole) {
    for (uint32_t lane = 0; lane < emit_lanes(vector); lane++) {
        LLVMValueRef index = emit_add_const(e, first, lane);
        LLVMValueRef value = vector;
        if (emit_lanes(vector) > 1)
            value = LLVMBuildExtractElement(e->builder, vector, emit_i64(e, lane), "");
        Branch branch;
        if (!whole)
            emit_branch_begin(e, &branch, emit_less(e, index, emit_i64(e, extent)), "exists");
        emit_store(e, value, element_of(e, place, index), place->bytes);
        if (!whole)
            emit_branch_end(e, &branch);
    }
}

void emit_store_composite(Emitter *emitter, DType dtype, LLVMValueRef value, LLVMValueRef base,
                          const Offsets *offsets, LLVMValueRef first, int64_t extent, bool whole) {
    uint32_t lanes = emit_lanes(value);
    ElementPlace place = place_of(emitter, dtype, base, offsets);
    if (dtype == DTYPE_BF16)
        value = emit_to_bf16(emitter, value);
    if (!is_vector_in_memory(offsets, lanes)) {
        scatter_lanes(emitter, value, &place, first, extent, whole);
        return;
    }
    LLVMValueRef to = element_of(emitter, &place, first);
    if (whole)
        emit_store(emitter, value, to, place.bytes);
    else
        emit_store_masked(emitter, value, to, lanes_below(emitter, first, extent, lanes),
                          place.bytes);
}
