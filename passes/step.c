/* A parameter can change as soon as its gradient is there and nothing reads the old one any more.
 * So with one chunk a batch the gradients are temporaries among others: each is read by the update
 * right after it was written, and its memory serves the next.
 *
 * Kernels are taken as they are, as in passes/accumulate.c, so that all bits are those of `grad`
 * and then `update`. Only, nobody can look at all gradients before the first parameter is changed:
 * whether they are finite is found by the kernels that read them. The order in which kernels run
 * comes from the pass remat; here those of the update stand behind all others. */
#include "passes/step.h"

#include "ir/build.h"
#include "passes/emit/kernel.h"
#include "passes/emit/nest.h"
#include "passes/rewrite.h"

#include <string.h>

/* A fault is summed over parts of a gradient, of which there are about so many, for threads; what
 * has no more elements than this is one part. */
enum { LEAST_PARTS = 64, SMALL_ELEMENTS = 1 << 14 };

typedef struct Joining {
    Rewrite rewrite; /* of `grad` */
    const Function *update;
    NodeId *map;        /* by node of `update` */
    uint32_t *gradient; /* by node of `update`: which output of `grad` it is; NO_GRADIENT: none */
    NodeId *faults;     /* by output of `grad`; NODE_NONE: of no gradient, or not there yet */
} Joining;

#define NO_GRADIENT UINT32_MAX

static const char gradient_prefix[] = "grad:";

static bool is_binding(const Node *node) { return node->op == OP_PARAM || node->op == OP_INPUT; }

static bool is_gradient(const char *name) {
    return strncmp(name, gradient_prefix, strlen(gradient_prefix)) == 0;
}

/* --- whether it can be --- */

/* Adds what a node depends on; false: that are two gradients. */
static bool merge(NodeId *depends, NodeId other) {
    if (*depends == NODE_NONE)
        *depends = other;
    return other == NODE_NONE || *depends == other;
}

/* Whether every kernel of the update depends on one gradient at most. */
static bool is_separable(const Function *update) {
    NodeId *depends = arena_array(update->arena, update->node_count, sizeof *depends);
    for (NodeId id = 0; id < update->node_count; id++) {
        const Node *node = graph_node(update, id);
        depends[id] = is_binding(node) && is_gradient(node->attributes.name) ? id : NODE_NONE;
        if (!is_binding(node) && node->op != OP_KERNEL && node->op != OP_RESULT)
            return false;
        for (uint32_t i = 0; i < node->source_count; i++)
            if (!merge(&depends[id], depends[node->sources[i]]))
                return false;
    }
    return true;
}

/* --- bindings --- */

/* Axes of equal names are the same; false: they are not. */
static bool translate(const Function *from, const Axes *axes, Function *to, Axes *translated) {
    *translated = (Axes){0};
    for (int i = 0; i < axes->count; i++) {
        const Axis *axis = graph_axis(from, axes->at[i]);
        const AxisId found = function_axis(to, axis->name, axis->extent);
        if (found == AXIS_NONE)
            return false;
        axes_append(translated, found);
    }
    return true;
}

/* Adds those bindings of the update that `grad` does not have, and maps them. */
static bool add_bindings(Joining *joining) {
    const Function *update = joining->update, *grad = joining->rewrite.from;
    for (NodeId id = 0; id < update->node_count; id++) {
        Node copy = *graph_node(update, id);
        joining->map[id] = NODE_NONE;
        if (!is_binding(&copy) || is_gradient(copy.attributes.name) ||
            function_find_binding(grad, copy.attributes.name) != NODE_NONE)
            continue;
        if (!translate(update, &graph_node(update, id)->axes, joining->rewrite.to, &copy.axes))
            return false;
        joining->map[id] = graph_add(joining->rewrite.to, copy);
    }
    return true;
}

