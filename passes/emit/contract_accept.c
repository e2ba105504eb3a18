/* What is a matrix product, with what may follow it; no LLVM. */
#include "passes/emit/contract.h"
#include "passes/emit/contract_shape.h"

static bool may_follow(OpCode op) {
    return op_is_elementwise(op) || op == OP_CONST || op == OP_INDEX || op == OP_INPUT;
}

/* Of the sources' axes: each side has some of its own, and one of them is longer than 1. (Of one
 * image the other is not; it is to have the sums that several have.) */
static bool axes_accepted(const Function *body, const Axes *a, const Axes *b) {
    const Axes of_a = axes_minus(a, b), of_b = axes_minus(b, a);
    return of_a.count > 0 && of_b.count > 0 &&
           (axes_elements(body, &of_a) > 1 || axes_elements(body, &of_b) > 1);
}

/* Axes that a side makes one of are of its rows or columns. */
static bool merge_accepted(const Function *body, const Node *contract, int which) {
    const Node *side = graph_node(body, contract->sources[which]);
    const Node *other = graph_node(body, contract->sources[1 - which]);
    return side->op != OP_MERGE || !axes_has(&other->axes, side->attributes.axes.at[2]);
}

static bool sides_accepted(const Function *body, const Node *contract) {
    const Node *a = graph_node(body, contract->sources[0]);
    const Node *b = graph_node(body, contract->sources[1]);
    return contract_side_input(body, contract->sources[0]) != NODE_NONE &&
           contract_side_input(body, contract->sources[1]) != NODE_NONE &&
           merge_accepted(body, contract, 0) && merge_accepted(body, contract, 1) &&
           axes_accepted(body, &a->axes, &b->axes);
}

static bool is_of_side(const Function *body, NodeId side, NodeId id) {
    const NodeId compressed = contract_side_compressed(body, side);
    return id == side || id == contract_side_input(body, side) ||
           (compressed != NODE_NONE &&
            (id == compressed || id == graph_node(body, compressed)->sources[1]));
}

/* A side, or what it is made of. */
static bool is_of_sides(const Function *body, const Node *contract, NodeId id) {
    return is_of_side(body, contract->sources[0], id) || is_of_side(body, contract->sources[1], id);
}

bool contract_accepts(const Function *body) {
    NodeId anchor = kernel_anchor(body);
    if (anchor == NODE_NONE || graph_node(body, anchor)->op != OP_CONTRACT)
        return false;
    const Node *contract = graph_node(body, anchor);
    if (!sides_accepted(body, contract))
        return false;
    for (NodeId id = 0; id < body->node_count; id++) {
        const Node *node = graph_node(body, id);
        if (id == anchor || is_of_sides(body, contract, id))
            continue;
        if (!may_follow(node->op) || !axes_subset(&node->axes, &contract->axes))
            return false;
    }
    for (uint32_t i = 0; i < body->output_count; i++) {
        const Node *node = graph_node(body, body->outputs[i].node);
        if (node->op == OP_INPUT || !axes_same_set(&node->axes, &contract->axes))
            return false;
    }
    return body->output_count > 0;
}

/* The sides are read again for other rows and columns; any other input of the result's axes in the
 * output's order is read just before the same place is written. With several outputs, one of them
 * could be written before another reads. */
bool contract_in_place(const Function *body, uint32_t input, uint32_t output) {
    const Node *contract = graph_node(body, kernel_anchor(body));
    NodeId id = kernel_input(body, input);
    if (is_of_sides(body, contract, id) || body->output_count != 1 || output != 0)
        return false;
    const Node *from = graph_node(body, id), *to = graph_node(body, body->outputs[0].node);
    return from->dtype == to->dtype && axes_equal(&from->axes, &to->axes);
}

static double node_bytes(const Function *body, NodeId id) {
    const Node *node = graph_node(body, id);
    return (double)graph_elements(body, node) * (double)dtype_size(node->dtype);
}

void contract_measure(const Function *body, const Target *target, KernelShape *kernel) {
    ContractShape shape;
    contract_shape(body, target, &shape);
    *kernel = (KernelShape){
        .tiles = shape.batches * shape.row_blocks * shape.column_blocks,
        .scratch_bytes = shape.right_bytes + shape.left_bytes + shape.partial_bytes,
        .flops = 2.0 * (double)shape.batches * (double)shape.rows * (double)shape.columns *
                 (double)shape.depth_elements,
    };
    for (NodeId id = 0; id < body->node_count; id++)
        if (graph_node(body, id)->op == OP_INPUT &&
            (shape.packed == NODE_NONE || id != shape.right))
            kernel->bytes += node_bytes(body, id);
    for (uint32_t i = 0; i < body->output_count; i++)
        kernel->bytes += node_bytes(body, body->outputs[i].node);
}
