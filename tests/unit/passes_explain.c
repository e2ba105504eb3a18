/* What is told of a program agrees with its plan, and asking changes nothing. */
#include "passes/explain.h"

#include "ir/text_print.h"
#include "tests/unit/passes_support.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

/* A layer by hand: a norm, a product with what follows it, a loss and the gradients of x and w. */
static const char text[] = "func @grad {\n"
                           "  axis n = 64, d = 32, f = 48\n"
                           "  %0: f32[n, d] = input \"x\"                        @m.scan:1:1\n"
                           "  %1: f32[d, f] = param \"w\"                        @m.scan:2:1\n"
                           "  %2: f32[n, d] = mul %0, %0                         @m.scan:3:1\n"
                           "  %3: f32[n] = sum[d] %2                             @m.scan:3:2\n"
                           "  %4: f32[n] = rsqrt %3                              @m.scan:3:3\n"
                           "  %5: f32[n, d] = mul %0, %4                         @m.scan:4:1\n"
                           "  %6: f32[n, f] = contract[d] %5, %1                 @m.scan:5:1\n"
                           "  %7: f32[n, f] = sigmoid %6                         @m.scan:6:1\n"
                           "  %8: f32[] = sum[n, f] %7\n"
                           "  %9: f32[n, f] = mul %7, %7                         @m.scan:6:1\n"
                           "  %10: f32[d, f] = contract[n] %5, %9                @m.scan:5:1\n"
                           "  output \"loss\" = %8\n"
                           "  output \"grad:w\" = %10\n"
                           "}\n";

/* Functions of a library among loops, one of which is given nothing; the places are those of nodes.
 */
static const char call_text[] =
    "extern @ramp = \"ramp\" () -> f32[d] from \"l\"\n"
    "extern @bend = \"bend\" (x: f32[n, d], s: f32) -> f32[n, d] from \"l\"\n"
    "func @eval {\n"
    "  axis n = 64, d = 32\n"
    "  %0: f32[n, d] = input \"x\"                        @m.scan:1:1\n"
    "  %1: f32[] = input \"s\"                            @m.scan:1:2\n"
    "  %2: f32[d] = call @ramp                            @m.scan:2:1\n"
    "  %3: f32[n, d] = mul %0, %2                         @m.scan:3:1\n"
    "  %4: f32[n, d] = call @bend %3, %1                  @m.scan:4:1\n"
    "  %5: f32[n, d] = exp %4                             @m.scan:5:1\n"
    "  output \"y\" = %5\n"
    "}\n";

enum { NORM = 4, PRODUCT = 6, SIGMOID = 7, NORMED = 5 };

static const CompileOptions options = {.target = "x86-64-v3"};

static Module *module_of(Arena *arena, const char *function) {
    Module *module = module_create(arena);
    module_add(module, parse_function(arena, function));
    return module;
}

static const Explanation *explain_text(Arena *arena, const char *function) {
    CompileError error = {0};
    const Module *module = module_of(arena, function);
    const Explanation *explanation = explain_module(module, &options, 4, &error);
    cr_assert(explanation, "%s", error.text);
    return explanation;
}

static const Explanation *explain(Arena *arena) { return explain_text(arena, text); }

static const ExplainUse *use_of(const ExplainLine *line, ExplainKind kind, ExplainPart part) {
    for (uint32_t i = 0; i < line->use_count; i++)
        if (line->uses[i].steps[0]->kind == kind && line->uses[i].steps[0]->part == part)
            return &line->uses[i];
    cr_assert_fail("there is no such kernel");
    return NULL;
}

Test(explain, asking_changes_nothing) {
    Arena *arena = test_arena();
    CompileError error = {0};
    FusionRecords records = {0};
    CompileOptions asking = options;
    asking.records = &records;
    const Module *plain = compile_passes(module_of(arena, text), &options, &error);
    const Module *asked = compile_passes(module_of(arena, text), &asking, &error);
    cr_assert(plain && asked);
    cr_expect_str_eq(text_print_module(plain, arena), text_print_module(asked, arena));
    cr_assert(records.first && records.first == records.last);
    cr_expect_str_eq(records.first->function->name, "grad");
    arena_destroy(arena);
}

/* Each step of the plan is the kernel of its body's name, and computes what the plan says it gives.
 */
Test(explain, steps_are_those_of_the_plan) {
    Arena *arena = test_arena();
    const Explanation *explanation = explain(arena);
    const ExplainFunction *grad = explanation->gradients;
    cr_assert(grad && grad->plan == plan_gradients(explanation->plan));
    cr_expect_eq(grad->runs, 4);
    for (uint32_t i = 0; i < grad->plan->step_count; i++) {
        const ExplainStep *step = &grad->steps[i];
        cr_assert(step->fused);
        cr_assert_eq(step->fused->output_count, step->kernel->output_count);
        for (uint32_t k = 0; k < step->fused->output_count; k++) {
            const Node *node = graph_node(step->record->function, step->fused->outputs[k]);
            const uint32_t first = step->kernel->operand_count - step->kernel->output_count;
            cr_expect_eq(graph_elements(step->record->function, node),
                         step->kernel->operands[first + k].elements);
        }
    }
    arena_destroy(arena);
}

