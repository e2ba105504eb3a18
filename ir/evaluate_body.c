/* Values of the ops that have a body: kernel, attention and its gradient. Attention is computed by
 * its definition, with the whole matrix of scores. */
#include "ir/evaluate.h"
#include "ir/loop.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* --- kernel --- */

void evaluate_kernel(Evaluation *evaluation) {
    const Node *node = evaluation->node;
    const Function *body = node->attributes.body;
    const double **bindings =
        arena_array(evaluation->pool->arena, node->source_count, sizeof *bindings);
    for (uint32_t i = 0; i < node->source_count; i++)
        bindings[i] = evaluation_value(evaluation, i);
    NodeValues *values = evaluate_function(evaluation->pool, body, bindings, false);
    for (uint32_t i = 0; i < body->output_count; i++) {
        const Node *output = graph_node(body, body->outputs[i].node);
        memcpy(evaluation->results[i], values[body->outputs[i].node][0],
               (size_t)graph_elements(body, output) * sizeof(double));
    }
    evaluate_release(evaluation->pool, body, values);
}

void evaluate_result(Evaluation *evaluation) {
    const Node *node = evaluation->node;
    memcpy(evaluation->results[0], evaluation->values[node->sources[0]][node->attributes.amount],
           (size_t)graph_elements(evaluation->function, node) * sizeof(double));
}

/* --- tensors that are no node's --- */

typedef struct Tensor {
    Axes axes;
    double *values;
} Tensor;

static Tensor tensor_take(const Evaluation *evaluation, const Axes *axes) {
    int64_t count = axes_elements(evaluation->function, axes);
    return (Tensor){*axes, pool_take(evaluation->pool, count)};
}

static void tensor_give(const Evaluation *evaluation, Tensor tensor) {
    pool_give(evaluation->pool, tensor.values, axes_elements(evaluation->function, &tensor.axes));
}

/* A source as a tensor; it is not written. */
static Tensor source_tensor(const Evaluation *evaluation, uint32_t which) {
    NodeId id = evaluation->node->sources[which];
    return (Tensor){graph_node(evaluation->function, id)->axes, evaluation->values[id][0]};
}

/* result = sum of a * b over the axes that the result lacks. */
static void sum_products(const Function *function, Tensor result, Tensor a, Tensor b) {
    const Axes fresh = axes_minus(&b.axes, &a.axes);
    const Axes rest_a = axes_minus(&a.axes, &result.axes),
               rest_b = axes_minus(&fresh, &result.axes);
    const Axes rest = axes_union(&rest_a, &rest_b);
    Loop loop = loop_over(function, &result.axes, &rest);
    loop_operand(&loop, 0, &result.axes);
    loop_operand(&loop, 1, &a.axes);
    loop_operand(&loop, 2, &b.axes);
    memset(result.values, 0, (size_t)axes_elements(function, &result.axes) * sizeof(double));
    do {
        for (int64_t i = 0; i < loop.inner; i++)
            result.values[loop.offsets[0] + i * loop.steps[0]] +=
                a.values[loop.offsets[1] + i * loop.steps[1]] *
                b.values[loop.offsets[2] + i * loop.steps[2]];
    } while (loop_next(&loop));
}

/* Copies to another order of the same axes. */
static void reorder(const Function *function, Tensor result, Tensor a) {
    Loop loop = loop_over(function, &result.axes, &result.axes);
    loop_operand(&loop, 0, &result.axes);
    loop_operand(&loop, 1, &a.axes);
    do {
        for (int64_t i = 0; i < loop.inner; i++)
            result.values[loop.offsets[0] + i * loop.steps[0]] =
                a.values[loop.offsets[1] + i * loop.steps[1]];
    } while (loop_next(&loop));
}

/* --- the body of attention --- */

/* The axes of a body's node as those of the function that uses it, in the body's order. */
static Axes outer_axes(const Evaluation *evaluation, const Node *inner) {
    const Function *body = evaluation->node->attributes.body;
    Axes axes = {0};
    for (int i = 0; i < inner->axes.count; i++)
        axes_append(&axes, function_find_axis(evaluation->function,
                                              graph_axis(body, inner->axes.at[i])->name));
    return axes;
}

/* Values of all nodes of the body, from s and the extras, which are sources from `first_extra` on.
 */
static NodeValues *evaluate_body(const Evaluation *evaluation, Tensor s, uint32_t first_extra) {
    const Function *body = evaluation->node->attributes.body;
    const uint32_t count = evaluation->node->source_count - first_extra + 1;
    const double **bindings = arena_array(evaluation->pool->arena, count, sizeof *bindings);
    Tensor *copies = arena_array(evaluation->pool->arena, count, sizeof *copies);
    uint32_t bound = 0;
    for (NodeId id = 0; id < body->node_count; id++) {
        const Node *input = graph_node(body, id);
        if (input->op != OP_INPUT)
            continue;
        const char *name = input->attributes.name;
        bool is_score = strcmp(name, "score") == 0;
        Tensor given =
            is_score
                ? s
                : source_tensor(evaluation, first_extra + (uint32_t)strtoul(name + 1, NULL, 10));
        const Axes axes = outer_axes(evaluation, input);
        copies[bound] = tensor_take(evaluation, &axes);
        reorder(evaluation->function, copies[bound], given);
        bindings[bound] = copies[bound].values;
        bound++;
    }
    NodeValues *values = evaluate_function(evaluation->pool, body, bindings, true);
    for (uint32_t i = 0; i < bound; i++)
        tensor_give(evaluation, copies[i]);
    return values;
}

