/* Loop kernels, and those that update a slice, against the interpreter: every op that has samples
 * and no tests of its emitter elsewhere. */
#include "ir/text_print.h"
#include "passes/emit/nest.h"
#include "tests/unit/kernel_harness.h"
#include "tests/unit/op_samples.h"

#include <criterion/criterion.h>
#include <string.h>

/* Whether the function is one kernel. */
static bool has_nest(const Function *body, Arena *arena) {
    const NodeId anchor = kernel_anchor(body);
    if (anchor != NODE_NONE && graph_node(body, anchor)->op == OP_UPDATE_SLICE)
        return true;
    NestView view = nest_body_view(arena, body);
    Nest nest = {.nodes = arena_array(arena, view.member_count, sizeof *nest.nodes)};
    return !nest_build(&view, &nest);
}

static void set_inputs(Harness *harness, const InterpretBinding *bindings, uint32_t count) {
    for (uint32_t input = 0; input < harness->input_count; input++) {
        const char *name =
            graph_node(harness->body, kernel_input(harness->body, input))->attributes.name;
        for (uint32_t i = 0; i < count; i++)
            for (int64_t j = 0; !strcmp(bindings[i].name, name) && j < bindings[i].count; j++)
                harness_set(harness, input, j, bindings[i].values[j]);
    }
}

/* The kernel's values are the interpreter's, and the same bits however its tiles are grouped. */
static void check_body(const Function *body, const InterpretBinding *bindings, uint32_t count,
                       const char *target, Arena *arena) {
    Harness harness;
    cr_assert(harness_open(&harness, body, target, 1), "%s", harness.error);
    set_inputs(&harness, bindings, count);
    cr_assert(harness_run(&harness, 0), "%s", harness.error);
    double difference = harness_difference(&harness, arena);
    cr_assert(difference >= 0 && difference < 4e-6, "%g %s of\n%s", difference, harness.error,
              text_print_function(body, arena));
    uint64_t hash = harness_hash(&harness);
    cr_assert(harness_run(&harness, 1), "%s", harness.error);
    cr_assert_eq(harness_hash(&harness), hash);
    harness_close(&harness);
}

/* False when there is no sample of the op, or it is no loop kernel. Where `run` is false, LLVM
 * verifies the module before and after its passes, and that is all. */
static bool check_sample(OpCode op, uint64_t seed, const char *target, bool run) {
    Arena *arena = arena_create();
    cr_assert(arena && !setjmp(*arena_boundary(arena)));
    OpSample sample;
    Harness harness;
    bool is_loops = op_sample(op, seed, arena, &sample) && has_nest(sample.function, arena);
    if (is_loops && run) {
        check_body(sample.function, sample.bindings, sample.binding_count, target, arena);
    } else if (is_loops) {
        cr_assert(harness_open(&harness, sample.function, target, 1), "%s", harness.error);
        harness_close(&harness);
    }
    arena_destroy(arena);
    return is_loops;
}

static void check_samples(const char *target, bool run, uint64_t step) {
    uint32_t checked[OP_COUNT] = {0};
    for (int op = 0; op < OP_COUNT; op++)
        for (uint64_t seed = 0; seed < OP_SAMPLE_SEEDS; seed += step)
            checked[op] += check_sample((OpCode)op, seed, target, run);
    for (int op = OP_RANDOM; op <= OP_MERGE; op++)
        if (op != OP_SOFTMAX && op != OP_CROSS_ENTROPY)
            cr_assert(checked[op], "%s was never compiled", op_table[op].name);
}

Test(emit_rows, every_op_native) { check_samples("native", true, HARNESS_EVERY); }

Test(emit_rows, every_op_x86_64_v3) { check_samples("x86-64-v3", true, HARNESS_NARROW_EVERY); }

Test(emit_rows, every_op_is_valid_for_x86_64_v4) { check_samples("x86-64-v4", false, 5); }

Test(emit_rows, every_op_is_valid_for_znver4) { check_samples("znver4", false, 5); }
