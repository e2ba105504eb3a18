/* Fusion: values stay, what is left is kernels alone, each kernel can be emitted and computes what
 * the interpreter does, and equal layers have equal kernels. */
#include "ir/text_print.h"
#include "ir/verify.h"
#include "passes/canonical.h"
#include "passes/check.h"
#include "passes/derive.h"
#include "passes/emit/contract.h"
#include "passes/emit/nest.h"
#include "tests/unit/kernel_harness.h"
#include "tests/unit/op_samples.h"
#include "tests/unit/passes_models.h"
#include "tests/unit/passes_random.h"
#include "tests/unit/passes_support.h"

#include <criterion/criterion.h>
#include <string.h>

static bool can_be_emitted(const Function *body, Arena *arena) {
    NodeId anchor = kernel_anchor(body);
    if (anchor != NODE_NONE &&
        (graph_node(body, anchor)->op != OP_CONTRACT || contract_accepts(body)))
        return true;
    NestView view = nest_body_view(arena, body);
    Nest nest = {.nodes = arena_array(arena, view.member_count, sizeof *nest.nodes)};
    return !nest_build(&view, &nest);
}

static void expect_kernels_alone(const Function *fused) {
    for (NodeId id = 0; id < fused->node_count; id++) {
        const Node *node = graph_node(fused, id);
        switch (node->op) {
        case OP_PARAM:
        case OP_INPUT:
        case OP_RENAME:
        case OP_RESULT:
            break;
        case OP_KERNEL:
            cr_assert(can_be_emitted(node->attributes.body, fused->arena), "%s",
                      text_print_function(node->attributes.body, fused->arena));
            break;
        default:
            cr_assert(false, "%s is in no kernel", op_table[node->op].name);
        }
    }
    for (uint32_t i = 0; i < fused->output_count; i++) {
        cr_assert_eq(graph_node(fused, fused->outputs[i].node)->op, OP_RESULT);
        for (uint32_t j = 0; j < i; j++)
            cr_assert_neq(fused->outputs[i].node, fused->outputs[j].node);
    }
}

static Function *ready_to_fuse(const Function *function) {
    return pass_cleanup(pass_lower(pass_simplify(function, NULL), NULL), NULL);
}

static Function *fuse_checked(const Function *function) {
    Function *fused = pass_fuse(function, NULL);
    const char *fault = verify_function(fused, fused->arena);
    cr_assert(!fault, "%s of\n%s", fault, text_print_function(function, function->arena));
    expect_kernels_alone(fused);
    fault = check_same_values(function, fused, fused->arena);
    cr_assert(!fault, "%s of\n%s", fault, text_print_function(function, function->arena));
    return fused;
}

/* Compiles every kernel, and compares it with what its body means. */
static void run_kernels(const Function *fused) {
    for (NodeId id = 0; id < fused->node_count; id++) {
        if (graph_node(fused, id)->op != OP_KERNEL)
            continue;
        const Function *body = graph_node(fused, id)->attributes.body;
        Harness harness;
        cr_assert(harness_open(&harness, body, NULL, id + 1), "%s", harness.error);
        cr_assert(harness_run(&harness, 0), "%s", harness.error);
        uint64_t hash = harness_hash(&harness);
        double difference = harness_difference(&harness, fused->arena);
        cr_assert(difference >= 0 && difference < 1e-5, "%g %s of\n%s", difference, harness.error,
                  text_print_function(body, fused->arena));
        cr_assert(harness_run(&harness, 1), "%s", harness.error);
        cr_assert_eq(harness_hash(&harness), hash);
        harness_close(&harness);
    }
}

Test(passes_fuse, random_functions_keep_their_values) {
    for (uint64_t seed = 0; seed < 400; seed++) {
        Arena *arena = test_arena();
        fuse_checked(ready_to_fuse(random_function(arena, seed, 24 + (uint32_t)(seed % 48))));
        arena_destroy(arena);
    }
}

Test(passes_fuse, kernels_of_random_functions_compute_what_they_mean) {
    for (uint64_t seed = 1000; seed < 1024; seed++) {
        Arena *arena = test_arena();
        run_kernels(fuse_checked(ready_to_fuse(random_function(arena, seed, 40))));
        arena_destroy(arena);
    }
}

