#include "passes/emit/attention_mask.h"

#include <math.h>

/* What is known of a node in the block. */
typedef struct Known {
    /* i32: bounds in the block, and for the whole axes (so that no bound ever leaves 32 bits);
     * NULL: nothing. */
    LLVMValueRef least, most;
    int64_t lowest, highest;
    LLVMValueRef holds, fails; /* bool: surely; NULL: nothing */
    LLVMValueRef masked;       /* f32: surely -inf; NULL: it may be anything */
} Known;

typedef struct Mask {
    Emitter *emitter;
    const Function *body;
    const MaskBlock *block;
    Known *known; /* by node */
} Mask;

typedef Known MaskRule(const Mask *mask, const Node *node, const Known *a, const Known *b);

static LLVMValueRef no(Emitter *e) { return LLVMConstInt(e->i1, 0, false); }

static LLVMValueRef yes_if(Emitter *e, bool condition) {
    return LLVMConstInt(e->i1, condition, false);
}

static LLVMValueRef or_no(Emitter *e, LLVMValueRef value) { return value ? value : no(e); }

static LLVMValueRef both(Emitter *e, LLVMValueRef a, LLVMValueRef b) {
    return a && b ? LLVMBuildAnd(e->builder, a, b, "") : NULL;
}

static LLVMValueRef either(Emitter *e, LLVMValueRef a, LLVMValueRef b) {
    return a && b ? LLVMBuildOr(e->builder, a, b, "") : a ? a : b;
}

/* Bounds that could leave i32 are none: the value might wrap. */
static Known bounds(LLVMValueRef least, LLVMValueRef most, int64_t lowest, int64_t highest) {
    if (lowest < INT32_MIN || highest > INT32_MAX)
        return (Known){0};
    return (Known){.least = least, .most = most, .lowest = lowest, .highest = highest};
}

static const Known nothing = {0};

/* --- integers --- */

static Known mask_index(const Mask *mask, const Node *node, const Known *a, const Known *b) {
    (void)a;
    (void)b;
    AxisId axis = node->attributes.axes.at[0];
    const MaskInterval *at = &mask->block->positions[axis];
    return at->least ? bounds(at->least, at->most, 0, graph_axis(mask->body, axis)->extent - 1)
                     : nothing;
}

static Known mask_input(const Mask *mask, const Node *node, const Known *a, const Known *b) {
    (void)a;
    (void)b;
    const LLVMValueRef *numbers = mask->block->numbers;
    LLVMValueRef number = numbers ? numbers[node - mask->body->nodes] : NULL;
    return number ? bounds(number, number, INT32_MIN, INT32_MAX) : nothing;
}

static Known mask_const(const Mask *mask, const Node *node, const Known *a, const Known *b) {
    (void)a;
    (void)b;
    Emitter *e = mask->emitter;
    double value = node->attributes.value;
    if (node->dtype == DTYPE_BOOL)
        return (Known){.holds = yes_if(e, value != 0), .fails = yes_if(e, value == 0)};
    if (node->dtype == DTYPE_F32)
        return (Known){.masked = value == (double)-INFINITY ? yes_if(e, true) : NULL};
    LLVMValueRef number = emit_i64(e, (int64_t)value);
    return bounds(number, number, (int64_t)value, (int64_t)value);
}

static Known mask_negate(const Mask *mask, const Node *node, const Known *a, const Known *b) {
    (void)node;
    (void)b;
    Emitter *e = mask->emitter;
    LLVMValueRef zero = emit_i64(e, 0);
    if (!a->least)
        return nothing;
    return bounds(emit_sub(e, zero, a->most), emit_sub(e, zero, a->least), -a->highest, -a->lowest);
}

