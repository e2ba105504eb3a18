/* Counting parameters and operations. */
#include "frontend/report.h"

#include "frontend/report_mask.h"

static bool *mark_needed(const Function *function, NodeId output, Arena *arena) {
    bool *needed = arena_array(arena, function->node_count, sizeof(bool));
    needed[output] = true;
    for (uint32_t i = output + 1; i-- > 0;)
        for (uint32_t k = 0; needed[i] && k < function->nodes[i].source_count; k++)
            needed[function->nodes[i].sources[k]] = true;
    return needed;
}

/* Operations of a sum of products; 0 for any other node. */
static double contraction_flops(const Function *function, const Node *node, const double *shares) {
    if (node->op != OP_SUM || graph_node(function, node->sources[0])->op != OP_MUL)
        return 0;
    const Node *product = graph_node(function, node->sources[0]);
    const Axes *a = &graph_node(function, product->sources[0])->axes;
    const Axes *b = &graph_node(function, product->sources[1])->axes;
    const Axes *over = &node->attributes.axes;
    if (!axes_subset(over, a) || !axes_subset(over, b) || axes_subset(a, b) || axes_subset(b, a))
        return 0;
    return 2 * (double)graph_elements(function, product) * shares[node->sources[0]];
}

static double forward_flops(const Function *forward, Arena *arena) {
    const bool *needed = mark_needed(forward, function_find_output(forward, "loss"), arena);
    const double *shares = mask_shares(forward, needed, arena);
    double flops = 0;
    for (uint32_t i = 0; i < forward->node_count; i++)
        if (needed[i])
            flops += contraction_flops(forward, &forward->nodes[i], shares);
    return flops;
}

Report report_create(Arena *arena, const Module *module, const Experiment *experiment) {
    const Function *forward = module_function(module, "forward");
    Report report = {0};
    for (uint32_t i = 0; i < experiment->parameter_count; i++)
        report.parameters += experiment->parameters[i].elements;
    report.flops_per_step = 3 * (double)experiment->train.chunks * forward_flops(forward, arena);
    report.first_loss_known =
        report_first_loss(arena, module_function(module, "init"), forward, &report.first_loss);
    return report;
}