Test(passes_fuse, every_op) {
    for (int op = 0; op < OP_COUNT; op++)
        for (uint64_t seed = 0; seed < OP_SAMPLE_SEEDS; seed++) {
            Arena *arena = test_arena();
            OpSample sample;
            if (op_sample((OpCode)op, seed, arena, &sample))
                fuse_checked(pass_lower(sample.function, NULL));
            arena_destroy(arena);
        }
}

/* --- a small image GPT --- */

static Function *model_gradient(Arena *arena, int layers) {
    const ModelOptions options = {.layers = layers};
    Model model = model_build(arena, &options);
    Module *module = module_create(arena);
    module_add(module, model.forward);
    return ready_to_fuse(module_function(derive_experiment(module, "b", NULL), "grad"));
}

static uint32_t count_distinct(const Function *fused) {
    Arena *arena = fused->arena;
    CanonicalForm *forms = arena_array(arena, fused->node_count, sizeof *forms);
    uint32_t count = 0;
    for (NodeId id = 0; id < fused->node_count; id++) {
        if (graph_node(fused, id)->op != OP_KERNEL)
            continue;
        CanonicalForm form = canonical_form(arena, graph_node(fused, id)->attributes.body);
        bool known = false;
        for (uint32_t i = 0; i < count && !known; i++)
            known =
                forms[i].length == form.length && !memcmp(forms[i].bytes, form.bytes, form.length);
        if (!known)
            forms[count++] = form;
    }
    return count;
}

/* A layer's share, with attention blocked. Forward: two norms; query, key, value; attention; its
 * projection with the residual; the MLP's two products, the second with the residual, and GELU.
 * Backward: for each of the six weights two products; GELU; attention; two norms with the gradient
 * of their gains. */
enum { KERNELS_OF_A_LAYER = 2 + 3 + 1 + 1 + 3 + 12 + 1 + 1 + 2 };

Test(passes_fuse, gradient_of_a_model) {
    Arena *arena = test_arena();
    uint32_t kernels[4], distinct[4];
    for (int layers = 1; layers < 4; layers++) {
        Function *fused = fuse_checked(model_gradient(arena, layers));
        kernels[layers] = count_ops(fused, OP_KERNEL);
        distinct[layers] = count_distinct(fused);
    }
    cr_expect_eq(kernels[2] - kernels[1], KERNELS_OF_A_LAYER, "%u", kernels[2] - kernels[1]);
    cr_expect_eq(kernels[3] - kernels[2], KERNELS_OF_A_LAYER, "%u", kernels[3] - kernels[2]);
    cr_expect_eq(distinct[3], distinct[2], "%u and %u kernels are distinct", distinct[2],
                 distinct[3]);
    arena_destroy(arena);
}

Test(passes_fuse, kernels_of_a_model_compute_what_they_mean) {
    Arena *arena = test_arena();
    run_kernels(fuse_checked(model_gradient(arena, 1)));
    arena_destroy(arena);
}

/* --- what is grouped how --- */

static Function *fuse_text(Arena *arena, const char *text) {
    return fuse_checked(parse_function(arena, text));
}

Test(passes_fuse, a_norm_is_one_kernel) {
    Arena *arena = test_arena();
    const Function *fused = fuse_text(arena, "func @norm {\n"
                                             "  axis n = 6, d = 10\n"
                                             "  %0: f32[n, d] = input \"x\"\n"
                                             "  %1: f32[d] = param \"g\"\n"
                                             "  %2: f32[n, d] = mul %0, %0\n"
                                             "  %3: f32[n] = sum[d] %2\n"
                                             "  %4: f32[n] = rsqrt %3\n"
                                             "  %5: f32[n, d] = mul %0, %4\n"
                                             "  %6: f32[n, d] = mul %5, %1\n"
                                             "  output \"y\" = %6\n"
                                             "}\n");
    cr_expect_eq(count_ops(fused, OP_KERNEL), 1);
    arena_destroy(arena);
}