/* Maps the others: to the bindings of `grad`, and to its gradients. They must be alike. */
static bool find_bindings(Joining *joining) {
    const Function *update = joining->update, *grad = joining->rewrite.from;
    for (NodeId id = 0; id < update->node_count; id++) {
        const Node *node = graph_node(update, id);
        joining->gradient[id] = NO_GRADIENT;
        if (!is_binding(node) || joining->map[id] != NODE_NONE)
            continue;
        const char *name = node->attributes.name;
        const NodeId found = is_gradient(name) ? function_find_output(grad, name)
                                               : function_find_binding(grad, name);
        Axes axes;
        if (found == NODE_NONE || !translate(update, &node->axes, joining->rewrite.to, &axes) ||
            !axes_equal(&axes, &graph_node(grad, found)->axes) ||
            node->dtype != graph_node(grad, found)->dtype)
            return false;
        joining->map[id] = joining->rewrite.map[found];
    }
    for (uint32_t i = 0; i < grad->output_count; i++) {
        const NodeId read = function_find_binding(update, grad->outputs[i].name);
        if (read != NODE_NONE && is_gradient(grad->outputs[i].name))
            joining->gradient[read] = i;
    }
    return true;
}

/* --- faults --- */

/* The sums of g - g over all but the first axes of g. */
static NodeId add_fault(Function *body, NodeId gradient) {
    const Axes axes = graph_node(body, gradient)->axes;
    Axes over = {0};
    int64_t parts = 1;
    for (int i = 0; i < axes.count; i++) {
        if (parts >= LEAST_PARTS || i + 1 == axes.count)
            axes_append(&over, axes.at[i]);
        else
            parts *= graph_axis(body, axes.at[i])->extent;
    }
    return build_along(body, OP_SUM, build_binary(body, OP_SUB, gradient, gradient), &over);
}

/* The body with the faults of its input `number` as one more output. */
static Function *body_with_fault(const Function *body, uint32_t number) {
    Rewrite rewrite = rewrite_all(body, NULL);
    Function *with = rewrite_end(&rewrite);
    const NodeId fault = add_fault(with, kernel_input(with, number));
    function_output(with, arena_printf(with->arena, "y%u", body->output_count), fault, NULL);
    return with;
}

/* Whether all that could be written over an input still can be. */
static bool stays_in_place(const Function *before, const Function *after) {
    const uint32_t inputs = kernel_input_count(before);
    for (uint32_t i = 0; i < inputs; i++)
        for (uint32_t k = 0; k < before->output_count; k++)
            if (kernel_in_place(before, i, k) && !kernel_in_place(after, i, k))
                return false;
    return true;
}

/* The kernel's body with the faults of its input; NULL where that would hinder it. */
static Function *body_taking_fault(const Function *body, uint32_t number) {
    if (kernel_anchor(body) != NODE_NONE)
        return NULL;
    Function *with = body_with_fault(body, number);
    const Node *fault = graph_node(with, with->outputs[body->output_count].node);
    if (fault->axes.count == 0 &&
        graph_elements(body, graph_node(body, kernel_input(body, number))) > SMALL_ELEMENTS)
        return NULL;
    Nest nest = {0};
    const NestView view = nest_body_view(with->arena, with);
    nest.nodes = arena_array(with->arena, view.member_count, sizeof *nest.nodes);
    return !nest_build(&view, &nest) && stays_in_place(body, with) ? with : NULL;
}

static NodeId add_result(Function *function, NodeId kernel, uint32_t which, const SpanSet *spans) {
    return graph_add(function, (Node){.op = OP_RESULT,
                                      .source_count = 1,
                                      .sources = &kernel,
                                      .attributes.amount = which,
                                      .spans = spans});
}

/* The faults of output `number` of `grad` by a kernel of their own. */
static void add_fault_kernel(Joining *joining, uint32_t number) {
    Function *to = joining->rewrite.to;
    const NodeId gradient = joining->rewrite.map[joining->rewrite.from->outputs[number].node];
    const Node *node = graph_node(to, gradient);
    const SpanSet *spans = node->spans;
    Function *body = function_create(to->arena, "fault");
    Axes axes;
    translate(to, &node->axes, body, &axes);
    function_output(body, "y0", add_fault(body, build_input(body, "x0", node->dtype, &axes)), NULL);
    const NodeId kernel =
        graph_add(to, (Node){.op = OP_KERNEL,
                             .source_count = 1,
                             .sources = &gradient,
                             .attributes = {.amount = KERNEL_UPDATE, .body = body},
                             .spans = spans});
    joining->faults[number] = add_result(to, kernel, 0, spans);
}

