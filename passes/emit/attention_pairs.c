/* Keys are taken in groups of sixteen, a vector of scores, and the body and the exponential as each
 * is at hand, so that memory is read meanwhile. Keys and values are read in units: whole blocks of
 * what is compressed, whole pairs of keys. Loops take one unit at a time: of several, LLVM would
 * expand all blocks first, and spill. Where the mask begins or ends within a group, values outside
 * are taken as 0, since they may be anything. */
#include "passes/emit/attention_pairs.h"

#include "passes/emit/attention_exp.h"
#include "passes/emit/bf16.h"
#include "passes/emit/compressed.h"
#include "passes/emit/lane_sums.h"

#include <math.h>

enum {
    GROUP = ATTENTION_KEY_GROUP,
    LANES = 16,
    FLOAT_BYTES = 4,
    HALF_BYTES = 2,
    LINE_BYTES = 64,
    AHEAD_BYTES = 8 << 10,
    MOST_ROWS = 2 * COMPRESSED_ROWS, /* of a unit */
};

/* --- sides --- */

/* Rows of keys, or of values, of a batch. */
typedef struct PairsSide {
    Stretch stretch;
    bool packed;
    int64_t width;
    int64_t unit_keys, unit_bytes; /* of a unit; bytes as they are read */
} PairsSide;

static const Node *side_node(const AttentionKernel *kernel, uint32_t which) {
    return graph_node(kernel->shape.body, kernel->shape.node->sources[which]);
}

static int64_t side_width(const AttentionKernel *kernel, uint32_t which) {
    return which == ATTENTION_SOURCE_KEY ? kernel->shape.width : kernel->shape.columns;
}

static bool side_accepted(const AttentionKernel *kernel, uint32_t which) {
    const AttentionShape *s = &kernel->shape;
    const int64_t width = side_width(kernel, which);
    const Offsets keys = attention_source_offsets(kernel, which, &s->key_axes);
    const Axes *inner = which == ATTENTION_SOURCE_KEY ? &s->width_axes : &s->column_axes;
    const Offsets within = attention_source_offsets(kernel, which, inner);
    return attention_in_groups(s->keys, width) && offsets_stride(&keys) == width &&
           offsets_uniform(&within) && offsets_stride(&within) == 1;
}

bool attention_pairs_accepts(const AttentionKernel *kernel) {
    const AttentionShape *s = &kernel->shape;
    const Offsets query = attention_source_offsets(kernel, ATTENTION_SOURCE_QUERY, &s->width_axes);
    return s->pairs && s->lanes == LANES && kernel->emitter->target->has_bf16_dot &&
           offsets_uniform(&query) && offsets_stride(&query) == 1 &&
           side_accepted(kernel, ATTENTION_SOURCE_KEY) &&
           side_accepted(kernel, ATTENTION_SOURCE_VALUE);
}

static PairsSide side_at(const AttentionKernel *kernel, uint32_t which, LLVMValueRef batch) {
    const AttentionShape *s = &kernel->shape;
    const Node *node = side_node(kernel, which);
    const int64_t values = s->keys * side_width(kernel, which);
    PairsSide side = {.packed = node->op == OP_COMPRESSED, .width = side_width(kernel, which)};
    side.unit_keys = side.width < COMPRESSED_VALUES ? COMPRESSED_VALUES / side.width : 2;
    const int64_t unit_values = side.unit_keys * side.width;
    if (!side.packed) {
        side.unit_bytes = unit_values * HALF_BYTES;
        side.stretch.plain = attention_source(kernel, which, batch);
        return side;
    }
    side.unit_bytes = unit_values / COMPRESSED_VALUES * COMPRESSED_BLOCK_BYTES;
    side.stretch = attention_stretch(kernel, which, batch, values);
    return side;
}

