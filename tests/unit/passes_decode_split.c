/* What of a step depends on parameters alone, by itself: the two parts have the values of the
 * whole, and weights lie as a product with few rows reads them. */
#include "ir/verify.h"
#include "passes/decode.h"
#include "passes/emit/target.h"
#include "tests/unit/bindings.h"
#include "tests/unit/passes_support.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* What the function is bound to: parameters and inputs, positions among them. */
static Bindings draw(const Function *function) {
    Bindings bindings = {.count = 0};
    Draws draws = {11};
    for (NodeId id = 0; id < function->node_count; id++) {
        const Node *node = graph_node(function, id);
        if (node->op != OP_PARAM && node->op != OP_INPUT)
            continue;
        const int64_t count = graph_elements(function, node);
        double *numbers = arena_array(function->arena, (size_t)count, sizeof *numbers);
        for (int64_t i = 0; i < count; i++)
            numbers[i] = node->dtype == DTYPE_I32 ? (double)draw_below(&draws, 4)
                                                  : draw_between(&draws, -1, 1);
        bindings_add(&bindings, node->attributes.name, numbers, count);
    }
    return bindings;
}

static double **run(const Function *function, const Bindings *bindings) {
    InterpretError error = {""};
    double **outputs = interpret(function, bindings->at, bindings->count, function->arena, &error);
    cr_assert(outputs, "%s: %s", function->name, error.text);
    return outputs;
}

static void expect_same(const Function *whole, const DecodeParts *parts) {
    Bindings bindings = draw(whole);
    double **wanted = run(whole, &bindings);
    double **weights = run(parts->weights, &bindings);
    for (uint32_t i = 0; i < parts->weights->output_count; i++) {
        const Output *output = &parts->weights->outputs[i];
        bindings_add(&bindings, output->name, weights[i],
                     graph_elements(parts->weights, graph_node(parts->weights, output->node)));
    }
    double **given = run(parts->decode, &bindings);
    for (uint32_t o = 0; o < whole->output_count; o++) {
        const NodeId output = whole->outputs[o].node;
        const int64_t count = graph_elements(whole, graph_node(whole, output));
        for (int64_t i = 0; i < count; i++)
            cr_assert_float_eq(given[o][i], wanted[o][i], 1e-12, "output %u, element %d", o,
                               (int)i);
    }
}

/* The text of axes "[a, b]" of the first param of that name's beginning. */
static const char *axes_of_param(const Function *function, const char *name) {
    for (NodeId id = 0; id < function->node_count; id++) {
        const Node *node = graph_node(function, id);
        if (node->op == OP_PARAM && strncmp(node->attributes.name, name, strlen(name)) == 0)
            return axes_text(function->arena, function, &node->axes);
    }
    return "none";
}

/* `panels`: how many of the weights lie in panels of parts of an axis; `order`: that of the first.
 */
static void expect_split(const char *text, const char *cpu, uint32_t panels, const char *order) {
    Arena *arena = test_arena();
    const Function *whole = parse_function(arena, text);
    Target target;
    char error[256];
    cr_assert(!cpu || target_find(cpu, &target, error, sizeof error), "%s", error);
    const DecodeParts parts = decode_split(whole, cpu ? &target : NULL);
    cr_assert(parts.weights, "%s", text);
    const char *fault = verify_function(parts.weights, arena);
    cr_assert(!fault, "%s", fault);
    fault = verify_function(parts.decode, arena);
    cr_assert(!fault, "%s", fault);
    cr_expect_eq(count_ops(parts.decode, OP_MERGE), panels, "%s: %u", text,
                 count_ops(parts.decode, OP_MERGE));
    cr_expect_eq(count_ops(parts.weights, OP_SPLIT), panels);
    cr_expect_str_eq(axes_of_param(parts.decode, "weights."), order);
    expect_same(whole, &parts);
    arena_destroy(arena);
}

#define BEGIN "func @decode {\n  axis b = 8, d = 24, h = 4, e = 64, f = 256, v = 96\n"

/* y[b, f] = sum over d of x * w. */
#define PRODUCT(WEIGHT, MADE)                                                                      \
    BEGIN "  %0: f32[b, d] = input \"x\"\n"                                                        \
          "  %1: f32[" WEIGHT "] = param \"w\"\n" MADE "  output \"y\" = %3\n}\n"

static const char in_f32[] = PRODUCT("d, f", "  %2: f32[d, f] = negate %1\n"
                                             "  %3: f32[b, f] = contract[d] %0, %2\n");
static const char as_it_is[] = PRODUCT("d, f", "  %2: f32[b, d] = negate %0\n"
                                               "  %3: f32[b, f] = contract[d] %2, %1\n");
static const char across[] = PRODUCT("f, d", "  %2: f32[b, d] = negate %0\n"
                                             "  %3: f32[b, f] = contract[d] %2, %1\n");
