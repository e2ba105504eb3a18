/* Sums are taken in the order in which rows are read, in each lane; a product is added by one fma.
 * Ties of argmax go to the lower position, whichever lane has it, and NaN is never the largest
 * there. */
#include "passes/emit/rows_reduce.h"

#include "passes/emit/elementwise.h"

#include <math.h>

static const Node *source_of(const Function *body, NodeId node) {
    return &body->nodes[body->nodes[node].sources[0]];
}

static LLVMValueRef lowest(Emitter *emitter, DType dtype, uint32_t lanes) {
    return dtype == DTYPE_I32 ? emit_i32_lanes(emitter, INT32_MIN, lanes)
                              : emit_f32_lanes(emitter, -INFINITY, lanes);
}

Partial reduce_identity(Emitter *emitter, const Function *body, NodeId node, uint32_t lanes) {
    DType dtype = source_of(body, node)->dtype;
    switch (body->nodes[node].op) {
    case OP_ARGMAX:
        return (Partial){lowest(emitter, dtype, lanes), emit_i32_lanes(emitter, 0, lanes)};
    case OP_REDUCE_MAX:
        return (Partial){lowest(emitter, dtype, lanes), NULL};
    default:
        return (Partial){dtype == DTYPE_I32 ? emit_i32_lanes(emitter, 0, lanes)
                                            : emit_f32_lanes(emitter, 0, lanes),
                         NULL};
    }
}

static LLVMValueRef compare(Emitter *emitter, DType dtype, LLVMRealPredicate real,
                            LLVMIntPredicate integer, LLVMValueRef a, LLVMValueRef b) {
    return dtype == DTYPE_I32 ? LLVMBuildICmp(emitter->builder, integer, a, b, "")
                              : LLVMBuildFCmp(emitter->builder, real, a, b, "");
}

static LLVMValueRef select_or_keep(Emitter *emitter, LLVMValueRef condition, LLVMValueRef taken,
                                   LLVMValueRef kept) {
    return condition && kept ? LLVMBuildSelect(emitter->builder, condition, taken, kept, "")
                             : taken;
}

/* The place along the axis that is searched, as an i32 or one a lane. */
static LLVMValueRef search_place(Site *site, const Node *node) {
    Emitter *emitter = site->evaluator->emitter;
    Coordinate at = site->at[node->attributes.axes.at[0]];
    LLVMValueRef base = LLVMBuildTrunc(emitter->builder, at.value, emitter->i32, "");
    if (at.kind == COORDINATE_SAME)
        return base;
    return LLVMBuildAdd(emitter->builder, emit_splat(emitter, base, site->lanes),
                        emit_ramp(emitter, site->lanes), "");
}

static Partial take_largest(Site *site, const Node *node, Partial partial) {
    Emitter *emitter = site->evaluator->emitter;
    DType dtype = site->evaluator->body->nodes[node->sources[0]].dtype;
    LLVMValueRef value = site_lanes(site, node->sources[0]);
    LLVMValueRef better = compare(emitter, dtype, LLVMRealOGT, LLVMIntSGT, value, partial.value);
    return (Partial){
        LLVMBuildSelect(emitter->builder, better, value, partial.value, ""),
        LLVMBuildSelect(emitter->builder, better, search_place(site, node), partial.place, "")};
}

static LLVMValueRef add(Emitter *emitter, DType dtype, LLVMValueRef a, LLVMValueRef b) {
    return dtype == DTYPE_I32 ? LLVMBuildAdd(emitter->builder, a, b, "")
                              : LLVMBuildFAdd(emitter->builder, a, b, "");
}

Partial reduce_take(Site *site, NodeId id, Partial partial) {
    Emitter *emitter = site->evaluator->emitter;
    const Function *body = site->evaluator->body;
    const Node *node = &body->nodes[id];
    Partial next = {0};
    if (node->op == OP_ARGMAX) {
        next = take_largest(site, node, partial);
    } else if (node->op == OP_CONTRACT) {
        LLVMValueRef a = site_lanes(site, node->sources[0]), b = site_lanes(site, node->sources[1]);
        next.value = emit_fma(emitter, a, b, partial.value);
    } else {
        LLVMValueRef value = site_lanes(site, node->sources[0]);
        next.value = node->op == OP_REDUCE_MAX ? emit_maximum(emitter, partial.value, value)
                                               : add(emitter, node->dtype, partial.value, value);
    }
    return (Partial){select_or_keep(emitter, site->mask, next.value, partial.value),
                     select_or_keep(emitter, site->mask, next.place, partial.place)};
}

Partial reduce_merge(Emitter *emitter, const Function *body, NodeId id, Partial a, Partial b) {
    const Node *node = &body->nodes[id];
    DType dtype = source_of(body, id)->dtype;
    LLVMBuilderRef builder = emitter->builder;
    if (node->op == OP_REDUCE_MAX)
        return (Partial){emit_maximum(emitter, a.value, b.value), NULL};
    if (node->op != OP_ARGMAX)
        return (Partial){add(emitter, dtype, a.value, b.value), NULL};
    LLVMValueRef larger = compare(emitter, dtype, LLVMRealOGT, LLVMIntSGT, b.value, a.value);
    LLVMValueRef equal = compare(emitter, dtype, LLVMRealOEQ, LLVMIntEQ, b.value, a.value);
    LLVMValueRef first = LLVMBuildICmp(builder, LLVMIntSLT, b.place, a.place, "");
    LLVMValueRef better = LLVMBuildOr(builder, larger, LLVMBuildAnd(builder, equal, first, ""), "");
    return (Partial){LLVMBuildSelect(builder, better, b.value, a.value, ""),
                     LLVMBuildSelect(builder, better, b.place, a.place, "")};
}

static LLVMValueRef half_of(Emitter *emitter, LLVMValueRef vector, bool upper) {
    uint32_t half = emit_lanes(vector) / 2;
    LLVMValueRef first = emit_i32(emitter, upper ? (int32_t)half : 0);
    if (half == 1)
        return LLVMBuildExtractElement(emitter->builder, vector, first, "");
    LLVMValueRef *places = arena_array(emitter->arena, half, sizeof *places);
    for (uint32_t i = 0; i < half; i++)
        places[i] = emit_i32(emitter, (int32_t)(i + (upper ? half : 0)));
    return LLVMBuildShuffleVector(emitter->builder, vector, LLVMGetPoison(LLVMTypeOf(vector)),
                                  LLVMConstVector(places, half), "");
}

Partial reduce_lanes(Emitter *emitter, const Function *body, NodeId node, Partial partial) {
    while (emit_lanes(partial.value) > 1) {
        Partial halves[2];
        for (int upper = 0; upper < 2; upper++)
            halves[upper] = (Partial){
                half_of(emitter, partial.value, upper),
                partial.place ? half_of(emitter, partial.place, upper) : NULL,
            };
        partial = reduce_merge(emitter, body, node, halves[0], halves[1]);
    }
    return partial;
}

LLVMValueRef reduce_result(const Function *body, NodeId node, Partial partial) {
    return body->nodes[node].op == OP_ARGMAX ? partial.place : partial.value;
}