static void load_plain(Emitter *e, const PairsSide *side, LLVMValueRef unit, LLVMValueRef *rows) {
    LLVMTypeRef type = emit_vector_type(e, e->i16, COMPRESSED_LANES);
    const int64_t values = side->unit_keys * side->width;
    for (int64_t i = 0; i < values / COMPRESSED_LANES; i++) {
        LLVMValueRef at = emit_add_const(e, emit_mul_const(e, unit, values), i * COMPRESSED_LANES);
        rows[i] = emit_load(e, type, emit_element(e, e->i16, side->stretch.plain, at), HALF_BYTES);
    }
}

/* What the keys of a unit have, COMPRESSED_LANES in each row. */
static void load_unit(Emitter *e, const PairsSide *side, LLVMValueRef unit,
                      LLVMValueRef rows[MOST_ROWS]) {
    const int64_t blocks = side->unit_keys * side->width / COMPRESSED_VALUES;
    if (!side->packed) {
        load_plain(e, side, unit, rows);
        return;
    }
    for (int64_t i = 0; i < blocks; i++)
        emit_expand_block(e, &side->stretch, emit_add_const(e, emit_mul_const(e, unit, blocks), i),
                          rows + i * COMPRESSED_ROWS);
}

/* Groups first, ..., last - 1 of a side: those with keys that count. Then those of what is read
 * next. */
typedef struct PairsRange {
    const PairsSide *side, *next;
    LLVMValueRef first, last;
} PairsRange;

static PairsRange range_of(const PairsRow *row, const PairsSide *side, const PairsSide *next) {
    Emitter *e = row->kernel->emitter;
    return (PairsRange){side, next, emit_div_const(e, row->first, GROUP),
                        emit_div_const(e, emit_add_const(e, row->last, GROUP - 1), GROUP)};
}

static int64_t group_units(const PairsSide *side) { return GROUP / side->unit_keys; }

static LLVMValueRef groups_at(const PairsSide *side) {
    return side->packed ? side->stretch.blocks : side->stretch.plain;
}

/* Where the group that is read AHEAD_BYTES after this one lies. */
static LLVMValueRef find_ahead(Emitter *e, const PairsRange *range, LLVMValueRef group) {
    const int64_t bytes = range->side->unit_bytes * group_units(range->side);
    LLVMValueRef later = emit_add_const(e, group, (AHEAD_BYTES + bytes - 1) / bytes);
    LLVMValueRef beyond = emit_add(e, range->first, emit_sub(e, later, range->last));
    LLVMValueRef is_here = emit_less(e, later, range->last);
    LLVMValueRef side =
        LLVMBuildSelect(e->builder, is_here, groups_at(range->side), groups_at(range->next), "");
    return emit_element(
        e, e->i8, side,
        emit_mul_const(e, LLVMBuildSelect(e->builder, is_here, later, beyond, ""), bytes));
}

/* Before a side is read: its blocks that are plain, and the bases of what is next. */
static void ask_exceptions(Emitter *e, const PairsRange *range) {
    const int64_t blocks = GROUP * range->side->width / COMPRESSED_VALUES;
    const int64_t next = GROUP * range->next->width / COMPRESSED_VALUES;
    if (range->side->packed)
        emit_fetch_plain(e, &range->side->stretch, emit_mul_const(e, range->first, blocks),
                         emit_mul_const(e, range->last, blocks));
    if (range->next->packed)
        emit_fetch_bases(e, &range->next->stretch, emit_mul_const(e, range->first, next),
                         emit_mul_const(e, range->last, next));
}

/* Unit number `number` of the group at `ahead`. */
static void ask_ahead(Emitter *e, const PairsSide *side, LLVMValueRef ahead, LLVMValueRef number) {
    LLVMValueRef at = emit_element(e, e->i8, ahead, emit_mul_const(e, number, side->unit_bytes));
    for (int64_t line = 0; line < side->unit_bytes; line += LINE_BYTES)
        emit_prefetch(e, emit_element(e, e->i8, at, emit_i64(e, line)), PREFETCH_L1);
}

/* --- scores --- */

