#include "ir/build.h"
#include "passes/fuse.h"
#include "passes/rewrite.h"

enum { LARGE_ELEMENTS = 1 << 16 };

/* The outermost axis of what is summed, if it is summed and more is; AXIS_NONE: leave the sum
 * alone. */
static AxisId outermost(const Function *function, const Node *node) {
    const Axes *over = &node->attributes.axes;
    if (node->op != OP_SUM || over->count < 2)
        return AXIS_NONE;
    const Node *source = graph_node(function, node->sources[0]);
    AxisId first = source->axes.at[0];
    bool splits = axes_has(over, first) && graph_axis(function, first)->extent > 1 &&
                  graph_elements(function, source) >= LARGE_ELEMENTS;
    return splits ? first : AXIS_NONE;
}

Function *fuse_split_sums(const Function *function) {
    Rewrite rewrite = rewrite_begin(function, NULL);
    for (NodeId id = 0; id < function->node_count; id++) {
        const Node *node = graph_node(function, id);
        AxisId first = outermost(function, node);
        if (first == AXIS_NONE) {
            rewrite_copy(&rewrite, id);
            continue;
        }
        NodeId start = rewrite.to->node_count;
        Axes outer = axes_of(&first, 1), inner = axes_minus(&node->attributes.axes, &outer);
        NodeId part = build_along(rewrite.to, OP_SUM, rewrite.map[node->sources[0]], &inner);
        NodeId source = part;
        Node whole = *node; /* in the order of memory that it had */
        whole.attributes.axes = outer;
        whole.sources = &source;
        rewrite.map[id] = graph_add(rewrite.to, whole);
        rewrite_place(&rewrite, start, id);
    }
    return rewrite_end(&rewrite);
}
