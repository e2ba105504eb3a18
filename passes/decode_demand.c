/* One walk from the logits back: each form of a node says which forms of its sources it is made of.
 */
#include "passes/decode_forms.h"

/* --- asking --- */

/* Whether the form is there, or was added. */
static bool demand(Decode *decode, NodeId id, AxisId axis, int64_t delay) {
    if (axis != AXIS_NONE && !decode_has_axis(decode, id, axis))
        axis = AXIS_NONE;
    delay = axis == AXIS_NONE ? 0 : delay;
    if (axis != AXIS_NONE && decode_depends(decode, id) && delay < decode_delay(decode, id, axis))
        return decode_fail(decode, id,
                           "this depends on the token of the very position that is to be drawn");
    if (decode_form(decode, id, axis, delay))
        return true;
    DecodeForm *form = arena_alloc(decode->arena, sizeof *form);
    *form = (DecodeForm){axis, delay, NODE_NONE, decode->forms[id]};
    decode->forms[id] = form;
    return true;
}

static bool demand_sources(Decode *decode, NodeId id, AxisId axis, int64_t delay) {
    const Node *node = graph_node(decode->from, id);
    for (uint32_t i = 0; i < node->source_count; i++)
        if (!demand(decode, node->sources[i], axis, delay))
            return false;
    return true;
}

/* The cache of a node along an axis, and the row that goes into it at each step. */
static bool demand_cache(Decode *decode, NodeId id, AxisId axis) {
    if (decode->bounds[id].axes.count != 1 ||
        (decode->cached[id] != AXIS_NONE && decode->cached[id] != axis))
        return decode_fail(decode, id,
                           "this depends on tokens along several axes (%s), and cannot be kept "
                           "position by position",
                           axes_text(decode->arena, decode->from, &decode->bounds[id].axes));
    decode->cached[id] = axis;
    return demand(decode, id, axis, decode_delay(decode, id, axis));
}

/* --- forms --- */

static bool expand_whole(Decode *decode, NodeId id) {
    if (!decode_depends(decode, id))
        return demand_sources(decode, id, AXIS_NONE, 0);
    return demand_cache(decode, id, decode->bounds[id].axes.at[0]);
}

static bool expand_shift(Decode *decode, NodeId id, AxisId axis, int64_t delay) {
    const Node *node = graph_node(decode->from, id);
    if (node->attributes.axes.at[0] != axis)
        return demand_sources(decode, id, axis, delay);
    return demand(decode, node->sources[1], axis, delay) &&
           (decode_shifts_all(decode, node) ||
            demand(decode, node->sources[0], axis, delay + node->attributes.amount));
}

static bool expand_rename(Decode *decode, NodeId id, AxisId axis, int64_t delay) {
    const Node *node = graph_node(decode->from, id);
    const bool renamed = node->attributes.axes.at[1] == axis;
    return demand(decode, node->sources[0], renamed ? node->attributes.axes.at[0] : axis, delay);
}

/* What has no row of its own is computed whole, and its row is taken. */
static bool expand_whole_row(Decode *decode, NodeId id) {
    if (decode_depends(decode, id))
        return decode_fail(decode, id, "%s cannot be computed position by position",
                           op_table[graph_node(decode->from, id)->op].name);
    return demand(decode, id, AXIS_NONE, 0);
}

static bool expand_row(Decode *decode, NodeId id, AxisId axis, int64_t delay) {
    const Node *node = graph_node(decode->from, id);
    if (decode_depends(decode, id) && delay > decode_delay(decode, id, axis))
        return demand_cache(decode, id, axis);
    switch (node->op) {
    case OP_INDEX:
        return true;
    case OP_INPUT:
        return decode_depends(decode, id) || expand_whole_row(decode, id);
    case OP_SHIFT:
        return expand_shift(decode, id, axis, delay);
    case OP_RENAME:
        return expand_rename(decode, id, axis, delay);
    case OP_ATTENTION:
    case OP_RESULT:
        return demand_sources(decode, id, axis, delay);
    default:
        return decode_is_pointwise(decode, node, axis) ? demand_sources(decode, id, axis, delay)
                                                       : expand_whole_row(decode, id);
    }
}

/* Forms that a node's own forms ask for are put before them, so the list is read until it stays. */
static bool expand(Decode *decode, NodeId id) {
    const DecodeForm *done = NULL;
    while (decode->forms[id] != done) {
        const DecodeForm *until = done, *first = decode->forms[id];
        done = first;
        for (const DecodeForm *form = first; form != until; form = form->next)
            if (!(form->axis == AXIS_NONE ? expand_whole(decode, id)
                                          : expand_row(decode, id, form->axis, form->delay)))
                return false;
    }
    return true;
}

bool decode_demand(Decode *decode, NodeId logits) {
    if (!demand(decode, logits, decode->positions, 0))
        return false;
    for (NodeId id = logits + 1; id-- > 0;)
        if (!expand(decode, id))
            return false;
    return true;
}
