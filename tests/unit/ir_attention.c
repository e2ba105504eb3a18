/* Attention against the primitive ops that it stands for, and its gradient against differences,
 * over all samples: several layouts of the heads, masks, a bias, rows that are all -inf. */
#include "ir/build.h"
#include "ir/verify.h"
#include "tests/unit/ir_support.h"
#include "tests/unit/op_samples.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

/* Adds the body's nodes to a function whose axes are the body's; gives the node of its output. */
static NodeId inline_body(Function *into, const Function *body, NodeId score, Arena *arena) {
    NodeId *map = arena_array(arena, body->node_count, sizeof *map);
    for (NodeId id = 0; id < body->node_count; id++) {
        Node node = *graph_node(body, id);
        if (node.op == OP_INPUT) {
            bool is_score = strcmp(node.attributes.name, "score") == 0;
            map[id] = is_score ? score : function_find_binding(into, node.attributes.name);
            continue;
        }
        NodeId *sources = arena_array(arena, node.source_count, sizeof *sources);
        for (uint32_t i = 0; i < node.source_count; i++)
            sources[i] = map[node.sources[i]];
        node.sources = sources;
        node.axes = (Axes){0};
        map[id] = graph_add(into, node);
    }
    return map[body->outputs[0].node];
}

/* The same function of the same inputs, out of contract, softmax, exp, sum and log. */
static Function *expand(const OpSample *sample, Arena *arena) {
    const Function *from = sample->function;
    const Node *attention = graph_node(from, sample->node);
    Function *function = function_create(arena, "expanded");
    NodeId inputs[4] = {0};
    function_copy_axes(function, from);
    for (uint32_t i = 0; i < attention->source_count; i++) {
        const Node *input = graph_node(from, attention->sources[i]);
        inputs[i] = build_input(function, input->attributes.name, input->dtype, &input->axes);
    }
    const Axes e = axes_of(&attention->attributes.axes.at[0], 1);
    const Axes m = axes_of(&attention->attributes.axes.at[1], 1);
    NodeId s = build_contract(function, inputs[0], inputs[1], &e);
    NodeId score = inline_body(function, attention->attributes.body, s, arena);
    NodeId weights = build_along(function, OP_SOFTMAX, score, &m);
    DType dtype;
    Axes output, row;
    graph_result_type(from, attention, 0, &dtype, &output);
    graph_result_type(from, attention, 1, &dtype, &row);
    function_output(function, "output",
                    build_contract_as(function, weights, inputs[2], &m, &output), NULL);
    Node sum = {.op = OP_SUM,
                .axes = row,
                .source_count = 1,
                .sources = (NodeId[]){build_unary(function, OP_EXP, score)},
                .attributes = {.axes = m}};
    function_output(function, "lse", build_unary(function, OP_LOG, graph_add(function, sum)), NULL);
    return function;
}

Test(ir_attention, is_contract_softmax_contract) {
    Arena *arena = arena_create();
    if (!arena || setjmp(*arena_boundary(arena)))
        cr_assert_fail("out of memory");
    for (uint64_t seed = 0; seed < 2 * OP_SAMPLE_SEEDS; seed++) {
        OpSample sample;
        op_sample(OP_ATTENTION, seed, arena, &sample);
        const Function *expanded = expand(&sample, arena);
        const char *fault = verify_function(expanded, arena);
        cr_assert(!fault, "%s", fault);
        double **got = ir_values(arena, sample.function, sample.bindings, sample.binding_count);
        double **expected = ir_values(arena, expanded, sample.bindings, sample.binding_count);
        for (uint32_t which = 0; which < 2; which++) {
            const Node *node = graph_node(expanded, expanded->outputs[which].node);
            for (int64_t i = 0; i < graph_elements(expanded, node); i++)
                cr_assert(ir_near(got[which][i], expected[which][i], 1e-12),
                          "seed %d, result %u, element %d: %.17g, not %.17g", (int)seed, which,
                          (int)i, got[which][i], expected[which][i]);
        }
    }
    arena_destroy(arena);
}

/* sum d_output * output, for the bindings as they are. */
static double objective(const OpSample *sample, uint32_t output, const double *d_output,
                        Arena *arena) {
    double **values = ir_values(arena, sample->function, sample->bindings, sample->binding_count);
    const Function *function = sample->function;
    const Node *node = graph_node(function, function->outputs[output].node);
    double sum = 0;
    for (int64_t i = 0; i < graph_elements(function, node); i++)
        sum += d_output[i] * values[output][i];
    return sum;
}

static const double *binding_values(const OpSample *sample, const char *name) {
    for (uint32_t i = 0; i < sample->binding_count; i++)
        if (strcmp(sample->bindings[i].name, name) == 0)
            return sample->bindings[i].values;
    cr_assert_fail("no binding %s", name);
    return NULL;
}

/* Compares the gradient of source `which` with central differences, at some of its elements. */
static void check_differences(const OpSample *sample, uint32_t which, const double *gradient,
                              uint64_t seed, Arena *arena) {
    const double step = 1e-4;
    const InterpretBinding *binding = &sample->bindings[which];
    double *values = (double *)binding->values;
    const double *d_output = binding_values(sample, "d_output");
    for (int64_t i = (int64_t)(seed % 5); i < binding->count; i += 1 + binding->count / 7) {
        const double kept = values[i];
        values[i] = kept + step;
        double above = objective(sample, 3, d_output, arena);
        values[i] = kept - step;
        double below = objective(sample, 3, d_output, arena);
        values[i] = kept;
        double difference = (above - below) / (2 * step);
        cr_assert(ir_near(gradient[i], difference, 1e-6),
                  "seed %d, source %u, element %d: %.12g, but differences give %.12g", (int)seed,
                  which, (int)i, gradient[i], difference);
    }
}