static Known mask_abs(const Mask *mask, const Node *node, const Known *a, const Known *b) {
    (void)node;
    (void)b;
    Emitter *e = mask->emitter;
    LLVMValueRef zero = emit_i64(e, 0);
    if (!a->least)
        return nothing;
    LLVMValueRef below = emit_sub(e, zero, a->most), above = emit_sub(e, zero, a->least);
    return bounds(emit_max_i64(e, zero, emit_max_i64(e, a->least, below)),
                  emit_max_i64(e, a->most, above), 0,
                  -a->lowest > a->highest ? -a->lowest : a->highest);
}

/* What is masked stays so when something is added or taken away. */
static Known mask_add(const Mask *mask, const Node *node, const Known *a, const Known *b) {
    Emitter *e = mask->emitter;
    if (node->dtype == DTYPE_F32)
        return (Known){.masked = either(e, a->masked, b->masked)};
    if (!a->least || !b->least)
        return nothing;
    return bounds(emit_add(e, a->least, b->least), emit_add(e, a->most, b->most),
                  a->lowest + b->lowest, a->highest + b->highest);
}

static Known mask_sub(const Mask *mask, const Node *node, const Known *a, const Known *b) {
    Emitter *e = mask->emitter;
    if (node->dtype == DTYPE_F32)
        return (Known){.masked = a->masked};
    if (!a->least || !b->least)
        return nothing;
    return bounds(emit_sub(e, a->least, b->most), emit_sub(e, a->most, b->least),
                  a->lowest - b->highest, a->highest - b->lowest);
}

static bool is_positive_const(const Mask *mask, NodeId id) {
    const Node *node = graph_node(mask->body, id);
    return node->op == OP_CONST && node->attributes.value > 0 && isfinite(node->attributes.value);
}

/* By a positive constant, on either side. */
static Known mask_mul(const Mask *mask, const Node *node, const Known *a, const Known *b) {
    Emitter *e = mask->emitter;
    bool left = is_positive_const(mask, node->sources[0]);
    if (!left && !is_positive_const(mask, node->sources[1]))
        return nothing;
    const Known *x = left ? b : a, *factor = left ? a : b;
    if (node->dtype == DTYPE_F32)
        return (Known){.masked = x->masked};
    if (!x->least || !factor->least)
        return nothing;
    int64_t scale = factor->lowest;
    return bounds(emit_mul_const(e, x->least, scale), emit_mul_const(e, x->most, scale),
                  x->lowest * scale, x->highest * scale);
}

static Known mask_div(const Mask *mask, const Node *node, const Known *a, const Known *b) {
    (void)b;
    return is_positive_const(mask, node->sources[1]) ? (Known){.masked = a->masked} : nothing;
}

static int64_t floor_divided(int64_t a, int64_t b) { return (a < 0 ? a - (b - 1) : a) / b; }

static LLVMValueRef emit_floor_div(Emitter *e, LLVMValueRef a, int64_t b) {
    LLVMValueRef negative = emit_less(e, a, emit_i64(e, 0));
    LLVMValueRef lowered = emit_add_const(e, a, -(b - 1));
    LLVMValueRef from = LLVMBuildSelect(e->builder, negative, lowered, a, "");
    return LLVMBuildSDiv(e->builder, from, emit_i64(e, b), "");
}

static Known mask_floor_div(const Mask *mask, const Node *node, const Known *a, const Known *b) {
    Emitter *e = mask->emitter;
    if (!a->least || !is_positive_const(mask, node->sources[1]))
        return nothing;
    int64_t by = b->lowest;
    return bounds(emit_floor_div(e, a->least, by), emit_floor_div(e, a->most, by),
                  floor_divided(a->lowest, by), floor_divided(a->highest, by));
}

