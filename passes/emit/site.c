/* An offset is the sum of coordinate times stride. What is the same in all lanes is added up as
 * scalars; a ramp along an axis of stride 1 stays a ramp (one vector load), anything else becomes a
 * vector of offsets (a gather). */
#include "passes/emit/site.h"

#include "passes/emit/bf16.h"
#include "passes/emit/elementwise.h"
#include "passes/emit/kernel.h"
#include "passes/emit/random.h"

#include <assert.h>
#include <string.h>

Evaluator evaluator_create(Emitter *emitter, const Function *body, const LLVMValueRef *operands,
                           LLVMValueRef immediates) {
    Evaluator evaluator = {.emitter = emitter, .body = body, .immediates = immediates};
    evaluator.cursor = arena_alloc(emitter->arena, sizeof *evaluator.cursor);
    evaluator.operands = arena_array(emitter->arena, body->node_count, sizeof(LLVMValueRef));
    evaluator.draws = arena_array(emitter->arena, body->node_count, sizeof(uint32_t));
    uint32_t bound = 0, drawn = 0;
    for (NodeId id = 0; id < body->node_count; id++) {
        OpCode op = body->nodes[id].op;
        if (op == OP_PARAM || op == OP_INPUT)
            evaluator.operands[id] = operands[bound++];
        if (op == OP_RANDOM || op == OP_RANDOM_NORMAL)
            evaluator.draws[id] = drawn++;
    }
    return evaluator;
}

Site *site_create(const Evaluator *evaluator, Site *around, uint32_t lanes) {
    Arena *arena = evaluator->emitter->arena;
    Site *site = arena_alloc(arena, sizeof *site);
    *site = (Site){.evaluator = evaluator, .around = around, .lanes = lanes};
    site->at = arena_array(arena, evaluator->body->axis_count, sizeof *site->at);
    site->values = arena_array(arena, evaluator->body->node_count, sizeof *site->values);
    return site;
}

/* --- coordinates --- */

static LLVMTypeRef lanes_type(const Site *site, LLVMTypeRef element) {
    return emit_vector_type(site->evaluator->emitter, element, site->lanes);
}

static LLVMValueRef ramp_i64(const Site *site) {
    Emitter *emitter = site->evaluator->emitter;
    return LLVMBuildSExt(emitter->builder, emit_ramp(emitter, site->lanes),
                         lanes_type(site, emitter->i64), "");
}

/* One offset for each lane. */
static LLVMValueRef coordinate_lanes(const Site *site, Coordinate coordinate) {
    Emitter *emitter = site->evaluator->emitter;
    if (coordinate.kind == COORDINATE_LANES)
        return coordinate.value;
    LLVMValueRef base = emit_splat(emitter, coordinate.value, site->lanes);
    return coordinate.kind == COORDINATE_SAME ? base : emit_add(emitter, base, ramp_i64(site));
}

static Coordinate coordinate_scaled(const Site *site, Coordinate coordinate, int64_t stride) {
    Emitter *emitter = site->evaluator->emitter;
    if (stride == 1)
        return coordinate;
    if (coordinate.kind == COORDINATE_SAME)
        return (Coordinate){COORDINATE_SAME, emit_mul_const(emitter, coordinate.value, stride)};
    LLVMValueRef strides = emit_splat(emitter, emit_i64(emitter, stride), site->lanes);
    return (Coordinate){COORDINATE_LANES,
                        emit_mul(emitter, coordinate_lanes(site, coordinate), strides)};
}

static Coordinate coordinate_sum(const Site *site, Coordinate a, Coordinate b) {
    Emitter *emitter = site->evaluator->emitter;
    if (a.kind == COORDINATE_SAME && b.kind != COORDINATE_LANES)
        return (Coordinate){b.kind, emit_add(emitter, a.value, b.value)};
    if (b.kind == COORDINATE_SAME && a.kind != COORDINATE_LANES)
        return (Coordinate){a.kind, emit_add(emitter, a.value, b.value)};
    return (Coordinate){COORDINATE_LANES,
                        emit_add(emitter, coordinate_lanes(site, a), coordinate_lanes(site, b))};
}

