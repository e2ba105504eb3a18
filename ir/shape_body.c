/* Shape rules of the ops that have a body or several results. */
#include "ir/shape.h"

#include <stdio.h>
#include <string.h>

/* The sources of attention and attention_grad before the extras. */
enum { QUERY, KEY, VALUE, ATTENTION_FIXED, OUTPUT = ATTENTION_FIXED, LSE, D_OUTPUT, GRAD_FIXED };

static const char *check_body(const Shape *shape) {
    const Function *body = shape->node->attributes.body;
    const char *name = op_table[shape->node->op].name;
    if (!body)
        return shape_fault(shape, "%s needs a body", name);
    if (body->depth + 1 > MAX_DEPTH)
        return shape_fault(shape, "bodies nest deeper than %d", MAX_DEPTH);
    if (body->output_count == 0)
        return shape_fault(shape, "the body %s has no outputs", body->name);
    return NULL;
}

/* --- attention --- */

typedef struct AttentionAxes {
    Axes score, output, row; /* of s; of result 0; of result 1 */
} AttentionAxes;

/* Axes from those of query, key and value, and the op's [e, m]; false when they are too many. */
static bool attention_axes(const Function *function, const Node *node, AttentionAxes *axes) {
    const AxisId e = node->attributes.axes.at[0], m = node->attributes.axes.at[1];
    const Axes over_e = axes_of(&e, 1), over_m = axes_of(&m, 1);
    const Axes key = axes_minus(&graph_node(function, node->sources[KEY])->axes, &over_e);
    const Axes value = axes_minus(&graph_node(function, node->sources[VALUE])->axes, &over_m);
    axes->score = axes_minus(&graph_node(function, node->sources[QUERY])->axes, &over_e);
    if (!shape_join(&axes->score, &key))
        return false;
    axes->row = axes_minus(&axes->score, &over_m);
    axes->output = axes->row;
    return shape_join(&axes->output, &value);
}

/* f32 or bf16, as the query is. */
static const char *check_operand_dtype(const Shape *shape, uint32_t which) {
    const DType dtype = shape_source(shape, which)->dtype;
    const DType query = shape_source(shape, QUERY)->dtype;
    if (query != DTYPE_F32 && query != DTYPE_BF16)
        return shape_fault(shape, "source %u is %s, not f32 or bf16", QUERY, dtype_name(query));
    if (dtype != query)
        return shape_fault(shape, "source %u is %s, the query is %s", which, dtype_name(dtype),
                           dtype_name(query));
    return NULL;
}

/* With or without each of e and m: 'y', 'n', or '?' where either is right. */
static const char *check_operand(const Shape *shape, uint32_t which, const char *pattern) {
    const Node *source = shape_source(shape, which);
    const char *fault = check_operand_dtype(shape, which);
    if (fault)
        return fault;
    for (int i = 0; i < 2; i++) {
        AxisId axis = shape->node->attributes.axes.at[i];
        bool has = axes_has(&source->axes, axis);
        if (pattern[i] != '?' && has != (pattern[i] == 'y'))
            return shape_fault(shape, "source %u must %s axis %s: it is %s", which,
                               has ? "lack" : "have", graph_axis(shape->function, axis)->name,
                               shape_axes_text(shape, &source->axes));
    }
    return NULL;
}

/* The body's input of that name is of this type: the same set of axes. */
static const char *check_body_input(const Shape *shape, const char *name, DType dtype,
                                    const Axes *axes) {
    const Function *body = shape->node->attributes.body;
    NodeId id = function_find_binding(body, name);
    if (id == NODE_NONE)
        return shape_fault(shape, "the body %s has no input %s", body->name, name);
    const Node *input = graph_node(body, id);
    Axes translated;
    if (input->op == OP_INPUT && input->dtype == dtype &&
        shape_translate(body, &input->axes, shape->function, &translated) &&
        axes_same_set(&translated, axes))
        return NULL;
    return shape_fault(shape, "the body's %s is %s%s, not %s%s", name, dtype_name(input->dtype),
                       axes_text(shape->function->arena, body, &input->axes), dtype_name(dtype),
                       shape_axes_text(shape, axes));
}

/* Inputs score, x0, x1...; elementwise ops of them; one output, score, with the axes of s. */
static const char *check_score_body(const Shape *shape, const Axes *score, uint32_t first_extra) {
    const Function *body = shape->node->attributes.body;
    const uint32_t extras = shape->node->source_count - first_extra;
    uint32_t inputs = 0;
    for (NodeId id = 0; id < body->node_count; id++) {
        OpCode op = body->nodes[id].op;
        inputs += op == OP_INPUT;
        if (op != OP_INPUT && op != OP_CONST && op != OP_INDEX && !op_is_elementwise(op))
            return shape_fault(shape, "the body %s has %s, which is not elementwise", body->name,
                               op_table[op].name);
    }
    const char *fault = check_body_input(shape, "score", DTYPE_F32, score);
    for (uint32_t i = 0; i < extras && !fault; i++) {
        const Node *extra = shape_source(shape, first_extra + i);
        char name[16];
        snprintf(name, sizeof name, "x%u", i);
        fault = check_body_input(shape, name, extra->dtype, &extra->axes);
    }
    if (fault)
        return fault;
    if (inputs != extras + 1)
        return shape_fault(shape, "the body %s has %u inputs for %u sources", body->name, inputs,
                           extras + 1);
    if (body->output_count != 1 || strcmp(body->outputs[0].name, "score") != 0)
        return shape_fault(shape, "the body %s has not one output called score", body->name);
    const Node *result = graph_node(body, body->outputs[0].node);
    Axes translated;
    if (result->dtype != DTYPE_F32 ||
        !shape_translate(body, &result->axes, shape->function, &translated) ||
        !axes_same_set(&translated, score))
        return shape_fault(shape, "the body's result is %s%s, not f32%s", dtype_name(result->dtype),
                           axes_text(shape->function->arena, body, &result->axes),
                           shape_axes_text(shape, score));
    return NULL;
}