/* Where the block lies within one period, the ends' own; else the whole period. */
static Known mask_mod(const Mask *mask, const Node *node, const Known *a, const Known *b) {
    Emitter *e = mask->emitter;
    if (!a->least || !is_positive_const(mask, node->sources[1]))
        return nothing;
    int64_t by = b->lowest;
    LLVMValueRef first = emit_floor_div(e, a->least, by), last = emit_floor_div(e, a->most, by);
    LLVMValueRef one = LLVMBuildICmp(e->builder, LLVMIntEQ, first, last, "");
    LLVMValueRef least = emit_sub(e, a->least, emit_mul_const(e, first, by));
    LLVMValueRef most = emit_sub(e, a->most, emit_mul_const(e, last, by));
    return bounds(LLVMBuildSelect(e->builder, one, least, emit_i64(e, 0), ""),
                  LLVMBuildSelect(e->builder, one, most, emit_i64(e, by - 1), ""), 0, by - 1);
}

static Known mask_min(const Mask *mask, const Node *node, const Known *a, const Known *b) {
    Emitter *e = mask->emitter;
    if (node->dtype == DTYPE_F32 || !a->least || !b->least)
        return nothing;
    return bounds(emit_min_i64(e, a->least, b->least), emit_min_i64(e, a->most, b->most),
                  a->lowest < b->lowest ? a->lowest : b->lowest,
                  a->highest < b->highest ? a->highest : b->highest);
}

static Known mask_max(const Mask *mask, const Node *node, const Known *a, const Known *b) {
    Emitter *e = mask->emitter;
    if (node->dtype == DTYPE_F32 || !a->least || !b->least)
        return nothing;
    return bounds(emit_max_i64(e, a->least, b->least), emit_max_i64(e, a->most, b->most),
                  a->lowest > b->lowest ? a->lowest : b->lowest,
                  a->highest > b->highest ? a->highest : b->highest);
}

/* --- conditions --- */

static LLVMValueRef compare(Emitter *e, LLVMIntPredicate predicate, LLVMValueRef a,
                            LLVMValueRef b) {
    return LLVMBuildICmp(e->builder, predicate, a, b, "");
}

static Known mask_less(const Mask *mask, const Node *node, const Known *a, const Known *b) {
    (void)node;
    if (!a->least || !b->least)
        return nothing;
    return (Known){.holds = compare(mask->emitter, LLVMIntSLT, a->most, b->least),
                   .fails = compare(mask->emitter, LLVMIntSGE, a->least, b->most)};
}

static Known mask_less_equal(const Mask *mask, const Node *node, const Known *a, const Known *b) {
    (void)node;
    if (!a->least || !b->least)
        return nothing;
    return (Known){.holds = compare(mask->emitter, LLVMIntSLE, a->most, b->least),
                   .fails = compare(mask->emitter, LLVMIntSGT, a->least, b->most)};
}

static Known mask_equal(const Mask *mask, const Node *node, const Known *a, const Known *b) {
    (void)node;
    Emitter *e = mask->emitter;
    if (!a->least || !b->least)
        return nothing;
    return (Known){.holds = both(e, compare(e, LLVMIntEQ, a->least, b->most),
                                 compare(e, LLVMIntEQ, a->most, b->least)),
                   .fails = either(e, compare(e, LLVMIntSLT, a->most, b->least),
                                   compare(e, LLVMIntSGT, a->least, b->most))};
}

static Known mask_not(const Mask *mask, const Node *node, const Known *a, const Known *b) {
    (void)mask;
    (void)node;
    (void)b;
    return (Known){.holds = a->fails, .fails = a->holds};
}

static Known mask_and(const Mask *mask, const Node *node, const Known *a, const Known *b) {
    (void)node;
    return (Known){.holds = both(mask->emitter, a->holds, b->holds),
                   .fails = either(mask->emitter, a->fails, b->fails)};
}

static Known mask_or(const Mask *mask, const Node *node, const Known *a, const Known *b) {
    (void)node;
    return (Known){.holds = either(mask->emitter, a->holds, b->holds),
                   .fails = both(mask->emitter, a->fails, b->fails)};
}

