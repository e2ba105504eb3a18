#include "passes/emit/attention_range.h"

#include "passes/emit/attention_mask.h"

/* --- areas --- */

/* The axis of the kernel's body by its name in the score's body. */
static AxisId inner_axis(const AttentionShape *shape, const Function *inner, AxisId axis) {
    return function_find_axis(inner, graph_axis(shape->body, axis)->name);
}

static void bound_batch(Emitter *e, const AttentionShape *shape, const Function *inner,
                        LLVMValueRef batch, MaskInterval *positions) {
    for (int i = shape->batch_axes.count; i-- > 0;) {
        AxisId axis = inner_axis(shape, inner, shape->batch_axes.at[i]);
        int64_t extent = graph_axis(shape->body, shape->batch_axes.at[i])->extent;
        LLVMValueRef place = i ? emit_mod_const(e, batch, extent) : batch;
        if (axis != AXIS_NONE)
            positions[axis] = (MaskInterval){place, place};
        batch = emit_div_const(e, batch, extent);
    }
}

/* Exact where one axis tells the row, else its whole extent. */
static void bound_rows(Emitter *e, const AttentionShape *shape, const Function *inner,
                       LLVMValueRef row, LLVMValueRef last, MaskInterval *positions) {
    const Axes *axes = &shape->row_axes;
    for (int i = 0; i < axes->count; i++) {
        AxisId axis = inner_axis(shape, inner, axes->at[i]);
        int64_t extent = graph_axis(shape->body, axes->at[i])->extent;
        if (axis == AXIS_NONE)
            continue;
        positions[axis] = (MaskInterval){emit_i64(e, 0), emit_i64(e, extent - 1)};
        if (extent == shape->rows)
            positions[axis] = (MaskInterval){row, last};
    }
}

static LLVMValueRef last_of(Emitter *e, LLVMValueRef first, LLVMValueRef count, int64_t extent) {
    LLVMValueRef last = emit_add_const(e, emit_add(e, first, count), -1);
    return emit_min_i64(e, last, emit_i64(e, extent - 1));
}

static MaskInterval *area_positions(Emitter *e, const AttentionShape *shape, const Function *inner,
                                    const ScoreArea *area) {
    MaskInterval *positions = arena_array(e->arena, inner->axis_count, sizeof *positions);
    bound_batch(e, shape, inner, area->batch, positions);
    bound_rows(e, shape, inner, area->row, last_of(e, area->row, area->rows, shape->rows),
               positions);
    AxisId keys = inner_axis(shape, inner, shape->key_axes.at[0]);
    if (keys != AXIS_NONE)
        positions[keys] = (MaskInterval){area->key, last_of(e, area->key, area->keys, shape->keys)};
    return positions;
}

LLVMValueRef emit_area_masked(Emitter *emitter, const AttentionShape *shape,
                              const ScoreArea *area) {
    const Function *inner = shape->node->attributes.body;
    const MaskBlock block = {area_positions(emitter, shape, inner, area), area->numbers};
    return emit_surely_masked(emitter, inner, &block);
}

static LLVMValueRef within(Emitter *e, LLVMValueRef first, LLVMValueRef count, int64_t extent) {
    return LLVMBuildICmp(e->builder, LLVMIntSLE, emit_add(e, first, count), emit_i64(e, extent),
                         "");
}

LLVMValueRef emit_area_kept(Emitter *emitter, const AttentionShape *shape, const Function *inner,
                            const ScoreArea *area, NodeId *taken) {
    const MaskBlock block = {area_positions(emitter, shape, inner, area), area->numbers};
    LLVMValueRef kept = emit_surely_kept(emitter, inner, &block, taken);
    if (shape->padded_rows != shape->rows)
        kept = LLVMBuildAnd(emitter->builder, kept,
                            within(emitter, area->row, area->rows, shape->rows), "");
    if (shape->padded_keys != shape->keys)
        kept = LLVMBuildAnd(emitter->builder, kept,
                            within(emitter, area->key, area->keys, shape->keys), "");
    return kept;
}

/* --- ranges --- */