static const char *check_attention(const Shape *shape, AttentionAxes *axes, uint32_t fixed) {
    const Node *node = shape->node;
    if (node->attributes.axes.count != 2)
        return shape_fault(shape, "%s takes two axes in brackets", op_table[node->op].name);
    if (node->source_count < fixed)
        return shape_fault(shape, "%s takes at least %u sources, not %u", op_table[node->op].name,
                           fixed, node->source_count);
    const char *fault = check_operand(shape, QUERY, "yn");
    if (!fault)
        fault = check_operand(shape, KEY, "yy");
    if (!fault)
        fault = check_operand(shape, VALUE, "?y");
    if (!fault)
        fault = check_body(shape);
    if (fault)
        return fault;
    if (!attention_axes(shape->function, node, axes))
        return shape_too_many(shape);
    return check_score_body(shape, &axes->score, fixed);
}

const char *shape_attention(Shape *shape) {
    AttentionAxes axes;
    return check_attention(shape, &axes, ATTENTION_FIXED);
}

const char *shape_attention_grad(Shape *shape) {
    AttentionAxes axes;
    const char *fault = check_attention(shape, &axes, GRAD_FIXED);
    for (uint32_t i = OUTPUT; i < GRAD_FIXED && !fault; i++) {
        const Axes *wanted = i == LSE ? &axes.row : &axes.output;
        const DType dtype = i == LSE ? DTYPE_F32 : shape_source(shape, QUERY)->dtype;
        const Node *source = shape_source(shape, i);
        if (source->dtype != dtype || !axes_same_set(&source->axes, wanted))
            fault = shape_fault(shape, "source %u is %s%s, not %s%s", i, dtype_name(source->dtype),
                                shape_axes_text(shape, &source->axes), dtype_name(dtype),
                                shape_axes_text(shape, wanted));
    }
    return fault;
}

/* --- kernel --- */

const char *shape_kernel(Shape *shape) {
    const char *fault = check_body(shape);
    if (fault)
        return fault;
    const Function *body = shape->node->attributes.body;
    uint32_t bound = 0;
    for (NodeId id = 0; id < body->node_count; id++) {
        const Node *input = &body->nodes[id];
        if (input->op != OP_PARAM && input->op != OP_INPUT)
            continue;
        if (bound == shape->node->source_count)
            return shape_fault(shape, "the body %s has more inputs than there are sources",
                               body->name);
        const Node *source = shape_source(shape, bound);
        Axes translated;
        if (input->dtype != source->dtype ||
            !shape_translate(body, &input->axes, shape->function, &translated) ||
            !axes_equal(&translated, &source->axes))
            return shape_fault(shape, "source %u is %s%s, the body's %s is %s%s", bound,
                               dtype_name(source->dtype), shape_axes_text(shape, &source->axes),
                               input->attributes.name, dtype_name(input->dtype),
                               axes_text(shape->function->arena, body, &input->axes));
        bound++;
    }
    if (bound != shape->node->source_count)
        return shape_fault(shape, "the body %s has %u inputs for %u sources", body->name, bound,
                           shape->node->source_count);
    for (uint32_t i = 0; i < body->output_count; i++) {
        const Node *result = graph_node(body, body->outputs[i].node);
        Axes translated;
        if (!shape_translate(body, &result->axes, shape->function, &translated))
            return shape_fault(shape, "an axis of the body's output %s is not here: %s",
                               body->outputs[i].name,
                               axes_text(shape->function->arena, body, &result->axes));
    }
    return NULL;
}

/* --- result --- */

bool graph_result_type(const Function *function, const Node *node, uint32_t which, DType *dtype,
                       Axes *axes) {
    if (node->dtype != DTYPE_NONE) {
        *dtype = node->dtype;
        *axes = node->axes;
        return which == 0;
    }
    if (which >= graph_result_count(node))
        return false;
    if (node->op == OP_KERNEL) {
        const Function *body = node->attributes.body;
        const Node *result = graph_node(body, body->outputs[which].node);
        *dtype = result->dtype;
        return shape_translate(body, &result->axes, function, axes);
    }
    if (node->op == OP_CALL_GRAD)
        return shape_call_gradient(function, node, which, dtype, axes);
    *dtype = graph_node(function, node->sources[QUERY])->dtype;
    if (node->op == OP_ATTENTION_GRAD) {
        *axes = graph_node(function, node->sources[which])->axes;
        return true;
    }
    if (which > 0)
        *dtype = DTYPE_F32;
    AttentionAxes all;
    if (!attention_axes(function, node, &all))
        return false;
    *axes = which == 0 ? all.output : all.row;
    return true;
}

const char *shape_result(Shape *shape) {
    const Node *several = shape_source(shape, 0);
    int64_t which = shape->node->attributes.amount;
    if (several->dtype != DTYPE_NONE)
        return "source 0 has one result, which is it";
    if (which < 0 || which >= graph_result_count(several))
        return shape_fault(shape, "source 0 has %u results", graph_result_count(several));
    if (!graph_result_type(shape->function, several, (uint32_t)which, &shape->dtype, &shape->axes))
        return shape_too_many(shape);
    shape->fixed = true;
    return NULL;
}
