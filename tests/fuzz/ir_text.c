/* Mutated texts of the tensor IR: the parser must refuse or accept, and what it accepts must print,
 * parse back to the same bytes, and be evaluated. The corpus has every op: the samples of all of
 * them.
 *
 *     fuzz_ir_text [ROUNDS [SEED]]                     the same rounds every time
 *
 * For coverage-guided fuzzing, build with clang -fsanitize=fuzzer -DFUZZ_LIBFUZZER. */
#include "ir/text_parse.h"
#include "ir/text_print.h"
#include "tests/fuzz/mutate.h"
#include "tests/unit/op_samples.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LONGEST = 8192, MOST_ELEMENTS = 1024, DEFAULT_ROUNDS = 200000 };

_Noreturn static void fail(const char *what, const char *text, size_t length) {
    fprintf(stderr, "%s:\n%.*s\n", what, (int)length, text);
    abort();
}

static bool is_small(const Function *function) {
    for (NodeId id = 0; id < function->node_count; id++) {
        const Node *node = graph_node(function, id);
        if (graph_elements(function, node) > MOST_ELEMENTS)
            return false;
        if (node->attributes.body && !is_small(node->attributes.body))
            return false;
    }
    return function->node_count < 100;
}

/* What an external function gives here: its first argument's first element. */
static bool call_external(void *user, const InterpretCall *call, InterpretError *error) {
    (void)user, (void)error;
    const External *external = call->external;
    const char *dims[EXTERNAL_MAX_DIMS];
    const uint32_t dim_count = external_dims(external, dims);
    const uint32_t results = call->is_gradient ? external_gradient_count(external) : 1;
    for (uint32_t i = 0; i < results; i++) {
        const ExternalType *type =
            call->is_gradient ? &external->parameters[external_gradient_parameter(external, i)].type
                              : &external->result;
        int64_t elements = 1;
        for (uint32_t axis = 0; axis < type->axis_count; axis++)
            for (uint32_t dim = 0; dim < dim_count; dim++)
                if (strcmp(type->axes[axis], dims[dim]) == 0)
                    elements *= call->extents[dim];
        for (int64_t k = 0; k < elements; k++)
            call->results[i][k] = external->parameter_count ? call->arguments[0][0] : 0;
    }
    return true;
}

/* Evaluates a function on zeros. */
static void evaluate(const Function *function, Arena *arena) {
    InterpretBinding *bindings = arena_array(arena, function->node_count, sizeof *bindings);
    size_t count = 0;
    InterpretError error;
    if (!is_small(function))
        return;
    for (NodeId id = 0; id < function->node_count; id++) {
        const Node *node = graph_node(function, id);
        int64_t elements = graph_elements(function, node);
        if (node->op == OP_PARAM || node->op == OP_INPUT)
            bindings[count++] =
                (InterpretBinding){node->attributes.name,
                                   arena_array(arena, (size_t)elements, sizeof(double)), elements};
    }
    const InterpretCaller caller = {call_external, NULL};
    if (!interpret_calling(function, bindings, count, &caller, arena, &error))
        fail(error.text, function->name, strlen(function->name));
}

/* Whether the text was accepted. */
static bool check_text(const char *text, size_t length) {
    Arena *arena = arena_create();
    if (!arena || setjmp(*arena_boundary(arena))) {
        arena_destroy(arena);
        return false;
    }
    TextError error;
    const Module *module = text_parse(text, length, arena, &error);
    if (module) {
        const char *printed = text_print_module(module, arena);
        const Module *again = text_parse(printed, strlen(printed), arena, &error);
        if (!again)
            fail(error.text, printed, strlen(printed));
        if (strcmp(text_print_module(again, arena), printed) != 0)
            fail("printed differently", printed, strlen(printed));
        for (uint32_t i = 0; i < module->function_count; i++)
            evaluate(module->functions[i], arena);
    } else if (error.line == 0 || error.column == 0 || !error.text[0]) {
        fail("refused without a reason", text, length);
    }
    arena_destroy(arena);
    return module != NULL;
}

#ifdef FUZZ_LIBFUZZER

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    check_text((const char *)data, size);
    return 0;
}

#else

