/* The pass remat: kernels of the forward part run again in the backward part, so that what they
 * compute need not wait for it in memory.
 *
 * It comes after fusion. What runs again is a kernel as it is: the same code on the same values, so
 * the bits are those that there were, whatever is chosen; nothing is compiled for it; what it costs
 * and what it frees is known exactly; and there is no pass after it that could undo it.
 *
 * Where the function updates parameters too (passes/step.h), this is the pass that lets it do so as
 * early as can be, since what runs again may read them. */
#include "passes/remat.h"

#include "passes/passes.h"
#include "passes/rewrite.h"

#include <string.h>

typedef struct Writing {
    Rewrite rewrite;
    NodeId *again; /* by node: what stands for it in the backward part; NODE_NONE: not yet */
} Writing;

/* The value that a late step reads for a node: the dropped ones as computed again. */
static NodeId late_value(Writing *writing, NodeId id) {
    const Node *node = graph_node(writing->rewrite.from, id);
    if (writing->again[id] != NODE_NONE)
        return writing->again[id];
    if (node->op == OP_RENAME) {
        const NodeId source = late_value(writing, node->sources[0]);
        if (source == writing->rewrite.map[node->sources[0]])
            return writing->rewrite.map[id];
        Node copy = *node;
        copy.sources = &source;
        return writing->again[id] = graph_add(writing->rewrite.to, copy);
    }
    return writing->rewrite.map[id];
}

static Node late_node(Writing *writing, NodeId id) {
    Node node = *graph_node(writing->rewrite.from, id);
    NodeId *sources = arena_array(writing->rewrite.to->arena, node.source_count, sizeof *sources);
    for (uint32_t i = 0; i < node.source_count; i++)
        sources[i] = late_value(writing, node.sources[i]);
    node.sources = sources;
    return node;
}

static void write_again(Writing *writing, const RematStep *step, const NodeId *results) {
    Node kernel = late_node(writing, step->kernel);
    kernel.attributes.amount = KERNEL_AGAIN;
    const NodeId again = graph_add(writing->rewrite.to, kernel);
    for (uint32_t i = 0; i < step->result_count; i++) {
        const NodeId result = results[step->first_result + i];
        if (result == NODE_NONE)
            continue;
        Node copy = *graph_node(writing->rewrite.from, result);
        copy.sources = &again;
        writing->again[result] = graph_add(writing->rewrite.to, copy);
    }
}

/* The nodes from `next` on, up to the kernel that comes next. Behind one of the update's these are
 * its results alone, so they can go where it goes. */
static void write_others(Writing *writing, NodeId next) {
    const Function *from = writing->rewrite.from;
    for (; next < from->node_count && graph_node(from, next)->op != OP_KERNEL; next++)
        rewrite_copy(&writing->rewrite, next);
}

static void write_first(Writing *writing, const RematStep *step) {
    const Node node = step->is_forward ? rewrite_node(&writing->rewrite, step->kernel)
                                       : late_node(writing, step->kernel);
    writing->rewrite.map[step->kernel] = graph_add(writing->rewrite.to, node);
}

/* By buffer: the node that is the kernel's result; NODE_NONE: nobody reads it. */
static NodeId *find_results(const RematGraph *graph, const uint32_t *step_of) {
    const Function *function = graph->function;
    NodeId *results = arena_array(function->arena, graph->buffer_count, sizeof *results);
    for (uint32_t i = 0; i < graph->buffer_count; i++)
        results[i] = NODE_NONE;
    for (NodeId id = 0; id < function->node_count; id++) {
        const Node *node = graph_node(function, id);
        if (node->op == OP_RESULT)
            results[graph->steps[step_of[node->sources[0]]].first_result +
                    (uint32_t)node->attributes.amount] = id;
    }
    return results;
}

static Function *write_schedule(const RematSchedule *schedule) {
    const RematGraph *graph = schedule->graph;
    const Function *from = graph->function;
    Writing writing = {.rewrite = rewrite_begin(from, NULL)};
    uint32_t *step_of = arena_array(from->arena, from->node_count, sizeof *step_of);
    writing.again = arena_array(from->arena, from->node_count, sizeof *writing.again);
    for (NodeId id = 0; id < from->node_count; id++)
        writing.again[id] = NODE_NONE;
    for (uint32_t i = 0; i < graph->step_count; i++)
        step_of[graph->steps[i].kernel] = i;
    const NodeId *results = find_results(graph, step_of);
    write_others(&writing, 0);
    for (uint32_t i = 0; i < schedule->run_count; i++) {
        const RematStep *step = &graph->steps[schedule->runs[i].step];
        if (schedule->runs[i].is_again) {
            write_again(&writing, step, results);
            continue;
        }
        write_first(&writing, step);
        write_others(&writing, step->kernel + 1);
    }
    return rewrite_end(&writing.rewrite);
}

/* Whether the function has a forward and a backward part: it gives gradients, or uses them. */
static bool is_gradient(const Function *function) {
    bool has_gradients = false;
    for (uint32_t i = 0; i < function->output_count; i++)
        has_gradients |= strncmp(function->outputs[i].name, "grad:", strlen("grad:")) == 0;
    for (NodeId id = 0; id < function->node_count; id++)
        has_gradients |= graph_node(function, id)->op == OP_KERNEL &&
                         graph_node(function, id)->attributes.amount == KERNEL_UPDATE;
    return has_gradients && function_find_output(function, "loss") != NODE_NONE;
}

Function *pass_remat(const Function *function, PassContext *context) {
    if (!is_gradient(function) || !context->target) {
        Rewrite rewrite = rewrite_all(function, NULL);
        return rewrite_end(&rewrite);
    }
    const RematGraph graph = remat_graph(function, context->target);
    RematSchedule schedule = remat_schedule_create(&graph);
    bool *dropped = arena_array(function->arena, graph.step_count, sizeof *dropped);
    remat_choose(&schedule, context->arena_bytes, dropped);
    return write_schedule(&schedule);
}