static const char heads[] = PRODUCT("d, h, e", "  %2: f32[b, d] = negate %0\n"
                                               "  %3: f32[b, h, e] = contract[d] %2, %1\n");
static const char heads_apart[] = PRODUCT("d, h, e", "  %2: f32[b, d] = negate %0\n"
                                                     "  %3: f32[h, b, e] = contract[d] %2, %1\n");

Test(decode_split, panels_of_columns) {
    expect_split(in_f32, "x86-64-v4", 1, "[f.of32, d, f.in32]");
    expect_split(as_it_is, "x86-64-v4", 1, "[f.of32, d, f.in32]");
    expect_split(across, "x86-64-v4", 1, "[f.of32, d, f.in32]");
    expect_split(heads, "x86-64-v4", 1, "[h, e.of32, d, e.in32]");
    expect_split(heads_apart, "x86-64-v4", 1, "[h, e.of32, d, e.in32]");
}

/* Of several matrices each has panels of its own. */
static const char by_image[] = "func @decode {\n  axis b = 8, n = 3, d = 24, f = 256\n"
                               "  %0: f32[b, n, d] = input \"x\"\n"
                               "  %1: f32[b, f, d] = param \"w\"\n"
                               "  %2: f32[b, n, f] = contract[d] %0, %1\n"
                               "  output \"y\" = %2\n}\n";

static const char by_head[] = BEGIN "  %0: f32[b, h, e] = input \"x\"\n"
                                    "  %1: f32[f, h, e] = param \"w\"\n"
                                    "  %2: f32[b, h, f] = contract[e] %0, %1\n"
                                    "  output \"y\" = %2\n}\n";

Test(decode_split, panels_of_several_matrices) {
    expect_split(by_image, "x86-64-v4", 1, "[b, f.of64, d, f.in64]");
    expect_split(by_head, "x86-64-v4", 1, "[h, f.of32, e, f.in32]");
}

/* With no target, weights that are read across memory are put in order, and no more. */
Test(decode_split, no_target) { expect_split(across, NULL, 0, "[d, f]"); }

/* Of one image panels are wider: of two heads; of three they are as wide as a head. */
Test(decode_split, panels_of_whole_axes) {
    static const char format[] =
        "func @decode {\n  axis b = %d, d = 24, h = 4, e = 64\n"
        "  %%0: f32[b, d] = input \"x\"\n"
        "  %%1: f32[d, h, e] = param \"w\"\n"
        "  %%2: f32[b, h, e] = contract[d] %%0, %%1\n  output \"y\" = %%2\n}\n";
    char text[512];
    snprintf(text, sizeof text, format, 1);
    expect_split(text, "x86-64-v4", 1, "[h.of2, d, h.in2, e]");
    snprintf(text, sizeof text, format, 3);
    expect_split(text, "x86-64-v4", 0, "[h, d, e]");
}

static const char two_depths[] = BEGIN "  %0: bf16[b, h, e] = input \"x\"\n"
                                       "  %1: f32[h, e, v] = param \"w\"\n"
                                       "  %2: bf16[h, e, v] = cast_bf16 %1\n"
                                       "  %3: f32[b, v] = contract[h, e] %0, %2\n"
                                       "  output \"y\" = %3\n}\n";
/* The table is looked into as it lies, and multiplied by in panels. */
static const char read_twice[] = BEGIN "  %0: f32[v, d] = param \"w\"\n"
                                       "  %1: i32[b] = input \"tokens\"\n"
                                       "  %2: f32[b, d] = gather[v] %0, %1\n"
                                       "  %3: f32[b, v] = contract[d] %2, %0\n"
                                       "  output \"y\" = %3\n}\n";

Test(decode_split, weights_of_several_axes_and_readers) {
    expect_split(two_depths, "x86-64-v4", 1, "[v.of32, h, e, v.in32]");
    expect_split(read_twice, "x86-64-v4", 1, "[v.of32, d, v.in32]");
}

/* Columns that are no whole panels, rows that are too many. */
static const char no_panels[] = "func @decode {\n  axis b = 8, d = 24, f = 100\n"
                                "  %0: f32[b, d] = input \"x\"\n"
                                "  %1: f32[f, d] = param \"w\"\n"
                                "  %2: f32[b, f] = contract[d] %0, %1\n"
                                "  output \"y\" = %2\n}\n";
static const char many_rows[] = "func @decode {\n  axis b = 8, n = 3, d = 24, f = 256\n"
                                "  %0: f32[b, n, d] = input \"x\"\n"
                                "  %1: f32[f, d] = param \"w\"\n"
                                "  %2: f32[b, n, f] = contract[d] %0, %1\n"
                                "  output \"y\" = %2\n}\n";

Test(decode_split, no_panels) {
    expect_split(no_panels, "x86-64-v4", 0, "[d, f]");
    expect_split(many_rows, "x86-64-v4", 0, "[d, f]");
}
