/* Three ways to fill a panel, by how the side lies in memory: the side's elements are neighbours
 * (copy vectors), the depth's are (transpose squares of vectors in registers), or neither (one by
 * one). */
#include "passes/emit/pack.h"

#include "passes/emit/bf16.h"
#include "passes/emit/transpose.h"

enum { SOURCE, PANELS, SIDE_FIRST, SIDE_COUNT, DEPTH_FIRST, DEPTH_COUNT, PARAMETERS };
enum { FLOAT_BYTES = 4, DEPTH_CHUNK = 16, CACHE_LINE = 64, NEAR_BYTES = 32 << 10 };

typedef struct Packer {
    Emitter *emitter;
    const PackShape *shape;
    LLVMValueRef source, panels;
    LLVMValueRef side_first, side_count, depth_first, depth_count;
    LLVMValueRef from, to; /* the depths at hand, counted from depth_first */
} Packer;

/* One panel: where it starts in the side, how many of its indices exist, and where it goes. */
typedef struct Panel {
    LLVMValueRef side, target;
    uint32_t count;
} Panel;

/* --- the source --- */

/* Depths count elements here. */
static LLVMValueRef source_element(const Packer *packer, LLVMValueRef side, LLVMValueRef depth) {
    Emitter *e = packer->emitter;
    LLVMValueRef offset = emit_add(e, emit_offset(e, &packer->shape->side, side),
                                   emit_offset(e, &packer->shape->depth, depth));
    return emit_element(e, emit_memory_type(e, packer->shape->dtype), packer->source, offset);
}

static uint32_t element_bytes(const Packer *packer) {
    return (uint32_t)dtype_size(packer->shape->dtype);
}

/* The first `count` of so many lanes from there on, rounded to bf16 where panels hold pairs; 0 in
 * the others. */
static LLVMValueRef load_lanes(const Packer *packer, LLVMValueRef from, uint32_t count,
                               uint32_t lanes) {
    Emitter *e = packer->emitter;
    const PackShape *shape = packer->shape;
    LLVMTypeRef type = emit_memory_type(e, shape->dtype);
    LLVMValueRef value = emit_load_lanes(e, type, count, lanes, from, element_bytes(packer));
    return shape->pairs && shape->dtype == DTYPE_F32 ? emit_to_bf16(e, value) : value;
}

/* The element of a panel at a depth: that of the source, or the pair that begins at twice that. */
static LLVMValueRef load_depth(const Packer *packer, LLVMValueRef side, LLVMValueRef depth,
                               uint32_t count, uint32_t lanes) {
    Emitter *e = packer->emitter;
    const PackShape *shape = packer->shape;
    if (!shape->pairs)
        return load_lanes(packer, source_element(packer, side, depth), count, lanes);
    LLVMValueRef even = emit_mul_const(e, depth, 2), odd = emit_add_const(e, even, 1);
    LLVMValueRef first = load_lanes(packer, source_element(packer, side, even), count, lanes);
    if (shape->depth_extent % 2 == 0)
        return emit_bf16_pair(e, first,
                              load_lanes(packer, source_element(packer, side, odd), count, lanes));
    LLVMValueRef last = emit_i64(e, shape->depth_extent - 1);
    LLVMValueRef exists = emit_less(e, even, last);
    LLVMValueRef second =
        load_lanes(packer, source_element(packer, side, emit_min_i64(e, odd, last)), count, lanes);
    second = LLVMBuildSelect(e->builder, exists, second, LLVMConstNull(LLVMTypeOf(second)), "");
    return emit_bf16_pair(e, first, second);
}

/* --- panels --- */

static LLVMTypeRef panel_type(const Packer *packer) {
    return packer->shape->pairs ? packer->emitter->i32 : packer->emitter->f32;
}

/* The panel's row for the depth `at`, counted from depth_first. */
static LLVMValueRef panel_row(const Packer *packer, const Panel *panel, LLVMValueRef at) {
    Emitter *e = packer->emitter;
    return emit_element(e, e->f32, panel->target, emit_mul_const(e, at, packer->shape->width));
}

/* Whether it is worth asking for ahead: since a side was used last, all else of a step came by, so
 * what L1 could not keep is in no near cache. */
static bool is_far(const Packer *packer) {
    const PackShape *shape = packer->shape;
    return shape->side_extent * shape->depth_extent * (int64_t)element_bytes(packer) > NEAR_BYTES;
}

static void fetch(const Packer *packer, LLVMValueRef side, LLVMValueRef depth, uint32_t elements) {
    Emitter *e = packer->emitter;
    LLVMValueRef from = source_element(packer, side, depth);
    for (int64_t at = 0; at < (int64_t)elements * element_bytes(packer); at += CACHE_LINE)
        emit_prefetch(e, emit_element(e, e->i8, from, emit_i64(e, at)), PREFETCH_L2);
}

