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