static ScoreArea part_of(const ScoreArea *area, ScoreSide side, LLVMValueRef first,
                         LLVMValueRef count) {
    ScoreArea part = *area;
    if (side == SIDE_KEYS) {
        part.key = first;
        part.keys = count;
    } else {
        part.row = first;
        part.rows = count;
    }
    return part;
}

static LLVMValueRef choose(Emitter *e, LLVMValueRef condition, LLVMValueRef a, LLVMValueRef b) {
    return LLVMBuildSelect(e->builder, condition, a, b, "");
}

/* An area that is kept is not searched. */
ScoreRange emit_unmasked_range(Emitter *e, const AttentionShape *shape, const ScoreArea *area,
                               ScoreSide side, int64_t step) {
    const Function *inner = shape->node->attributes.body;
    NodeId *taken = arena_array(e->arena, inner->node_count, sizeof *taken);
    LLVMValueRef kept = emit_area_kept(e, shape, inner, area, taken);
    LLVMValueRef from = side == SIDE_KEYS ? area->key : area->row;
    LLVMValueRef count = side == SIDE_KEYS ? area->keys : area->rows;
    LLVMValueRef to = emit_add(e, from, count), zero = emit_i64(e, 0);
    LLVMValueRef all = emit_div_const(e, emit_add_const(e, count, step - 1), step);
    LLVMValueRef start = choose(e, kept, to, from), none = choose(e, kept, from, to);
    LLVMValueRef known = choose(e, kept, all, zero);
    Loop loop;
    emit_loop_begin(e, &loop, start, to, step, "mask");
    LLVMValueRef first = emit_loop_carry(e, &loop, none);
    LLVMValueRef last = emit_loop_carry(e, &loop, start);
    LLVMValueRef steps = emit_loop_carry(e, &loop, known);
    ScoreArea part = part_of(area, side, loop.index, emit_i64(e, step));
    LLVMValueRef masked = emit_area_masked(e, shape, &part);
    LLVMValueRef end = emit_min_i64(e, emit_add_const(e, loop.index, step), to);
    LLVMValueRef next[] = {
        choose(e, masked, first, emit_min_i64(e, first, loop.index)),
        choose(e, masked, last, end),
        choose(e, masked, steps, emit_add_const(e, steps, 1)),
    };
    emit_loop_end(e, &loop, next);
    return (ScoreRange){loop.carried[0], emit_max_i64(e, loop.carried[0], loop.carried[1]),
                        loop.carried[2]};
}

/* About half a step is cut off if it can be, then a quarter, and so on, down to 2. */
ScoreRange emit_close_range(Emitter *e, const AttentionShape *shape, const ScoreArea *area,
                            ScoreSide side, int64_t step, const ScoreRange *range) {
    LLVMBuilderRef b = e->builder;
    int64_t rounds = 0;
    while (4 << rounds <= step)
        rounds++;
    LLVMValueRef empty = LLVMBuildICmp(b, LLVMIntSGE, range->first, range->last, "");
    Loop loop;
    emit_loop_begin(e, &loop, choose(e, empty, emit_i64(e, rounds), emit_i64(e, 0)),
                    emit_i64(e, rounds), 1, "edge");
    LLVMValueRef size = emit_loop_carry(e, &loop, emit_i64(e, 1 << rounds));
    LLVMValueRef first = emit_loop_carry(e, &loop, range->first);
    LLVMValueRef last = emit_loop_carry(e, &loop, range->last);
    ScoreArea front = part_of(area, side, first, size);
    ScoreArea back = part_of(area, side, emit_sub(e, last, size), size);
    LLVMValueRef no_front = emit_area_masked(e, shape, &front);
    LLVMValueRef no_back = emit_area_masked(e, shape, &back);
    LLVMValueRef next[] = {
        LLVMBuildLShr(b, size, emit_i64(e, 1), ""),
        choose(e, no_front, emit_add(e, first, size), first),
        choose(e, no_back, emit_sub(e, last, size), last),
    };
    emit_loop_end(e, &loop, next);
    return (ScoreRange){loop.carried[1], emit_max_i64(e, loop.carried[1], loop.carried[2]),
                        range->steps};
}