/* Masked where the branch taken is, or where both are. */
static Known mask_select(const Mask *mask, const Node *node, const Known *a, const Known *b) {
    Emitter *e = mask->emitter;
    const Known *c = &mask->known[node->sources[2]];
    if (node->dtype != DTYPE_F32)
        return nothing;
    LLVMValueRef taken = either(e, both(e, a->holds, b->masked), both(e, a->fails, c->masked));
    return (Known){.masked = either(e, taken, both(e, b->masked, c->masked))};
}

/* Of the ops whose results can be told; the others are unknown. */
static MaskRule *const mask_rules[OP_COUNT] = {
    [OP_INDEX] = mask_index,
    [OP_INPUT] = mask_input,
    [OP_CONST] = mask_const,
    [OP_NEGATE] = mask_negate,
    [OP_ABS] = mask_abs,
    [OP_ADD] = mask_add,
    [OP_SUB] = mask_sub,
    [OP_MUL] = mask_mul,
    [OP_DIV] = mask_div,
    [OP_FLOOR_DIV] = mask_floor_div,
    [OP_MOD] = mask_mod,
    [OP_MIN] = mask_min,
    [OP_MAX] = mask_max,
    [OP_LESS] = mask_less,
    [OP_LESS_EQUAL] = mask_less_equal,
    [OP_EQUAL] = mask_equal,
    [OP_NOT] = mask_not,
    [OP_AND] = mask_and,
    [OP_OR] = mask_or,
    [OP_SELECT] = mask_select,
};

static void evaluate(const Mask *mask) {
    for (NodeId id = 0; id < mask->body->node_count; id++) {
        const Node *node = graph_node(mask->body, id);
        const Known *a = node->source_count > 0 ? &mask->known[node->sources[0]] : &nothing;
        const Known *b = node->source_count > 1 ? &mask->known[node->sources[1]] : &nothing;
        if (mask_rules[node->op])
            mask->known[id] = mask_rules[node->op](mask, node, a, b);
    }
}

static Mask mask_create(Emitter *e, const Function *body, const MaskBlock *block) {
    return (Mask){e, body, block, arena_array(e->arena, body->node_count, sizeof(Known))};
}

LLVMValueRef emit_surely_masked(Emitter *emitter, const Function *body, const MaskBlock *block) {
    Mask mask = mask_create(emitter, body, block);
    evaluate(&mask);
    return or_no(emitter, mask.known[body->outputs[0].node].masked);
}

/* What a mask puts in the place of a score, or of its derivative. */
static bool is_blank(const Mask *mask, NodeId id) {
    const Node *node = graph_node(mask->body, id);
    return node->op == OP_CONST &&
           (node->attributes.value == 0 || node->attributes.value == (double)-INFINITY);
}

/* By NodeId: whether the output depends on it. */
static bool *find_used(Emitter *e, const Function *body) {
    bool *used = arena_array(e->arena, body->node_count, sizeof *used);
    used[body->outputs[0].node] = true;
    for (NodeId id = body->node_count; id-- > 0;)
        for (uint32_t i = 0; used[id] && i < graph_node(body, id)->source_count; i++)
            used[graph_node(body, id)->sources[i]] = true;
    return used;
}

LLVMValueRef emit_surely_kept(Emitter *emitter, const Function *body, const MaskBlock *block,
                              NodeId *taken) {
    Mask mask = mask_create(emitter, body, block);
    evaluate(&mask);
    LLVMValueRef kept = yes_if(emitter, true);
    const bool *used = find_used(emitter, body);
    for (NodeId id = 0; id < body->node_count; id++) {
        const Node *node = graph_node(body, id);
        taken[id] = NODE_NONE;
        if (!used[id] || node->op != OP_SELECT || node->dtype != DTYPE_F32)
            continue;
        const Known *condition = &mask.known[node->sources[0]];
        bool second = is_blank(&mask, node->sources[1]);
        LLVMValueRef other = second ? condition->fails : condition->holds;
        if ((!second && !is_blank(&mask, node->sources[2])) || !other)
            continue;
        taken[id] = node->sources[second ? 2 : 1];
        kept = both(emitter, kept, other);
    }
    return kept;
}