static LLVMValueRef as_pairs(Emitter *e, LLVMValueRef row) {
    return LLVMBuildBitCast(e->builder, row, emit_vector_type(e, e->i32, LANES), "");
}

static LLVMValueRef vector_place(const PairsRow *row, LLVMValueRef number) {
    Emitter *e = row->kernel->emitter;
    return emit_element(e, e->f32, row->partial, emit_mul_const(e, number, LANES));
}

/* Of the keys of a unit in pairs: vectors of which lanes are still to be summed. */
static void score_unit(const PairsRow *row, const PairsSide *keys, LLVMValueRef unit,
                       LLVMValueRef number, const LLVMValueRef *query) {
    Emitter *e = row->kernel->emitter;
    const int64_t vectors = keys->width / COMPRESSED_LANES;
    LLVMValueRef rows[MOST_ROWS], sums[GROUP];
    load_unit(e, keys, unit, rows);
    for (int64_t key = 0; key < keys->unit_keys; key++) {
        sums[key] = emit_f32_lanes(e, 0, LANES);
        for (int64_t v = 0; v < vectors; v++)
            sums[key] = emit_bf16_dot(e, query[v], as_pairs(e, rows[key * vectors + v]), sums[key]);
    }
    const int64_t pairs = keys->unit_keys / 2;
    LLVMValueRef first = emit_mul_const(e, number, pairs);
    for (int64_t pair = 0; pair < pairs; pair++)
        emit_store(e, emit_add_neighbours(e, sums[2 * pair], sums[2 * pair + 1], false),
                   vector_place(row, emit_add_const(e, first, pair)), LINE_BYTES);
}

/* Lanes of the group's keys that count. */
static LLVMValueRef group_mask(const PairsRow *row, LLVMValueRef group) {
    Emitter *e = row->kernel->emitter;
    return emit_range_mask(e, row->first, row->last, emit_mul_const(e, group, GROUP), GROUP);
}

static LLVMValueRef group_scores(const PairsRow *row, LLVMValueRef group) {
    Emitter *e = row->kernel->emitter;
    return emit_element(e, e->f32, row->scores, emit_mul_const(e, group, GROUP));
}

/* The products of a group with the query. */
static LLVMValueRef score_group(const PairsRow *row, const PairsRange *keys, LLVMValueRef group,
                                const LLVMValueRef *query) {
    Emitter *e = row->kernel->emitter;
    const int64_t units = group_units(keys->side);
    LLVMTypeRef type = emit_vector_type(e, e->f32, LANES);
    LLVMValueRef first = emit_mul_const(e, group, units), sums[LANES / 2];
    LLVMValueRef ahead = find_ahead(e, keys, group);
    Loop loop;
    emit_loop_begin(e, &loop, emit_i64(e, 0), emit_i64(e, units), 1, "unit");
    ask_ahead(e, keys->side, ahead, loop.index);
    score_unit(row, keys->side, emit_add(e, first, loop.index), loop.index, query);
    emit_loop_end(e, &loop, NULL);
    for (int64_t i = 0; i < LANES / 2; i++)
        sums[i] = emit_load(e, type, vector_place(row, emit_i64(e, i)), LINE_BYTES);
    return emit_lane_sums(e, sums, LANES / 2);
}