static void check_sample(uint64_t seed) {
    Arena *arena = arena_create();
    if (!arena || setjmp(*arena_boundary(arena)))
        cr_assert_fail("out of memory");
    OpSample sample;
    op_sample(OP_ATTENTION_GRAD, seed, arena, &sample);
    const Node *node = graph_node(sample.function, sample.node);
    function_output(sample.function, "output", node->sources[3], NULL);
    double **gradients = ir_values(arena, sample.function, sample.bindings, sample.binding_count);
    for (uint32_t which = 0; which < 3; which++)
        check_differences(&sample, which, gradients[which], seed, arena);
    arena_destroy(arena);
}

Test(ir_attention, gradient_is_that_of_differences) {
    for (uint64_t seed = 0; seed < OP_SAMPLE_SEEDS; seed++)
        check_sample(seed);
}

static const char *const elementwise_bodies[] = {
    "%2: f32[n, m] = negate %0",
    "%2: f32[n, m] = abs %0",
    "%2: f32[n, m] = exp %0",
    "%2: f32[n, m] = sin %0",
    "%2: f32[n, m] = cos %0",
    "%2: f32[n, m] = tanh %0",
    "%2: f32[n, m] = sigmoid %0",
    "%2: f32[n, m] = stop_gradient %0",
    "%2: f32[n, m] = sub %1, %0",
    "%2: f32[n, m] = div %0, %1",
    "%2: f32[n, m] = min %0, %1",
    "%2: f32[n, m] = max %0, %1",
    "%2: f32[n, m] = mul %0, %0",
    "%2: f32[n, m] = exp %0 %3: f32[n, m] = log %2",
    "%2: f32[n, m] = exp %0 %3: f32[n, m] = sqrt %2",
    "%2: f32[n, m] = exp %0 %3: f32[n, m] = rsqrt %2",
    "%2: f32[n, m] = exp %0 %3: f32[n, m] = div %1, %2",
    "%2: f32[n, m] = exp %0 %3: f32[n, m] = pow %2, %1",
    "%2: f32[] = exp %1 %3: f32[n, m] = pow %2, %0",
    "%2: bool[n, m] = less %0, %1 %3: f32[n, m] = select %2, %0, %1",
    "%2: f32[n, m] = floor %0 %3: f32[n, m] = sub %0, %2",
};

/* One head of attention with that body of %0, the score, and %1, a constant; and its gradient. */
static Function *attention_with_body(const char *body, Arena *arena) {
    const int last = strstr(body, "%3") ? 3 : 2;
    return ir_parse(
        arena,
        arena_printf(
            arena,
            "body @k { axis n = 3, m = 4 %%0: f32[n, m] = input \"score\" %%1: f32[] = const 0.35\n"
            " %s output \"score\" = %%%d }\n"
            "func @f { axis n = 3, m = 4, e = 2 %%0: f32[n, e] = input \"query\"\n"
            " %%1: f32[m, e] = input \"key\" %%2: f32[m, e] = input \"value\"\n"
            " %%3: f32[n, e] = input \"d_output\" %%4 = attention[e, m] @k %%0, %%1, %%2\n"
            " %%5: f32[n, e] = result[0] %%4 %%6: f32[n] = result[1] %%4\n"
            " %%7 = attention_grad[e, m] @k %%0, %%1, %%2, %%5, %%6, %%3\n"
            " %%8: f32[n, e] = result[0] %%7 %%9: f32[m, e] = result[1] %%7\n"
            " %%10: f32[m, e] = result[2] %%7 output \"dq\" = %%8 output \"dk\" = %%9\n"
            " output \"dv\" = %%10 output \"output\" = %%5 }",
            body, last));
}

static void check_body(const char *body) {
    double query[] = {0.3, -1.2, 0.7, 0.9, -0.4, 0.55};
    double key[] = {-0.8, 0.45, 1.1, 0.2, 0.65, -0.35, 0.15, 1.3};
    double value[] = {1, -2, 0.5, 3, -1, 0.25, 2, -0.75};
    double d_output[] = {0.4, -1, 0.8, 0.3, 1.5, -0.6};
    Arena *arena = arena_create();
    if (!arena || setjmp(*arena_boundary(arena)))
        cr_assert_fail("out of memory");
    const OpSample sample = {
        .function = attention_with_body(body, arena),
        .bindings = {{"query", query, 6},
                     {"key", key, 8},
                     {"value", value, 8},
                     {"d_output", d_output, 6}},
        .binding_count = 4,
    };
    double **gradients = ir_values(arena, sample.function, sample.bindings, 4);
    const bool stops = strstr(body, "stop_gradient") != NULL;
    for (int i = 0; stops && i < 6; i++)
        cr_expect_eq(gradients[0][i], 0);
    for (uint32_t which = stops ? 2 : 0; which < 3; which++)
        check_differences(&sample, which, gradients[which], 0, arena);
    arena_destroy(arena);
}

Test(ir_attention, gradient_through_every_elementwise_op) {
    for (size_t i = 0; i < sizeof elementwise_bodies / sizeof elementwise_bodies[0]; i++)
        check_body(elementwise_bodies[i]);
}