/* What the panel reads in the next chunk of depths. */
static void fetch_chunk(const Packer *packer, const Panel *panel, LLVMValueRef depth) {
    Emitter *e = packer->emitter;
    int64_t rows = packer->shape->pairs ? 2 : 1;
    LLVMValueRef ahead = emit_mul_const(e, emit_add_const(e, depth, DEPTH_CHUNK), rows);
    for (int64_t row = 0; row < rows; row++)
        fetch(packer, panel->side, emit_add_const(e, ahead, row), panel->count);
}

/* What the next panel reads for the same depths. */
static void fetch_depths(const Packer *packer, LLVMValueRef side, LLVMValueRef depth) {
    Emitter *e = packer->emitter;
    const PackShape *shape = packer->shape;
    uint32_t elements = shape->pairs ? 2 : 1;
    fetch(packer, emit_add_const(e, side, shape->width), emit_mul_const(e, depth, elements),
          elements * shape->lanes);
}

static void copy_vectors(const Packer *packer, const Panel *panel) {
    Emitter *e = packer->emitter;
    Loop loop;
    emit_loop_begin(e, &loop, packer->from, packer->to, 1, "depth");
    LLVMValueRef depth = emit_add(e, packer->depth_first, loop.index);
    if (is_far(packer))
        fetch_chunk(packer, panel, depth);
    LLVMValueRef row = load_depth(packer, panel->side, depth, panel->count, packer->shape->width);
    emit_store(e, row, panel_row(packer, panel, loop.index), FLOAT_BYTES);
    emit_loop_end(e, &loop, NULL);
}

/* Depths from `from` on, one by one and index by index. */
static void copy_elements(const Packer *packer, const Panel *panel, LLVMValueRef from) {
    Emitter *e = packer->emitter;
    Loop loop;
    emit_loop_begin(e, &loop, from, packer->depth_count, 1, "depth");
    LLVMValueRef depth = emit_add(e, packer->depth_first, loop.index);
    LLVMValueRef row = panel_row(packer, panel, loop.index);
    for (uint32_t i = 0; i < packer->shape->width; i++) {
        LLVMValueRef value = LLVMConstNull(panel_type(packer));
        if (i < panel->count)
            value = load_depth(packer, emit_add_const(e, panel->side, i), depth, 1, 1);
        emit_store(e, value, emit_element(e, e->f32, row, emit_i64(e, i)), FLOAT_BYTES);
    }
    emit_loop_end(e, &loop, NULL);
}

/* `lanes` depths of one index of the side, which are neighbours in the source. */
static LLVMValueRef load_depths(const Packer *packer, LLVMValueRef side, LLVMValueRef depth) {
    Emitter *e = packer->emitter;
    const PackShape *shape = packer->shape;
    uint32_t lanes = shape->lanes;
    if (!shape->pairs)
        return load_lanes(packer, source_element(packer, side, depth), lanes, lanes);
    LLVMValueRef from = source_element(packer, side, emit_mul_const(e, depth, 2));
    LLVMValueRef bits = load_lanes(packer, from, 2 * lanes, 2 * lanes);
    return LLVMBuildBitCast(e->builder, bits, emit_vector_type(e, e->i32, lanes), "");
}

/* `lanes` depths from `at` on, of the panel's indices first, ..., first + group - 1. */
static void transpose_square(const Packer *packer, const Panel *panel, LLVMValueRef at,
                             uint32_t first, uint32_t group) {
    Emitter *e = packer->emitter;
    uint32_t lanes = packer->shape->lanes;
    LLVMTypeRef type = emit_vector_type(e, panel_type(packer), lanes);
    LLVMValueRef *rows = arena_array(e->arena, lanes, sizeof *rows);
    uint32_t *part = arena_array(e->arena, lanes, sizeof *part);
    LLVMValueRef depth = emit_add(e, packer->depth_first, at);
    for (uint32_t i = 0; i < lanes; i++) {
        part[i] = i;
        rows[i] = LLVMConstNull(type);
        if (first + i >= panel->count || i >= group)
            continue;
        LLVMValueRef side = emit_add_const(e, panel->side, first + i);
        rows[i] = load_depths(packer, side, depth);
        if (is_far(packer))
            fetch_depths(packer, side, depth);
    }
    emit_transpose(e, rows, lanes);
    for (uint32_t i = 0; i < lanes; i++) {
        LLVMValueRef row = panel_row(packer, panel, emit_add_const(e, at, i));
        LLVMValueRef target = emit_element(e, e->f32, row, emit_i64(e, first));
        if (group < lanes)
            rows[i] = emit_shuffle(e, rows[i], rows[i], part, group);
        emit_store(e, rows[i], target, FLOAT_BYTES);
    }
}

/* Depths of a panel: pairs, or elements. */
static int64_t depth_units(const PackShape *shape) {
    return shape->pairs ? (shape->depth_extent + 1) / 2 : shape->depth_extent;
}