LLVMValueRef emit_pairs_scores(const PairsRow *row) {
    Emitter *e = row->kernel->emitter;
    const PairsSide keys = side_at(row->kernel, ATTENTION_SOURCE_KEY, row->batch);
    const PairsSide values = side_at(row->kernel, ATTENTION_SOURCE_VALUE, row->batch);
    const PairsRange range = range_of(row, &keys, &values);
    LLVMTypeRef type = emit_vector_type(e, e->i32, LANES);
    LLVMValueRef query[COMPRESSED_ROWS];
    for (int64_t v = 0; v < keys.width / COMPRESSED_LANES; v++)
        query[v] = emit_load(e, type,
                             emit_element(e, e->i16, row->query, emit_i64(e, v * COMPRESSED_LANES)),
                             HALF_BYTES);
    ask_exceptions(e, &range);
    Loop loop;
    emit_loop_begin(e, &loop, range.first, range.last, 1, "scores");
    LLVMValueRef largest = emit_loop_carry(e, &loop, emit_f32_lanes(e, (double)-INFINITY, LANES));
    LLVMValueRef products = score_group(row, &range, loop.index, query);
    LLVMValueRef scores = row->body(row->user, emit_mul_const(e, loop.index, GROUP), products,
                                    group_mask(row, loop.index));
    emit_store(e, scores, group_scores(row, loop.index), FLOAT_BYTES);
    LLVMValueRef next = emit_max_f32(e, scores, largest);
    emit_loop_end(e, &loop, &next);
    return loop.carried[0];
}

/* --- values --- */

/* Of two keys, lanes of 16 columns in pairs. */
static LLVMValueRef pair_columns(Emitter *e, LLVMValueRef even, LLVMValueRef odd, int64_t half) {
    uint32_t numbers[COMPRESSED_LANES];
    for (uint32_t i = 0; i < LANES; i++) {
        numbers[2 * i] = (uint32_t)half * LANES + i;
        numbers[2 * i + 1] = COMPRESSED_LANES + numbers[2 * i];
    }
    return as_pairs(e, emit_shuffle(e, even, odd, numbers, COMPRESSED_LANES));
}

/* Two neighbouring halves, in all lanes. */
static LLVMValueRef load_pair(Emitter *e, LLVMValueRef halves, LLVMValueRef index) {
    LLVMValueRef from = emit_element(e, e->i16, halves, index);
    return emit_load(e, e->i32, from, HALF_BYTES);
}

static void add_pair(Emitter *e, const PairsSide *side, const LLVMValueRef *rows, int64_t pair,
                     LLVMValueRef weights, LLVMValueRef mask, LLVMValueRef *sums) {
    const int64_t vectors = side->width / LANES, halves = COMPRESSED_LANES / LANES;
    const int64_t key_rows = side->width / COMPRESSED_LANES;
    const LLVMValueRef *even = rows + 2 * pair * key_rows, *odd = even + key_rows;
    for (int64_t v = 0; v < vectors; v++) {
        LLVMValueRef columns = pair_columns(e, even[v / halves], odd[v / halves], v % halves);
        if (mask)
            columns = LLVMBuildAnd(e->builder, columns, mask, "");
        sums[v] = emit_bf16_dot(e, weights, columns, sums[v]);
    }
}

/* A group's weights, which are given, to the row's room in bf16. */
static LLVMValueRef weigh_group(const PairsRow *row, LLVMValueRef group, LLVMValueRef offset) {
    Emitter *e = row->kernel->emitter;
    LLVMValueRef scores =
        emit_load(e, emit_vector_type(e, e->f32, LANES), group_scores(row, group), FLOAT_BYTES);
    LLVMValueRef weights = attention_weight(e, scores, offset, false);
    emit_store(e, emit_to_bf16(e, weights), row->weights, HALF_BYTES);
    return weights;
}

/* i16 in the row's room: all bits where the group's key counts. */
static void store_mask(const PairsRow *row, LLVMValueRef group) {
    Emitter *e = row->kernel->emitter;
    LLVMTypeRef type = emit_vector_type(e, e->i16, GROUP);
    emit_store(e, LLVMBuildSExt(e->builder, group_mask(row, group), type, ""), row->mask,
               HALF_BYTES);
}

