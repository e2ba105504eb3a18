/* Kernels are taken as they are, so that whatever is added has the same bits as it has in the
 * function without the addition: how nodes are grouped, and so the order in which they sum, can't
 * change. A matrix product takes the addition as its epilogue, which reads the sum where it is
 * about to write it; what other kernels give is added by a loop of its own. */
#include "passes/accumulate.h"

#include "ir/build.h"
#include "passes/emit/contract.h"
#include "passes/rewrite.h"

typedef struct Accumulation {
    Rewrite rewrite;
    NodeId *sums;       /* by output: its input sum:OUTPUT */
    uint32_t *taken_by; /* by node of `from`: number of the output that this kernel adds to its
                         * sum, and 1; 0: none */
} Accumulation;

static void add_sums(Accumulation *accumulation) {
    const Function *from = accumulation->rewrite.from;
    Function *to = accumulation->rewrite.to;
    for (uint32_t i = 0; i < from->output_count; i++) {
        const Output *output = &from->outputs[i];
        const Node *node = graph_node(from, output->node);
        accumulation->sums[i] = build_input(to, arena_printf(to->arena, "sum:%s", output->name),
                                            node->dtype, &node->axes);
    }
}

/* --- products --- */

/* The body with the sum of its only output and one more input. */
static Function *body_adding(const Function *body) {
    Rewrite rewrite = rewrite_all(body, NULL);
    Function *to = rewrite.to;
    const Output *output = &body->outputs[0];
    const Axes axes = graph_node(body, output->node)->axes;
    const char *name = arena_printf(to->arena, "x%u", kernel_input_count(body));
    const NodeId sum = build_input(to, name, DTYPE_F32, &axes);
    const NodeId value = rewrite.map[output->node];
    function_output(to, output->name, build_binary(to, OP_ADD, sum, value), NULL);
    return to;
}

/* Whether the kernel may add to the sum itself: a product that gives this alone. */
static bool takes_addition(const Function *body) {
    return body->output_count == 1 && contract_accepts(body) &&
           graph_node(body, body->outputs[0].node)->dtype == DTYPE_F32;
}

/* Which kernels add: their result is an output, under its own name, and nothing else reads it. */
static void find_takers(const Accumulation *accumulation) {
    const Function *from = accumulation->rewrite.from;
    const uint32_t *uses = function_uses(from, function_live(from));
    for (uint32_t i = 0; i < from->output_count; i++) {
        const NodeId id = from->outputs[i].node;
        const Node *result = graph_node(from, id);
        if (result->op != OP_RESULT || uses[id] != 1)
            continue;
        const Node *kernel = graph_node(from, result->sources[0]);
        if (kernel->op == OP_KERNEL && takes_addition(kernel->attributes.body))
            accumulation->taken_by[result->sources[0]] = i + 1;
    }
}

static void copy_adding(Accumulation *accumulation, NodeId id, uint32_t output) {
    Rewrite *rewrite = &accumulation->rewrite;
    const Node *old = graph_node(rewrite->from, id);
    const Node copy = rewrite_node(rewrite, id);
    NodeId *sources = arena_array(rewrite->to->arena, copy.source_count + 1, sizeof *sources);
    for (uint32_t i = 0; i < copy.source_count; i++)
        sources[i] = copy.sources[i];
    sources[copy.source_count] = accumulation->sums[output];
    rewrite->map[id] =
        graph_add(rewrite->to, (Node){.op = OP_KERNEL,
                                      .source_count = copy.source_count + 1,
                                      .sources = sources,
                                      .attributes.body = body_adding(old->attributes.body),
                                      .spans = copy.spans});
}

/* --- the others --- */

static void copy_axes(Function *to, const Function *from, Axes *axes) {
    Axes copy = {0};
    for (int i = 0; i < axes->count; i++) {
        const Axis *axis = graph_axis(from, axes->at[i]);
        axes_append(&copy, function_axis(to, axis->name, axis->extent));
    }
    *axes = copy;
}

/* sum + value, by a kernel of its own. */
static NodeId add_loop(Function *function, NodeId sum, NodeId value) {
    const Node *node = graph_node(function, value);
    const SpanSet *spans = node->spans;
    Function *body = function_create(function->arena, "add");
    Axes axes = node->axes;
    copy_axes(body, function, &axes);
    const NodeId terms[] = {build_input(body, "x0", node->dtype, &axes),
                            build_input(body, "x1", node->dtype, &axes)};
    function_output(body, "y0", build_binary(body, OP_ADD, terms[0], terms[1]), NULL);
    const NodeId sources[] = {sum, value};
    const NodeId kernel = graph_add(function, (Node){.op = OP_KERNEL,
                                                     .source_count = 2,
                                                     .sources = sources,
                                                     .attributes.body = body,
                                                     .spans = spans});
    return graph_add(
        function, (Node){.op = OP_RESULT, .source_count = 1, .sources = &kernel, .spans = spans});
}

static void add_outputs(const Accumulation *accumulation) {
    const Function *from = accumulation->rewrite.from;
    Function *to = accumulation->rewrite.to;
    for (uint32_t i = 0; i < from->output_count; i++) {
        const Output *output = &from->outputs[i];
        const Node *old = graph_node(from, output->node);
        const NodeId sum = accumulation->sums[i];
        NodeId made = accumulation->rewrite.map[output->node];
        if (old->op != OP_RESULT || accumulation->taken_by[old->sources[0]] != i + 1)
            made = add_loop(to, sum, made);
        function_output(to, output->name, made, graph_node(to, sum)->attributes.name);
    }
}

Function *function_accumulate(const Function *fused, const char *name) {
    Arena *arena = fused->arena;
    Accumulation accumulation = {
        .rewrite = rewrite_begin(fused, name),
        .sums = arena_array(arena, fused->output_count, sizeof *accumulation.sums),
        .taken_by = arena_array(arena, fused->node_count, sizeof *accumulation.taken_by),
    };
    add_sums(&accumulation);
    find_takers(&accumulation);
    for (NodeId id = 0; id < fused->node_count; id++) {
        const uint32_t taken_by = accumulation.taken_by[id];
        if (taken_by)
            copy_adding(&accumulation, id, taken_by - 1);
        else
            rewrite_copy(&accumulation.rewrite, id);
    }
    add_outputs(&accumulation);
    return accumulation.rewrite.to;
}