/* A pair without a second half is no part of a square. */
static void transpose_vectors(const Packer *packer, const Panel *panel) {
    Emitter *e = packer->emitter;
    const PackShape *shape = packer->shape;
    uint32_t lanes = shape->lanes, width = shape->width;
    bool halved = shape->pairs && shape->depth_extent % 2;
    LLVMValueRef usable = emit_add_const(e, packer->depth_count, halved ? -1 : 0);
    LLVMValueRef rest = emit_mod_const(e, usable, lanes);
    LLVMValueRef whole = emit_sub(e, usable, rest);
    Loop loop;
    emit_loop_begin(e, &loop, emit_i64(e, 0), whole, lanes, "square");
    for (uint32_t first = 0; first < width; first += lanes)
        transpose_square(packer, panel, loop.index, first,
                         width - first < lanes ? width - first : lanes);
    emit_loop_end(e, &loop, NULL);
    if (halved || depth_units(shape) % lanes)
        copy_elements(packer, panel, whole);
}

static bool copies_vectors(const PackShape *shape) {
    return offsets_stride(&shape->side) == 1 && offsets_uniform_within(&shape->side, shape->width);
}

static void pack_panel(const Packer *packer, const Panel *panel) {
    const PackShape *shape = packer->shape;
    if (copies_vectors(shape))
        copy_vectors(packer, panel);
    else if (shape->lanes > 1 && offsets_stride(&shape->depth) == 1 &&
             offsets_uniform_within(&shape->depth, shape->pairs ? 2 * shape->lanes : shape->lanes))
        transpose_vectors(packer, panel);
    else
        copy_elements(packer, panel, packer->from);
}

static void pack_panels(const Packer *packer) {
    Emitter *e = packer->emitter;
    const PackShape *shape = packer->shape;
    LLVMValueRef end = emit_add(e, packer->side_first, packer->side_count);
    LLVMValueRef tail = emit_mod_const(e, packer->side_count, shape->width);
    LLVMValueRef panel_size = emit_mul_const(e, packer->depth_count, shape->width);
    Loop loop;
    emit_loop_begin(e, &loop, packer->side_first, emit_sub(e, end, tail), shape->width, "panel");
    LLVMValueRef target = emit_loop_carry(e, &loop, packer->panels);
    pack_panel(packer, &(Panel){loop.index, target, shape->width});
    LLVMValueRef next = emit_element(e, e->f32, target, panel_size);
    emit_loop_end(e, &loop, &next);

    uint32_t rest = (uint32_t)(shape->side_extent % shape->width);
    if (!rest)
        return;
    Branch branch;
    LLVMValueRef zero = emit_i64(e, 0);
    emit_branch_begin(e, &branch, emit_less(e, zero, tail), "last");
    pack_panel(packer, &(Panel){loop.index, loop.carried[0], rest});
    emit_branch_end(e, &branch);
}

static void pack_depths(Packer *packer) {
    Emitter *e = packer->emitter;
    packer->from = emit_i64(e, 0);
    packer->to = packer->depth_count;
    if (!copies_vectors(packer->shape) || packer->shape->side_extent <= packer->shape->width) {
        pack_panels(packer);
        return;
    }
    Loop loop;
    emit_loop_begin(e, &loop, packer->from, packer->depth_count, DEPTH_CHUNK, "chunk");
    packer->from = loop.index;
    packer->to = emit_min_i64(e, emit_add_const(e, loop.index, DEPTH_CHUNK), packer->depth_count);
    pack_panels(packer);
    emit_loop_end(e, &loop, NULL);
}

LLVMValueRef emit_pack(Emitter *emitter, const char *name, const PackShape *shape) {
    LLVMTypeRef pointer = emitter->pointer, i64 = emitter->i64;
    LLVMTypeRef types[PARAMETERS] = {pointer, pointer, i64, i64, i64, i64};
    LLVMTypeRef type = LLVMFunctionType(emitter->void_type, types, PARAMETERS, false);
    Place place = emit_function_enter(emitter, name, type, false);
    LLVMValueRef function = emitter->function;
    emit_parameter_pointer(emitter, function, SOURCE, (uint32_t)dtype_size(shape->dtype), true);
    emit_parameter_pointer(emitter, function, PANELS, FLOAT_BYTES, true);
    Packer packer = {
        .emitter = emitter,
        .shape = shape,
        .source = LLVMGetParam(function, SOURCE),
        .panels = LLVMGetParam(function, PANELS),
        .side_first = LLVMGetParam(function, SIDE_FIRST),
        .side_count = LLVMGetParam(function, SIDE_COUNT),
        .depth_first = LLVMGetParam(function, DEPTH_FIRST),
        .depth_count = LLVMGetParam(function, DEPTH_COUNT),
    };
    pack_depths(&packer);
    return emit_function_leave(emitter, place);
}