static const char kernels[] =
    "body @inner { axis n = 2 %0: f32[n] = input \"p\" %1: f32[n] = input \"q\"\n"
    " %2: f32[n] = sub %0, %1 output \"d\" = %2 output \"p\" = %0 }\n"
    "body @outer { axis n = 2 %0: f32[n] = input \"x\" %1: f32[] = const 1\n"
    " %2: f32[n] = input \"y\" %3 = kernel @inner %2, %0\n"
    " %4: f32[n] = result[0] %3 %5: f32[n] = add %4, %1\n"
    " %6: f32[n] = result[1] %3 output \"a\" = %5 output \"b\" = %6 }\n"
    "func @f { axis m = 9, n = 2 %0: f32[n] = param \"u\" @a.scan:1:2 @\"b c\":3:4\n"
    " %1: f32[n] = input \"v\" %2 = kernel @outer %0, %1\n"
    " %3: f32[n] = result[0] %2 %4: f32[n] = result[1] %2 %5: i32[m] = index[m]\n"
    " output \"one\" = %3 donates \"u\" output \"two\" = %4 output \"in\" = %0 }";

static const char calls[] =
    "extern @mix = \"mix\" (x: f32[n, d], s: f32, k: i32) -> f32[d] from \"libmix.so\" grad "
    "\"mix_grad\" @a.scan:1:2\n"
    "extern @count = \"count\" (where: bool[n]) -> i32 from \"libmix.so\"\n"
    "func @f { axis b = 3, n = 2, d = 4\n"
    " %0: f32[d, b, n] = param \"x\" %1: f32[b] = param \"s\" %2: bool[b, n] = input \"w\"\n"
    " %3: i32[b] = call @count %2 %4: f32[b, d] = call @mix %0, %1, %3\n"
    " %5 = call_grad @mix %0, %1, %3, %4 %6: f32[b, n, d] = result[0] %5\n"
    " %7: f32[b] = result[1] %5 output \"y\" = %4 output \"dx\" = %6 output \"ds\" = %7 }";

static const char *const words[] = {
#define OP(ID, name, ...) name,
#include "ir/ops.def"
#undef OP
    "func @f {", "body @k {",   "}",
    "axis",      "output",      "donates",
    "\"a\"",     "%0",          "%1",
    "%2",        "%3",          "[n]",
    "[n, d]",    "[e, m]",      "[]",
    "f32",       "i32",         "bool",
    "bf16",      ": f32[",      " = ",
    ", ",        " by ",        " key 0x",
    "@k",        "@f",          "@score",
    "n",         "d",           "m",
    "v",         "\"",          "extern @g = \"g\" (",
    ") -> ",     " from \"l\"", " grad \"h\"",
    "x: f32",    "@mix",        "@count",
    "\\x",       "@a.scan:1:",  "#",
    "\n",        "\"x y\"",     "inf",
    "-",         "[0]",
};

/* A text of the corpus, in the buffer: a module with kernels, one with calls, or the sample of some
 * op. */
static size_t choose_text(Mutator *mutator, char *buffer) {
    Arena *arena = arena_create();
    size_t length = 0;
    OpSample sample;
    if (!arena || setjmp(*arena_boundary(arena)))
        exit(EXIT_FAILURE);
    const OpCode op = (OpCode)mutate_below(mutator, OP_COUNT);
    const char *text = op == OP_CALL || op == OP_CALL_GRAD ? calls : kernels;
    if (op_sample(op, mutate_below(mutator, OP_SAMPLE_SEEDS), arena, &sample))
        text = text_print_function(sample.function, arena);
    length = strlen(text);
    if (length > LONGEST)
        length = LONGEST;
    memcpy(buffer, text, length);
    arena_destroy(arena);
    return length;
}

int main(int argument_count, char **arguments) {
    const long rounds = argument_count > 1 ? strtol(arguments[1], NULL, 10) : DEFAULT_ROUNDS;
    Mutator mutator = {.state = argument_count > 2 ? strtoull(arguments[2], NULL, 10) : 1,
                       .dictionary = words,
                       .word_count = sizeof words / sizeof words[0]};
    static char text[LONGEST];
    long accepted = 0;
    for (long round = 0; round < rounds; round++) {
        size_t length = choose_text(&mutator, text);
        length = mutate(&mutator, text, length, LONGEST);
        accepted += check_text(text, length);
    }
    printf("%ld texts, %ld accepted\n", rounds, accepted);
    return accepted > 0 && accepted < rounds ? EXIT_SUCCESS : EXIT_FAILURE;
}

#endif
