/* Every op with samples is built, verified, printed and parsed back, and interpreted; every op
 * without is a leaf or structure that other tests cover. */
#include "ir/text_parse.h"
#include "ir/text_print.h"
#include "ir/verify.h"
#include "tests/unit/op_samples.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

static void round_trip(const Function *function, Arena *arena) {
    char *text = text_print_function(function, arena);
    TextError error;
    Module *module = text_parse(text, strlen(text), arena, &error);
    cr_assert(module, "%u:%u: %s in\n%s", error.line, error.column, error.text, text);
    cr_assert_str_eq(text_print_module(module, arena), text);
}

/* Samples are finite, but for the log-sum-exp of a row that is all -inf. */
static bool is_sound(OpCode op, double value) {
    return isfinite(value) || (op == OP_ATTENTION && value == -INFINITY);
}

static void interpret_sample(OpCode op, const OpSample *sample, Arena *arena) {
    InterpretError error;
    double **outputs =
        interpret(sample->function, sample->bindings, sample->binding_count, arena, &error);
    cr_assert(outputs, "%s: %s", op_table[op].name, error.text);
    for (uint32_t i = 0; i < sample->function->output_count; i++) {
        const Node *node = graph_node(sample->function, sample->function->outputs[i].node);
        for (int64_t j = 0; j < graph_elements(sample->function, node); j++)
            cr_assert(is_sound(op, outputs[i][j]), "%s: output %u has %g", op_table[op].name, i,
                      outputs[i][j]);
    }
}

Test(ir_samples, every_op) {
    Arena *arena = arena_create();
    if (!arena || setjmp(*arena_boundary(arena)))
        cr_assert_fail("out of memory");
    for (int op = 0; op < OP_COUNT; op++)
        for (uint64_t seed = 0; seed < OP_SAMPLE_SEEDS; seed++) {
            OpSample sample;
            if (!op_sample((OpCode)op, seed, arena, &sample))
                continue;
            const char *fault = verify_function(sample.function, arena);
            cr_assert(!fault, "%s", fault);
            cr_assert_eq(graph_node(sample.function, sample.node)->op, (OpCode)op);
            round_trip(sample.function, arena);
            interpret_sample((OpCode)op, &sample, arena);
        }
    arena_destroy(arena);
}

Test(ir_samples, all_but_leaves_and_structure_have_samples) {
    Arena *arena = arena_create();
    if (!arena || setjmp(*arena_boundary(arena)))
        cr_assert_fail("out of memory");
    static const OpCode without[] = {
        OP_CONST,      OP_PARAM,  OP_INPUT,      OP_INDEX,    OP_CALL,
        OP_CALL_GRAD,  OP_KERNEL, OP_RESULT,     OP_COMPRESS, OP_COMPRESS_SLICE,
        OP_COMPRESSED, OP_TILE,   OP_TILE_SLICE, OP_TILED, /* of whole blocks or tiles alone:
                                                              emit_repack.c */
    };
    for (int op = 0; op < OP_COUNT; op++) {
        bool expected = true;
        for (size_t i = 0; i < sizeof without / sizeof without[0]; i++)
            expected &= without[i] != (OpCode)op;
        OpSample sample;
        cr_assert_eq(op_sample((OpCode)op, 0, arena, &sample), expected, "%s", op_table[op].name);
    }
    arena_destroy(arena);
}

Test(ir_samples, the_same_seed_gives_the_same_sample) {
    Arena *arena = arena_create();
    if (!arena || setjmp(*arena_boundary(arena)))
        cr_assert_fail("out of memory");
    OpSample one, two;
    op_sample(OP_CONTRACT, 7, arena, &one);
    op_sample(OP_CONTRACT, 7, arena, &two);
    cr_assert_str_eq(text_print_function(one.function, arena),
                     text_print_function(two.function, arena));
    for (int64_t i = 0; i < one.bindings[0].count; i++)
        cr_assert_eq(one.bindings[0].values[i], two.bindings[0].values[i]);
    arena_destroy(arena);
}