Coordinate site_offset(Site *site, const Axes *axes) {
    const Function *body = site->evaluator->body;
    Emitter *emitter = site->evaluator->emitter;
    Coordinate offset = {COORDINATE_SAME, emit_i64(emitter, 0)};
    for (int i = 0; i < axes->count; i++) {
        Coordinate at = site->at[axes->at[i]];
        assert(at.value);
        at = coordinate_scaled(site, at, axes_stride(body, axes, axes->at[i]));
        offset = coordinate_sum(site, offset, at);
    }
    return offset;
}

Site *site_moved(Site *site, AxisId axis, Coordinate to) {
    const Evaluator *evaluator = site->evaluator;
    Site *moved = site_create(evaluator, site, site->lanes);
    memcpy(moved->at, site->at, evaluator->body->axis_count * sizeof *moved->at);
    moved->at[axis] = to;
    moved->mask = site->mask;
    moved->before = site->before;
    bool *varies =
        arena_array(evaluator->emitter->arena, evaluator->body->node_count, sizeof(bool));
    for (NodeId id = 0; id < evaluator->body->node_count; id++)
        varies[id] = axes_has(&evaluator->body->nodes[id].axes, axis);
    moved->varies = varies;
    return moved;
}

Coordinate site_position(Site *site, LLVMValueRef position, AxisId axis) {
    Emitter *emitter = site->evaluator->emitter;
    LLVMBuilderRef builder = emitter->builder;
    uint32_t lanes = emit_lanes(position);
    int64_t extent = graph_axis(site->evaluator->body, axis)->extent;
    LLVMValueRef wide =
        LLVMBuildSExt(builder, position, emit_vector_type(emitter, emitter->i64, lanes), "");
    LLVMValueRef first = emit_splat(emitter, emit_i64(emitter, 0), lanes);
    LLVMValueRef last = emit_splat(emitter, emit_i64(emitter, extent - 1), lanes);
    wide = emit_max_i64(emitter, emit_min_i64(emitter, wide, last), first);
    return (Coordinate){lanes == 1 ? COORDINATE_SAME : COORDINATE_LANES, wide};
}

/* --- memory --- */

static LLVMValueRef all_lanes(const Site *site) {
    Emitter *emitter = site->evaluator->emitter;
    return site->mask ? site->mask : LLVMConstAllOnes(lanes_type(site, emitter->i1));
}

static LLVMValueRef call_memory(Emitter *emitter, const char *name, LLVMTypeRef value_type,
                                LLVMTypeRef pointer_type, LLVMValueRef *arguments) {
    LLVMTypeRef overloads[] = {value_type, pointer_type};
    unsigned id = LLVMLookupIntrinsicID(name, strlen(name));
    LLVMValueRef function = LLVMGetIntrinsicDeclaration(emitter->module, id, overloads, 2);
    return LLVMBuildCall2(emitter->builder, LLVMGlobalGetValueType(function), function, arguments,
                          4, "");
}

static LLVMValueRef lane_pointers(const Site *site, LLVMTypeRef element, LLVMValueRef base,
                                  LLVMValueRef offsets) {
    LLVMBuilderRef builder = site->evaluator->emitter->builder;
    return LLVMBuildInBoundsGEP2(builder, element, base, &offsets, 1, "");
}

static LLVMValueRef load_raw(Site *site, DType dtype, LLVMValueRef base, Coordinate offset) {
    Emitter *emitter = site->evaluator->emitter;
    LLVMTypeRef element = emit_memory_type(emitter, dtype);
    uint32_t alignment = (uint32_t)dtype_size(dtype);
    if (offset.kind == COORDINATE_SAME)
        return emit_load(emitter, element, emit_element(emitter, element, base, offset.value),
                         alignment);
    LLVMTypeRef type = lanes_type(site, element);
    if (offset.kind == COORDINATE_RAMP) {
        LLVMValueRef pointer = emit_element(emitter, element, base, offset.value);
        return site->mask ? emit_load_masked(emitter, type, pointer, site->mask, alignment)
                          : emit_load(emitter, type, pointer, alignment);
    }
    LLVMValueRef pointers = lane_pointers(site, element, base, offset.value);
    LLVMValueRef arguments[] = {pointers, emit_i32(emitter, (int32_t)alignment), all_lanes(site),
                                LLVMConstNull(type)};
    return call_memory(emitter, "llvm.masked.gather", type, LLVMTypeOf(pointers), arguments);
}