/* Values of the body's output in the order of s. */
static Tensor body_output(const Evaluation *evaluation, NodeValues *values, const Axes *order) {
    const Function *body = evaluation->node->attributes.body;
    NodeId id = body->outputs[0].node;
    Tensor score = tensor_take(evaluation, order);
    reorder(evaluation->function, score,
            (Tensor){outer_axes(evaluation, graph_node(body, id)), values[id][0]});
    return score;
}

/* The tangent of one elementwise node of the body; NULL: all 0. */
static double *body_tangent(const Evaluation *evaluation, const Node *node, NodeValues *values,
                            const double *result, double *const *tangents) {
    const Function *body = evaluation->node->attributes.body;
    bool moves = false;
    for (uint32_t i = 0; i < node->source_count; i++)
        moves |= tangents[node->sources[i]] != NULL;
    if (!moves || node->dtype != DTYPE_F32)
        return NULL;
    double *tangent = pool_take(evaluation->pool, graph_elements(body, node));
    Loop loop = loop_over(body, &node->axes, &node->axes);
    loop_operand(&loop, 0, &node->axes);
    for (uint32_t i = 0; i < node->source_count; i++)
        loop_operand(&loop, i + 1, &graph_node(body, node->sources[i])->axes);
    do {
        for (int64_t i = 0; i < loop.inner; i++) {
            int64_t at[LOOP_MAX_OPERANDS];
            double sources[3] = {0}, sum = 0;
            for (uint32_t k = 0; k <= node->source_count; k++)
                at[k] = loop.offsets[k] + i * loop.steps[k];
            for (uint32_t k = 0; k < node->source_count; k++)
                sources[k] = values[node->sources[k]][0][at[k + 1]];
            for (uint32_t k = 0; k < node->source_count; k++) {
                const double *moved = tangents[node->sources[k]];
                double partial =
                    moved ? elementwise_partial(node->op, k, sources, result[at[0]]) : 0;
                if (partial != 0)
                    sum += partial * moved[at[k + 1]];
            }
            tangent[at[0]] = sum;
        }
    } while (loop_next(&loop));
    return tangent;
}

/* Multiplies `d_score` (in the order of s) by the derivative of the body's output by its input. */
static void apply_body_derivative(const Evaluation *evaluation, NodeValues *values,
                                  Tensor d_score) {
    const Function *body = evaluation->node->attributes.body;
    double **tangents = arena_array(evaluation->pool->arena, body->node_count, sizeof *tangents);
    for (NodeId id = 0; id < body->node_count; id++) {
        const Node *node = graph_node(body, id);
        tangents[id] = body_tangent(evaluation, node, values, values[id][0], tangents);
        if (node->op == OP_INPUT && strcmp(node->attributes.name, "score") == 0) {
            int64_t count = graph_elements(body, node);
            tangents[id] = pool_take(evaluation->pool, count);
            for (int64_t i = 0; i < count; i++)
                tangents[id][i] = 1;
        }
    }
    NodeId output = body->outputs[0].node;
    Tensor derivative = tensor_take(evaluation, &d_score.axes);
    int64_t count = axes_elements(evaluation->function, &d_score.axes);
    if (tangents[output])
        reorder(evaluation->function, derivative,
                (Tensor){outer_axes(evaluation, graph_node(body, output)), tangents[output]});
    else
        memset(derivative.values, 0, (size_t)count * sizeof(double));
    for (int64_t i = 0; i < count; i++)
        d_score.values[i] = d_score.values[i] == 0 ? 0 : d_score.values[i] * derivative.values[i];
    tensor_give(evaluation, derivative);
    for (NodeId id = 0; id < body->node_count; id++)
        if (tangents[id])
            pool_give(evaluation->pool, tangents[id], graph_elements(body, graph_node(body, id)));
}

/* --- attention --- */

/* s: the products of queries and keys. */
static Tensor raw_scores(const Evaluation *evaluation) {
    Tensor query = source_tensor(evaluation, 0), key = source_tensor(evaluation, 1);
    const Axes over = axes_of(evaluation->node->attributes.axes.at, 1);
    const Axes rows = axes_minus(&query.axes, &over), columns = axes_minus(&key.axes, &over);
    const Axes both = axes_union(&rows, &columns);
    Tensor s = tensor_take(evaluation, &both);
    sum_products(evaluation->function, s, query, key);
    return s;
}