Test(explain, a_product_stays_apart_from_what_costs_too_much) {
    Arena *arena = test_arena();
    const Explanation *explanation = explain(arena);
    const ExplainPlace place = {"m.scan", 5};
    const ExplainLine line = explain_line(explanation, &place);
    const ExplainUse *use = use_of(&line, EXPLAIN_PRODUCT, EXPLAIN_FORWARD);
    cr_assert_eq(use->take_count, 1);
    cr_expect_eq(use->takes[0].bytes, 64 * 32 * 4);
    cr_expect(strstr(use->takes[0].readers[0].why, "packs what it reads"), "%s",
              use->takes[0].readers[0].why);
    cr_assert_eq(use->give_count, 1);
    cr_expect_not(use->gives[0].is_kept, "the sigmoid is in the forward part");
    cr_assert_eq(use->gives[0].reader_count, 1);
    cr_expect(strstr(use->gives[0].readers[0].why, "costs too much"), "%s",
              use->gives[0].readers[0].why);
    arena_destroy(arena);
}

Test(explain, a_function_of_a_library_is_a_kernel_by_itself) {
    Arena *arena = test_arena();
    const Explanation *explanation = explain_text(arena, call_text);
    const ExplainLine ramp = explain_line(explanation, &(ExplainPlace){"m.scan", 2});
    const ExplainLine bend = explain_line(explanation, &(ExplainPlace){"m.scan", 4});
    const ExplainUse *first = use_of(&ramp, EXPLAIN_CALL, EXPLAIN_WHOLE);
    const ExplainUse *last = use_of(&bend, EXPLAIN_CALL, EXPLAIN_WHOLE);
    cr_expect_eq(first->take_count, 0);
    cr_assert_eq(first->give_count, 1);
    cr_expect(strstr(first->gives[0].readers[0].why, "leaves its results in memory"), "%s",
              first->gives[0].readers[0].why);
    cr_assert_eq(last->take_count, 1);
    cr_expect(strstr(last->takes[0].readers[0].why, "is given it in memory"), "%s",
              last->takes[0].readers[0].why);
    const ExplainPeaks peaks = {.flops = 1e11, .bytes = 1e10};
    cr_expect_eq(explain_seconds(last->steps[0], &peaks, NULL), 0, "nobody knows what it does");
    cr_expect_float_eq(last->share, 1, 1e-12);
    arena_destroy(arena);
}

Test(explain, what_the_backward_part_reads_is_kept) {
    Arena *arena = test_arena();
    const Explanation *explanation = explain(arena);
    const ExplainPlace place = {"m.scan", 4};
    const ExplainLine line = explain_line(explanation, &place);
    const ExplainUse *use = use_of(&line, EXPLAIN_LOOPS, EXPLAIN_FORWARD);
    cr_assert_eq(use->give_count, 1);
    cr_expect(use->gives[0].is_kept);
    cr_expect_eq(use->gives[0].reader_count, 2, "the two products");
    const ExplainPeaks peaks = {0};
    const ExplainTable table = explain_lines(explanation, &peaks, NULL);
    bool found = false;
    for (uint32_t i = 0; i < table.row_count; i++)
        if (table.rows[i].place.line == place.line) {
            found = true;
            cr_expect_eq(table.rows[i].sum.kept, 64 * 32 * 4);
        }
    cr_expect(found);
    arena_destroy(arena);
}

/* Nothing is counted twice, and nothing is lost. */
Test(explain, lines_add_up_to_the_plan) {
    Arena *arena = test_arena();
    const Explanation *explanation = explain(arena);
    const ExplainPeaks peaks = {.flops = 1e11, .bytes = 1e10};
    const ExplainTable table = explain_lines(explanation, &peaks, NULL);
    double flops = 0, bytes = 0, seconds = 0, rows = 0;
    const ExplainFunction *grad = explanation->gradients;
    for (uint32_t i = 0; i < grad->plan->step_count; i++) {
        flops += grad->runs * grad->steps[i].kernel->flops;
        bytes += grad->runs * grad->steps[i].kernel->bytes;
        seconds += grad->runs * explain_seconds(&grad->steps[i], &peaks, NULL);
    }
    for (uint32_t i = 0; i < table.row_count; i++)
        rows += table.rows[i].sum.flops;
    cr_expect_float_eq(table.all.flops, flops, 1e-9 * flops);
    cr_expect_float_eq(table.all.bytes, bytes, 1e-9 * bytes);
    cr_expect_float_eq(table.all.seconds, seconds, 1e-9 * seconds);
    cr_expect_float_eq(rows, flops, 1e-9 * flops);
    const ExplainTable once = explain_lines(explanation, &peaks, grad->plan->name);
    cr_expect_float_eq(once.all.flops, flops / grad->runs, 1e-9 * flops);
    cr_expect_eq(once.all.kernels, table.all.kernels);
    const ExplainTable none = explain_lines(explanation, &peaks, "none");
    cr_expect_eq(none.row_count, 0);
    arena_destroy(arena);
}

Test(explain, time_is_that_of_what_takes_longer) {
    const PlanKernel kernel = {.flops = 2e9, .bytes = 1e8};
    ExplainStep step = {.kernel = &kernel, .kind = EXPLAIN_PRODUCT};
    const ExplainPeaks peaks = {.flops = 1e11, .bf16_flops = 2e11, .bytes = 1e10};
    bool by_memory;
    cr_expect_float_eq(explain_seconds(&step, &peaks, &by_memory), 0.02, 1e-12);
    cr_expect_not(by_memory);
    step.bf16 = true;
    cr_expect_float_eq(explain_seconds(&step, &peaks, &by_memory), 0.01, 1e-12);
    step.kind = EXPLAIN_LOOPS;
    step.bf16 = false;
    cr_expect_float_eq(explain_seconds(&step, &peaks, &by_memory), 0.04, 1e-12);
    const ExplainPeaks slow = {.flops = 1e11, .bytes = 1e9};
    cr_expect_float_eq(explain_seconds(&step, &slow, &by_memory), 0.1, 1e-12);
    cr_expect(by_memory);
    const ExplainPeaks unknown = {0};
    cr_expect_eq(explain_seconds(&step, &unknown, NULL), 0);
}
