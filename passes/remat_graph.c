/* What the schedule needs to know of a fused function. Buffers are numbered as the plan numbers its
 * own: by kernel, then by result. */
#include "passes/emit/call.h"
#include "passes/remat.h"
#include "passes/rewrite.h"
#include "runtime/execution/plan.h"

#include <string.h>

/* Operations that take about as long as a byte of a kernel's operands does. */
static const double operations_a_byte = 40;

/* The same of a call of a library: what it computes is not known, but hardly next to nothing. */
static const double operations_a_called_byte = 1000;

static double cost_of(const Function *body, const KernelShape *shape) {
    const bool is_call = call_node(body) != NODE_NONE;
    return shape->flops + (is_call ? operations_a_called_byte : operations_a_byte) * shape->bytes;
}

static uint32_t count_ops(const Function *function, OpCode op) {
    uint32_t count = 0;
    for (NodeId id = 0; id < function->node_count; id++)
        count += graph_node(function, id)->op == op;
    return count;
}

static int64_t result_bytes(const Function *body, uint32_t which) {
    const Node *node = graph_node(body, body->outputs[which].node);
    int64_t bytes = graph_elements(body, node) * (int64_t)dtype_size(node->dtype);
    return (bytes + PLAN_ALIGNMENT - 1) / PLAN_ALIGNMENT * PLAN_ALIGNMENT;
}

/* By node that is a kernel: its step. */
static uint32_t *number_steps(RematGraph *graph, const Target *target) {
    const Function *function = graph->function;
    uint32_t *step_of = arena_array(function->arena, function->node_count, sizeof *step_of);
    for (NodeId id = 0; id < function->node_count; id++) {
        const Node *node = graph_node(function, id);
        if (node->op != OP_KERNEL)
            continue;
        const Function *body = node->attributes.body;
        KernelShape shape = {0};
        kernel_measure(body, target, &shape);
        step_of[id] = graph->step_count;
        graph->steps[graph->step_count] = (RematStep){
            .kernel = id,
            .first_result = graph->buffer_count,
            .result_count = body->output_count,
            .flops = shape.flops,
            .cost = cost_of(body, &shape),
            .is_update = node->attributes.amount == KERNEL_UPDATE,
        };
        graph->cost += graph->steps[graph->step_count].cost;
        for (uint32_t i = 0; i < body->output_count; i++) {
            int64_t bytes = result_bytes(body, i);
            graph->buffers[graph->buffer_count++] = (RematBuffer){graph->step_count, bytes, bytes};
        }
        graph->step_count++;
    }
    return step_of;
}

static void find_reads(RematGraph *graph, const uint32_t *step_of) {
    const Function *function = graph->function;
    for (uint32_t i = 0; i < graph->step_count; i++) {
        RematStep *step = &graph->steps[i];
        const Node *kernel = graph_node(function, step->kernel);
        uint32_t *reads = arena_array(function->arena, kernel->source_count, sizeof *reads);
        for (uint32_t k = 0; k < kernel->source_count; k++) {
            const Node *source = graph_node(function, rename_source(function, kernel->sources[k]));
            if (source->op == OP_RESULT)
                reads[step->read_count++] = graph->steps[step_of[source->sources[0]]].first_result +
                                            (uint32_t)source->attributes.amount;
        }
        step->reads = reads;
    }
}

static void mark_outputs(RematGraph *graph, const uint32_t *step_of) {
    const Function *function = graph->function;
    for (uint32_t i = 0; i < function->output_count; i++) {
        const Output *output = &function->outputs[i];
        const Node *node = graph_node(function, rename_source(function, output->node));
        if (node->op != OP_RESULT)
            continue;
        RematStep *step = &graph->steps[step_of[node->sources[0]]];
        graph->buffers[step->first_result + (uint32_t)node->attributes.amount].bytes = 0;
        if (strcmp(output->name, "loss") == 0)
            step->is_forward = true;
    }
}

/* What steps of the update replace. Returns, by node: its number among those inputs, and 1; 0: it
 * is none. */
static uint32_t *find_replaced(RematGraph *graph, const uint32_t *step_of) {
    const Function *function = graph->function;
    Arena *arena = function->arena;
    uint32_t *number_of = arena_array(arena, function->node_count, sizeof *number_of);
    uint32_t **replaces = arena_array(arena, graph->step_count, sizeof *replaces);
    for (uint32_t i = 0; i < function->output_count; i++) {
        const Output *output = &function->outputs[i];
        const Node *node = graph_node(function, rename_source(function, output->node));
        RematStep *step = node->op == OP_RESULT ? &graph->steps[step_of[node->sources[0]]] : NULL;
        const NodeId input = output->donated && step && step->is_update
                                 ? function_find_binding(function, output->donated)
                                 : NODE_NONE;
        if (input == NODE_NONE)
            continue;
        if (!number_of[input])
            number_of[input] = ++graph->input_count;
        uint32_t **list = &replaces[step - graph->steps];
        if (!*list)
            step->replaces = *list = arena_array(arena, step->result_count, sizeof **list);
        (*list)[step->replace_count++] = number_of[input] - 1;
    }
    return number_of;
}

static void find_input_reads(RematGraph *graph, const uint32_t *number_of) {
    const Function *function = graph->function;
    for (uint32_t i = 0; i < graph->step_count && graph->input_count; i++) {
        RematStep *step = &graph->steps[i];
        const Node *kernel = graph_node(function, step->kernel);
        uint32_t *inputs = arena_array(function->arena, kernel->source_count, sizeof *inputs);
        for (uint32_t k = 0; k < kernel->source_count; k++) {
            const uint32_t number = number_of[rename_source(function, kernel->sources[k])];
            if (number)
                inputs[step->input_count++] = number - 1;
        }
        step->inputs = inputs;
    }
}

static void mark_forward(RematGraph *graph) {
    for (uint32_t i = graph->step_count; i-- > 0;)
        for (uint32_t k = 0; graph->steps[i].is_forward && k < graph->steps[i].read_count; k++)
            graph->steps[graph->buffers[graph->steps[i].reads[k]].step].is_forward = true;
}

RematGraph remat_graph(const Function *fused, const Target *target) {
    Arena *arena = fused->arena;
    RematGraph graph = {.function = fused};
    uint32_t results = 0;
    for (NodeId id = 0; id < fused->node_count; id++)
        if (graph_node(fused, id)->op == OP_KERNEL)
            results += graph_node(fused, id)->attributes.body->output_count;
    graph.steps = arena_array(arena, count_ops(fused, OP_KERNEL), sizeof *graph.steps);
    graph.buffers = arena_array(arena, results, sizeof *graph.buffers);
    const uint32_t *step_of = number_steps(&graph, target);
    find_reads(&graph, step_of);
    mark_outputs(&graph, step_of);
    mark_forward(&graph);
    find_input_reads(&graph, find_replaced(&graph, step_of));
    return graph;
}