LLVMValueRef site_load(Site *site, DType dtype, LLVMValueRef base, Coordinate offset) {
    Emitter *emitter = site->evaluator->emitter;
    LLVMValueRef raw = load_raw(site, dtype, base, offset);
    if (dtype == DTYPE_BOOL)
        return LLVMBuildICmp(emitter->builder, LLVMIntNE, raw, LLVMConstNull(LLVMTypeOf(raw)), "");
    return dtype == DTYPE_BF16 ? emit_from_bf16(emitter, raw) : raw;
}

void site_store(Site *site, DType dtype, LLVMValueRef base, Coordinate offset, LLVMValueRef value) {
    Emitter *emitter = site->evaluator->emitter;
    LLVMTypeRef element = emit_memory_type(emitter, dtype);
    uint32_t alignment = (uint32_t)dtype_size(dtype);
    if (dtype == DTYPE_BF16)
        value = emit_bf16_bits(emitter, value);
    if (dtype == DTYPE_BOOL)
        value = LLVMBuildZExt(emitter->builder, value,
                              emit_vector_type(emitter, element, emit_lanes(value)), "");
    if (offset.kind == COORDINATE_SAME) {
        assert(emit_lanes(value) == 1);
        emit_store(emitter, value, emit_element(emitter, element, base, offset.value), alignment);
        return;
    }
    if (emit_lanes(value) == 1)
        value = emit_splat(emitter, value, site->lanes);
    if (offset.kind == COORDINATE_RAMP) {
        LLVMValueRef pointer = emit_element(emitter, element, base, offset.value);
        if (site->mask)
            emit_store_masked(emitter, value, pointer, site->mask, alignment);
        else
            emit_store(emitter, value, pointer, alignment);
        return;
    }
    LLVMValueRef pointers = lane_pointers(site, element, base, offset.value);
    LLVMValueRef arguments[] = {value, pointers, emit_i32(emitter, (int32_t)alignment),
                                all_lanes(site)};
    call_memory(emitter, "llvm.masked.scatter", LLVMTypeOf(value), LLVMTypeOf(pointers), arguments);
}

/* --- values --- */

static LLVMValueRef constant_value(Site *site, const Node *node) {
    Emitter *emitter = site->evaluator->emitter;
    double value = node->attributes.value;
    switch (node->dtype) {
    case DTYPE_I32:
        return emit_i32(emitter, (int32_t)value);
    case DTYPE_BOOL:
        return LLVMConstInt(emitter->i1, value != 0, false);
    default:
        return emit_f32(emitter, value);
    }
}

static LLVMValueRef index_value(Site *site, const Node *node) {
    Emitter *emitter = site->evaluator->emitter;
    Coordinate at = site->at[node->attributes.axes.at[0]];
    LLVMTypeRef type = at.kind == COORDINATE_LANES ? lanes_type(site, emitter->i32) : emitter->i32;
    LLVMValueRef narrow = LLVMBuildTrunc(emitter->builder, at.value, type, "");
    if (at.kind != COORDINATE_RAMP)
        return narrow;
    return LLVMBuildAdd(emitter->builder, emit_splat(emitter, narrow, site->lanes),
                        emit_ramp(emitter, site->lanes), "");
}

/* The element's number as an i32, a scalar or one a lane. */
static LLVMValueRef element_number(Site *site, const Axes *axes) {
    Emitter *emitter = site->evaluator->emitter;
    Coordinate offset = site_offset(site, axes);
    if (offset.kind == COORDINATE_SAME)
        return LLVMBuildTrunc(emitter->builder, offset.value, emitter->i32, "");
    return LLVMBuildTrunc(emitter->builder, coordinate_lanes(site, offset),
                          lanes_type(site, emitter->i32), "");
}

