/* The pass lower: softmax and cross_entropy as elementwise ops and reductions along rows.
 *
 *     largest = reduce_max[x](a), or 0 where that is -inf     z = a - largest     e = exp(z)
 *     softmax        e / sum[x](e), or e / 1 where the sum is 0: a row that is all -inf gives 0
 *     cross_entropy  log(sum[x](e)) - sum[x](z where x is the class, else 0)
 *
 * Both make the same nodes as far as they agree, so that cleanup shares them between a loss and its
 * gradient. The logit of the class is a masked sum and not a gather: it then is one more lane of
 * the pass over the row that sums e, where a gather would make the row be read again. Adding zeros
 * rounds nothing. */
#include "passes/lower.h"

#include "ir/build.h"
#include "passes/passes.h"
#include "passes/rewrite.h"

#include <math.h>

typedef struct Row {
    NodeId largest; /* without the axis */
    NodeId shifted; /* logits - largest */
    NodeId exponentials;
    NodeId total; /* without the axis; >= 1, or 0 for a row that is all -inf */
} Row;

static NodeId constant(Function *function, double value) {
    return build_const(function, DTYPE_F32, value);
}

static Row lower_row(Function *function, NodeId logits, AxisId axis) {
    const Axes along = axes_of(&axis, 1);
    const NodeId largest = build_along(function, OP_REDUCE_MAX, logits, &along);
    const NodeId is_empty =
        build_binary(function, OP_EQUAL, largest, constant(function, -INFINITY));
    Row row = {.largest = build_select(function, is_empty, constant(function, 0), largest)};
    row.shifted = build_binary(function, OP_SUB, logits, row.largest);
    row.exponentials = build_unary(function, OP_EXP, row.shifted);
    row.total = build_along(function, OP_SUM, row.exponentials, &along);
    return row;
}

/* The total, or 1 for a row that is all -inf: what can be divided by, and whose logarithm has a
 * gradient. */
static NodeId positive_total(Function *function, const Row *row, NodeId is_empty) {
    return build_select(function, is_empty, constant(function, 1), row->total);
}

static NodeId row_is_empty(Function *function, const Row *row) {
    return build_binary(function, OP_EQUAL, row->total, constant(function, 0));
}

NodeId lower_softmax(Function *function, NodeId logits, AxisId axis) {
    const Row row = lower_row(function, logits, axis);
    const NodeId is_empty = row_is_empty(function, &row);
    return build_binary(function, OP_DIV, row.exponentials,
                        positive_total(function, &row, is_empty));
}

NodeId lower_is_class(Function *function, NodeId classes, AxisId axis) {
    const double last = (double)(graph_axis(function, axis)->extent - 1);
    NodeId class = build_binary(function, OP_MAX, classes, build_const(function, DTYPE_I32, 0));
    class = build_binary(function, OP_MIN, class, build_const(function, DTYPE_I32, last));
    return build_binary(function, OP_EQUAL, class, build_index(function, axis));
}

NodeId lower_cross_entropy(Function *function, NodeId logits, NodeId classes, AxisId axis) {
    const Row row = lower_row(function, logits, axis);
    const Axes along = axes_of(&axis, 1);
    const NodeId chosen = build_select(function, lower_is_class(function, classes, axis),
                                       row.shifted, constant(function, 0));
    return build_binary(function, OP_SUB, build_unary(function, OP_LOG, row.total),
                        build_along(function, OP_SUM, chosen, &along));
}

NodeId lower_log_sum_exp(Function *function, NodeId logits, AxisId axis) {
    const Row row = lower_row(function, logits, axis);
    const NodeId is_empty = row_is_empty(function, &row);
    const NodeId logarithm =
        build_unary(function, OP_LOG, positive_total(function, &row, is_empty));
    return build_select(function, is_empty, constant(function, -INFINITY),
                        build_binary(function, OP_ADD, logarithm, row.largest));
}

Function *pass_lower(const Function *function, PassContext *context) {
    (void)context;
    Rewrite rewrite = rewrite_begin(function, NULL);
    for (NodeId id = 0; id < function->node_count; id++) {
        const Node node = rewrite_node(&rewrite, id);
        const NodeId first = rewrite.to->node_count;
        NodeId lowered;
        if (node.op == OP_SOFTMAX)
            lowered = lower_softmax(rewrite.to, node.sources[0], node.attributes.axes.at[0]);
        else if (node.op == OP_CROSS_ENTROPY)
            lowered = lower_cross_entropy(rewrite.to, node.sources[0], node.sources[1],
                                          node.attributes.axes.at[0]);
        else
            lowered = graph_add(rewrite.to, node);
        rewrite.map[id] = build_reordered(rewrite.to, lowered, &node.axes);
        rewrite_place(&rewrite, first, id);
    }
    return rewrite_end(&rewrite);
}