/* --- the update's kernels --- */

static void copy_kernel(Joining *joining, NodeId id) {
    Function *to = joining->rewrite.to;
    const Node *old = graph_node(joining->update, id);
    Node copy = *old;
    NodeId *sources = arena_array(to->arena, copy.source_count, sizeof *sources);
    uint32_t taken = NO_GRADIENT;
    for (uint32_t i = 0; i < copy.source_count; i++) {
        sources[i] = joining->map[old->sources[i]];
        const uint32_t number = joining->gradient[old->sources[i]];
        if (number == NO_GRADIENT || joining->faults[number] != NODE_NONE)
            continue;
        Function *with = body_taking_fault(copy.attributes.body, i);
        if (with) {
            copy.attributes.body = with;
            taken = number;
        }
    }
    copy.sources = sources;
    copy.attributes.amount = KERNEL_UPDATE;
    joining->map[id] = graph_add(to, copy);
    if (taken != NO_GRADIENT)
        joining->faults[taken] =
            add_result(to, joining->map[id], old->attributes.body->output_count, copy.spans);
}

static void copy_update(Joining *joining) {
    for (NodeId id = 0; id < joining->update->node_count; id++) {
        const Node *node = graph_node(joining->update, id);
        if (node->op == OP_KERNEL)
            copy_kernel(joining, id);
        else if (node->op == OP_RESULT)
            joining->map[id] = add_result(joining->rewrite.to, joining->map[node->sources[0]],
                                          (uint32_t)node->attributes.amount, node->spans);
    }
}

static Function *add_outputs(Joining *joining) {
    const Function *grad = joining->rewrite.from, *update = joining->update;
    Function *to = joining->rewrite.to;
    for (uint32_t i = 0; i < grad->output_count; i++)
        if (!is_gradient(grad->outputs[i].name))
            function_output(to, grad->outputs[i].name, joining->rewrite.map[grad->outputs[i].node],
                            NULL);
    for (uint32_t i = 0; i < update->output_count; i++)
        function_output(to, update->outputs[i].name, joining->map[update->outputs[i].node],
                        update->outputs[i].donated);
    for (uint32_t i = 0; i < grad->output_count; i++)
        if (is_gradient(grad->outputs[i].name))
            function_output(to,
                            arena_printf(to->arena, "$fault:%s",
                                         grad->outputs[i].name + strlen(gradient_prefix)),
                            joining->faults[i], NULL);
    return to;
}

Function *function_step(const Function *grad, const Function *update, const char *name) {
    if (!is_separable(update) || function_find_output(grad, "loss") == NODE_NONE)
        return NULL;
    Joining joining = {
        .rewrite = rewrite_begin(grad, name),
        .update = update,
        .map = arena_array(update->arena, update->node_count, sizeof *joining.map),
        .gradient = arena_array(update->arena, update->node_count, sizeof *joining.gradient),
        .faults = arena_array(grad->arena, grad->output_count, sizeof *joining.faults),
    };
    for (uint32_t i = 0; i < grad->output_count; i++)
        joining.faults[i] = NODE_NONE;
    if (!add_bindings(&joining))
        return NULL;
    for (NodeId id = 0; id < grad->node_count; id++)
        rewrite_copy(&joining.rewrite, id);
    if (!find_bindings(&joining))
        return NULL;
    copy_update(&joining);
    for (uint32_t i = 0; i < grad->output_count; i++)
        if (is_gradient(grad->outputs[i].name) && joining.faults[i] == NODE_NONE)
            add_fault_kernel(&joining, i);
    return add_outputs(&joining);
}