static LLVMValueRef random_value(Site *site, NodeId id) {
    const Evaluator *evaluator = site->evaluator;
    Emitter *emitter = evaluator->emitter;
    const Node *node = &evaluator->body->nodes[id];
    RandomDraw draw = {
        .key = emit_load(emitter, emitter->i64,
                         emit_element(emitter, emitter->i64, evaluator->immediates,
                                      emit_i64(emitter, evaluator->draws[id])),
                         8),
        .seed = site_value(site, node->sources[0]),
        .draw = site_value(site, node->sources[1]),
        .step = site_value(site, node->sources[2]),
        .image = site_value(site, node->sources[3]),
        .element = element_number(site, &node->attributes.axes),
    };
    return node->op == OP_RANDOM ? random_uniform_lanes(emitter, &draw)
                                 : random_normal_lanes(emitter, &draw);
}

static LLVMValueRef gather_value(Site *site, const Node *node) {
    AxisId axis = node->attributes.axes.at[0];
    Coordinate to = site_position(site, site_value(site, node->sources[1]), axis);
    return site_value(site_moved(site, axis, to), node->sources[0]);
}

static LLVMValueRef rename_value(Site *site, const Node *node) {
    const Axes *axes = &node->attributes.axes;
    return site_value(site_moved(site, axes->at[0], site->at[axes->at[1]]), node->sources[0]);
}

static LLVMValueRef split_value(Site *site, const Node *node) {
    const AxisId *axes = node->attributes.axes.at;
    const int64_t extent = graph_axis(site->evaluator->body, axes[2])->extent;
    const Coordinate first = coordinate_scaled(site, site->at[axes[1]], extent);
    const Coordinate to = coordinate_sum(site, first, site->at[axes[2]]);
    return site_value(site_moved(site, axes[0], to), node->sources[0]);
}

/* A ramp may reach over the end of the inner axis, so its lanes go their own ways. */
static LLVMValueRef merge_value(Site *site, const Node *node) {
    Emitter *emitter = site->evaluator->emitter;
    const AxisId *axes = node->attributes.axes.at;
    const Coordinate at = site->at[axes[2]];
    const bool same = at.kind == COORDINATE_SAME;
    const CoordinateKind kind = same ? COORDINATE_SAME : COORDINATE_LANES;
    LLVMValueRef place = same ? at.value : coordinate_lanes(site, at);
    LLVMValueRef extent =
        emit_splat(emitter, emit_i64(emitter, graph_axis(site->evaluator->body, axes[1])->extent),
                   emit_lanes(place));
    const Coordinate outer = {kind, LLVMBuildUDiv(emitter->builder, place, extent, "")};
    const Coordinate inner = {kind, LLVMBuildURem(emitter->builder, place, extent, "")};
    Site *moved = site_moved(site_moved(site, axes[0], outer), axes[1], inner);
    return site_value(moved, node->sources[0]);
}

/* Whether 0 <= at < extent, as an i1 or one a lane. */
static LLVMValueRef is_inside(Site *site, Coordinate at, int64_t extent) {
    Emitter *emitter = site->evaluator->emitter;
    LLVMValueRef place = at.kind == COORDINATE_SAME ? at.value : coordinate_lanes(site, at);
    LLVMValueRef limit = emit_splat(emitter, emit_i64(emitter, extent), emit_lanes(place));
    return LLVMBuildICmp(emitter->builder, LLVMIntULT, place, limit, "");
}

/* In a ramp the lanes outside are masked off; otherwise they read position 0. */
static LLVMValueRef shift_value(Site *site, const Node *node) {
    Emitter *emitter = site->evaluator->emitter;
    LLVMBuilderRef builder = emitter->builder;
    AxisId axis = node->attributes.axes.at[0];
    int64_t extent = graph_axis(site->evaluator->body, axis)->extent;
    int64_t amount = node->attributes.amount;
    LLVMValueRef fill = site_value(site, node->sources[1]);
    if (amount >= extent || amount <= -extent)
        return fill;
    Coordinate back = {COORDINATE_SAME, emit_i64(emitter, -amount)};
    Coordinate from = coordinate_sum(site, site->at[axis], back);
    LLVMValueRef inside = is_inside(site, from, extent);
    if (from.kind != COORDINATE_RAMP)
        from.value =
            LLVMBuildSelect(builder, inside, from.value, LLVMConstNull(LLVMTypeOf(from.value)), "");
    Site *moved = site_moved(site, axis, from);
    if (from.kind == COORDINATE_RAMP)
        moved->mask = site->mask ? LLVMBuildAnd(builder, site->mask, inside, "") : inside;
    LLVMValueRef there = site_value(moved, node->sources[0]);
    uint32_t lanes = emit_lanes(inside);
    lanes = emit_lanes(there) > lanes ? emit_lanes(there) : lanes;
    lanes = emit_lanes(fill) > lanes ? emit_lanes(fill) : lanes;
    there = emit_lanes(there) == lanes ? there : emit_splat(emitter, there, lanes);
    fill = emit_lanes(fill) == lanes ? fill : emit_splat(emitter, fill, lanes);
    return LLVMBuildSelect(builder, inside, there, fill, "");
}