/* Adds a unit, number `number` of its group; `edge`: some of the group's keys do not count. */
static void add_unit(const PairsRow *row, const PairsSide *side, LLVMValueRef unit,
                     LLVMValueRef number, bool edge, LLVMValueRef *sums) {
    Emitter *e = row->kernel->emitter;
    LLVMValueRef rows[MOST_ROWS], first = emit_mul_const(e, number, side->unit_keys);
    load_unit(e, side, unit, rows);
    for (int64_t pair = 0; pair < side->unit_keys / 2; pair++) {
        LLVMValueRef at = emit_add_const(e, first, 2 * pair);
        LLVMValueRef weights = emit_splat(e, load_pair(e, row->weights, at), LANES);
        LLVMValueRef mask = edge ? emit_splat(e, load_pair(e, row->mask, at), LANES) : NULL;
        add_pair(e, side, rows, pair, weights, mask, sums);
    }
}

static void add_group(const PairsRow *row, const PairsRange *range, LLVMValueRef group, bool edge,
                      LLVMValueRef *sums) {
    Emitter *e = row->kernel->emitter;
    const int64_t vectors = range->side->width / LANES, units = group_units(range->side);
    LLVMValueRef after[ATTENTION_PAIRS_VECTORS], first = emit_mul_const(e, group, units);
    LLVMValueRef ahead = find_ahead(e, range, group);
    if (edge)
        store_mask(row, group);
    Loop loop;
    emit_loop_begin(e, &loop, emit_i64(e, 0), emit_i64(e, units), 1, "unit");
    for (int64_t v = 0; v < vectors; v++)
        after[v] = emit_loop_carry(e, &loop, sums[v]);
    ask_ahead(e, range->side, ahead, loop.index);
    add_unit(row, range->side, emit_add(e, first, loop.index), loop.index, edge, after);
    emit_loop_end(e, &loop, after);
    for (int64_t v = 0; v < vectors; v++)
        sums[v] = loop.carried[v];
}

/* Groups from, ..., to - 1. */
static void add_groups(const PairsRow *row, const PairsRange *range, LLVMValueRef from,
                       LLVMValueRef to, bool edge, PairsSums *sums) {
    Emitter *e = row->kernel->emitter;
    const int64_t vectors = range->side->width / LANES;
    LLVMValueRef after[ATTENTION_PAIRS_VECTORS + 1];
    Loop loop;
    emit_loop_begin(e, &loop, from, to, 1, edge ? "edge" : "values");
    for (int64_t v = 0; v < vectors; v++)
        after[v] = emit_loop_carry(e, &loop, sums->columns[v]);
    LLVMValueRef total = emit_loop_carry(e, &loop, sums->weights);
    LLVMValueRef weights = weigh_group(row, loop.index, sums->offset);
    after[vectors] = LLVMBuildFAdd(e->builder, weights, total, "");
    add_group(row, range, loop.index, edge, after);
    emit_loop_end(e, &loop, after);
    for (int64_t v = 0; v < vectors; v++)
        sums->columns[v] = loop.carried[v];
    sums->weights = loop.carried[vectors];
}

/* The group in which the mask begins, if it begins within one; those that it leaves whole; that in
 * which it ends, if it is another. */
void emit_pairs_values(const PairsRow *row, PairsSums *sums) {
    Emitter *e = row->kernel->emitter;
    const PairsSide values = side_at(row->kernel, ATTENTION_SOURCE_VALUE, row->batch);
    const PairsSide next = side_at(row->kernel, ATTENTION_SOURCE_KEY, row->next);
    const PairsRange range = range_of(row, &values, &next);
    LLVMValueRef after = emit_add_const(e, row->first, GROUP - 1);
    LLVMValueRef whole = emit_min_i64(e, emit_div_const(e, after, GROUP), range.last);
    LLVMValueRef end = emit_max_i64(e, emit_div_const(e, row->last, GROUP), whole);
    sums->weights = emit_f32_lanes(e, 0, LANES);
    for (int64_t v = 0; v < values.width / LANES; v++)
        sums->columns[v] = emit_f32_lanes(e, 0, LANES);
    ask_exceptions(e, &range);
    add_groups(row, &range, range.first, whole, true, sums);
    add_groups(row, &range, whole, end, false, sums);
    add_groups(row, &range, end, range.last, true, sums);
}