/* The residual's sum goes to the product, whose result nobody else reads. */
Test(passes_fuse, a_residual_is_an_epilogue) {
    Arena *arena = test_arena();
    const Function *fused = fuse_text(arena, "func @residual {\n"
                                             "  axis n = 6, d = 10, f = 7\n"
                                             "  %0: f32[n, f] = input \"x\"\n"
                                             "  %1: f32[f, d] = param \"w\"\n"
                                             "  %2: f32[n, d] = input \"r\"\n"
                                             "  %3: f32[n, d] = contract[f] %0, %1\n"
                                             "  %4: f32[n, d] = add %3, %2\n"
                                             "  %5: f32[n] = reduce_max[d] %4\n"
                                             "  %6: f32[n, d] = sub %4, %5\n"
                                             "  output \"sum\" = %4\n"
                                             "  output \"y\" = %6\n"
                                             "}\n");
    cr_assert_eq(count_ops(fused, OP_KERNEL), 2);
    const Node *first = NULL;
    for (NodeId id = 0; id < fused->node_count && !first; id++)
        first = graph_node(fused, id)->op == OP_KERNEL ? graph_node(fused, id) : NULL;
    cr_expect_eq(count_ops(first->attributes.body, OP_ADD), 1);
    cr_expect_eq(first->attributes.body->output_count, 1);
    arena_destroy(arena);
}

/* exp(x) is read before and after the product: computed twice, and never stored. */
Test(passes_fuse, cheap_values_are_computed_again) {
    Arena *arena = test_arena();
    const Function *fused = fuse_text(arena, "func @again {\n"
                                             "  axis n = 6, d = 10, f = 7\n"
                                             "  %0: f32[n, d] = input \"x\"\n"
                                             "  %1: f32[d, f] = param \"w\"\n"
                                             "  %2: f32[n, d] = exp %0\n"
                                             "  %3: f32[n, d] = mul %2, %0\n"
                                             "  %4: f32[n, f] = contract[d] %3, %1\n"
                                             "  %5: f32[n] = sum[f] %4\n"
                                             "  %6: f32[n, d] = mul %2, %5\n"
                                             "  %7: f32[n, d] = add %6, %0\n"
                                             "  output \"y\" = %7\n"
                                             "}\n");
    uint32_t exponentials = 0;
    for (NodeId id = 0; id < fused->node_count; id++)
        if (graph_node(fused, id)->op == OP_KERNEL) {
            const Function *body = graph_node(fused, id)->attributes.body;
            exponentials += count_ops(body, OP_EXP);
            cr_expect_eq(body->output_count, 1);
        }
    cr_expect_eq(exponentials, 2);
    arena_destroy(arena);
}

/* An input, a constant, and one value twice: each output has memory of its own. */
Test(passes_fuse, outputs_are_copied_where_they_must) {
    Arena *arena = test_arena();
    fuse_text(arena, "func @copies {\n"
                     "  axis n = 6\n"
                     "  %0: f32[n] = input \"x\"\n"
                     "  %1: f32[] = const 2\n"
                     "  %2: i32[n] = index[n]\n"
                     "  %3: f32[n] = mul %0, %1\n"
                     "  output \"a\" = %0\n"
                     "  output \"b\" = %1\n"
                     "  output \"c\" = %2\n"
                     "  output \"d\" = %3\n"
                     "  output \"e\" = %3\n"
                     "}\n");
    arena_destroy(arena);
}

/* A sum of many terms over two axes goes by way of the sums over the inner one. */
Test(passes_fuse, large_sums_are_split) {
    Arena *arena = test_arena();
    const Function *fused = fuse_text(arena, "func @split {\n"
                                             "  axis b = 4, n = 64, d = 300\n"
                                             "  %0: f32[b, n, d] = input \"x\"\n"
                                             "  %1: f32[b, n] = sum[d] %0\n"
                                             "  %2: f32[b, n, d] = mul %0, %1\n"
                                             "  %3: f32[d] = sum[b, n] %2\n"
                                             "  output \"y\" = %3\n"
                                             "}\n");
    cr_expect_eq(count_ops(fused, OP_KERNEL), 2);
    arena_destroy(arena);
}