static LLVMValueRef elementwise_value(Site *site, const Node *node) {
    Emitter *emitter = site->evaluator->emitter;
    LLVMValueRef sources[3];
    uint32_t lanes = 1;
    assert(op_is_elementwise(node->op) && node->source_count <= 3);
    for (uint32_t i = 0; i < node->source_count; i++) {
        sources[i] = site_value(site, node->sources[i]);
        if (emit_lanes(sources[i]) > lanes)
            lanes = emit_lanes(sources[i]);
    }
    for (uint32_t i = 0; i < node->source_count; i++)
        if (emit_lanes(sources[i]) != lanes)
            sources[i] = emit_splat(emitter, sources[i], lanes);
    DType dtype = site->evaluator->body->nodes[node->sources[0]].dtype;
    return emit_elementwise(emitter, node->op, dtype, sources);
}

static LLVMValueRef compute_node(Site *site, NodeId id) {
    const Evaluator *evaluator = site->evaluator;
    const Node *node = &evaluator->body->nodes[id];
    switch (node->op) {
    case OP_CONST:
        return constant_value(site, node);
    case OP_PARAM:
    case OP_INPUT:
        return site_load(site, node->dtype, evaluator->operands[id],
                         site_offset(site, &node->axes));
    case OP_INDEX:
        return index_value(site, node);
    case OP_RANDOM:
    case OP_RANDOM_NORMAL:
        return random_value(site, id);
    case OP_GATHER:
        return gather_value(site, node);
    case OP_SHIFT:
        return shift_value(site, node);
    case OP_RENAME:
        return rename_value(site, node);
    case OP_SPLIT:
        return split_value(site, node);
    case OP_MERGE:
        return merge_value(site, node);
    case OP_COMPRESSED:
    case OP_TILED:
        return site_value(site, node->sources[0]);
    default: /* a reduction's value is set when its loop is done */
        return elementwise_value(site, node);
    }
}

/* At the node's place in the spec. */
static LLVMValueRef compute_value(Site *site, NodeId id) {
    Emitter *emitter = site->evaluator->emitter;
    LLVMMetadataRef line = lines_node(emitter, &site->evaluator->body->nodes[id]);
    LLVMValueRef value = compute_node(site, id);
    lines_restore(emitter, line);
    return value;
}

/* Code that belongs before a loop goes there, and the builder comes back to where it was. */
static LLVMValueRef compute_before(Site *site, NodeId id) {
    const Evaluator *evaluator = site->evaluator;
    LLVMBuilderRef builder = evaluator->emitter->builder;
    LLVMBasicBlockRef block = LLVMGetInsertBlock(builder);
    LLVMValueRef cursor = *evaluator->cursor;
    LLVMMetadataRef line = lines_save(evaluator->emitter);
    *evaluator->cursor = site->before;
    LLVMPositionBuilderBefore(builder, site->before);
    LLVMValueRef value = compute_value(site, id);
    *evaluator->cursor = cursor;
    if (cursor)
        LLVMPositionBuilderBefore(builder, cursor);
    else
        LLVMPositionBuilderAtEnd(builder, block);
    lines_restore(evaluator->emitter, line);
    return value;
}

LLVMValueRef site_value(Site *site, NodeId id) {
    while (site->around && !site->varies[id])
        site = site->around;
    if (!site->values[id])
        site->values[id] = site->before ? compute_before(site, id) : compute_value(site, id);
    return site->values[id];
}

LLVMValueRef site_lanes(Site *site, NodeId id) {
    LLVMValueRef value = site_value(site, id);
    return emit_lanes(value) == site->lanes
               ? value
               : emit_splat(site->evaluator->emitter, value, site->lanes);
}