/* Turns scores into weights along m, and gives the log-sum-exp of each row. */
static void softmax_rows(const Evaluation *evaluation, Tensor score, Tensor row_lse) {
    const Axes over = axes_of(evaluation->node->attributes.axes.at + 1, 1);
    Loop loop = loop_over(evaluation->function, &row_lse.axes, &over);
    loop_operand(&loop, 0, &row_lse.axes);
    loop_operand(&loop, 1, &score.axes);
    do {
        double *row = score.values + loop.offsets[1], largest = -INFINITY, sum = 0;
        for (int64_t i = 0; i < loop.inner; i++)
            largest = maximum_of(largest, row[i * loop.steps[1]]);
        double base = largest == -INFINITY ? 0 : largest;
        for (int64_t i = 0; i < loop.inner; i++)
            sum += row[i * loop.steps[1]] = exp(row[i * loop.steps[1]] - base);
        for (int64_t i = 0; i < loop.inner; i++)
            row[i * loop.steps[1]] /= sum == 0 ? 1 : sum;
        row_lse.values[loop.offsets[0]] = base + log(sum);
    } while (loop_next(&loop));
}

void evaluate_attention(Evaluation *evaluation) {
    const Function *function = evaluation->function;
    Tensor s = raw_scores(evaluation);
    NodeValues *values = evaluate_body(evaluation, s, 3);
    Tensor score = body_output(evaluation, values, &s.axes);
    Tensor output = {.values = evaluation->results[0]}, lse = {.values = evaluation->results[1]};
    DType dtype;
    graph_result_type(function, evaluation->node, 0, &dtype, &output.axes);
    graph_result_type(function, evaluation->node, 1, &dtype, &lse.axes);
    softmax_rows(evaluation, score, lse);
    sum_products(function, output, score, source_tensor(evaluation, 2));
    evaluate_release(evaluation->pool, evaluation->node->attributes.body, values);
    tensor_give(evaluation, score);
    tensor_give(evaluation, s);
}

/* score becomes e^(score - lse); an all -inf row, whose lse is -inf, gives 0. */
static void weights_from_lse(const Evaluation *evaluation, Tensor score, Tensor lse) {
    Loop loop = loop_over(evaluation->function, &score.axes, &score.axes);
    loop_operand(&loop, 0, &score.axes);
    loop_operand(&loop, 1, &lse.axes);
    do {
        for (int64_t i = 0; i < loop.inner; i++) {
            double *weight = &score.values[loop.offsets[0] + i * loop.steps[0]];
            double row = lse.values[loop.offsets[1] + i * loop.steps[1]];
            *weight = row == -INFINITY ? 0 : exp(*weight - row);
        }
    } while (loop_next(&loop));
}

/* d_weight becomes weight * (d_weight - delta): the gradient of the score. */
static void softmax_gradient(const Evaluation *evaluation, Tensor d_weight, Tensor weight,
                             Tensor delta) {
    Loop loop = loop_over(evaluation->function, &weight.axes, &weight.axes);
    loop_operand(&loop, 0, &weight.axes);
    loop_operand(&loop, 1, &delta.axes);
    do {
        for (int64_t i = 0; i < loop.inner; i++) {
            int64_t at = loop.offsets[0] + i * loop.steps[0];
            d_weight.values[at] =
                weight.values[at] *
                (d_weight.values[at] - delta.values[loop.offsets[1] + i * loop.steps[1]]);
        }
    } while (loop_next(&loop));
}

/* With P the weights: dP = dO V, delta = sum dO O along the output's own axes, dS = P (dP - delta)
 * times the body's derivative; dQ = dS K, dK = dS Q, dV = P dO. */
void evaluate_attention_grad(Evaluation *evaluation) {
    const Function *function = evaluation->function;
    Tensor query = source_tensor(evaluation, 0), key = source_tensor(evaluation, 1);
    Tensor value = source_tensor(evaluation, 2), output = source_tensor(evaluation, 3);
    Tensor lse = source_tensor(evaluation, 4), d_output = source_tensor(evaluation, 5);
    Tensor s = raw_scores(evaluation);
    NodeValues *values = evaluate_body(evaluation, s, 6);
    Tensor weight = body_output(evaluation, values, &s.axes);
    weights_from_lse(evaluation, weight, lse);
    sum_products(function, (Tensor){value.axes, evaluation->results[2]}, weight, d_output);

    Tensor d_score = tensor_take(evaluation, &s.axes), delta = tensor_take(evaluation, &lse.axes);
    sum_products(function, d_score, d_output, value);
    sum_products(function, delta, d_output, output);
    softmax_gradient(evaluation, d_score, weight, delta);
    apply_body_derivative(evaluation, values, d_score);
    sum_products(function, (Tensor){query.axes, evaluation->results[0]}, d_score, key);
    sum_products(function, (Tensor){key.axes, evaluation->results[1]}, d_score, query);

    evaluate_release(evaluation->pool, evaluation->node->attributes.body, values);
    tensor_give(evaluation, delta);
    tensor_give(evaluation, d_score);
    tensor_give(evaluation, weight);
    tensor_give(evaluation, s);
}
