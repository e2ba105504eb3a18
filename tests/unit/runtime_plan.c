/* The file form of plans: what is written comes back, and nothing that could leave its buffers gets
 * through. */
#include "ir/philox.h"
#include "runtime/execution/plan.h"
#include "tests/unit/runtime_model.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static Plan *read_text(const char *text, PlanError *error) {
    error->text[0] = 0;
    return plan_read(text, strlen(text), error);
}

Test(plan, comes_back_as_the_same_bytes) {
    PlanError error;
    char *text = test_model_plan_text(8);
    Plan *plan = read_text(text, &error);
    cr_assert(plan, "%s", error.text);
    char *first = plan_write(plan, &error);
    cr_assert(first, "%s", error.text);
    Plan *again = read_text(first, &error);
    cr_assert(again, "%s", error.text);
    char *second = plan_write(again, &error);
    cr_assert_str_eq(first, second);
    plan_free(plan);
    plan_free(again);
    free(text);
    free(first);
    free(second);
}

Test(plan, finds_by_name) {
    TestModel *model = test_model_create(16, 2, 10, 0.1);
    const PlanFunction *grad = plan_function(model->plan, "grad");
    cr_assert(grad);
    cr_assert_null(plan_function(model->plan, "absent"));
    cr_assert_eq(plan_find_input(grad, "label"), 3);
    cr_assert_eq(plan_find_output(grad, "grad:c"), 2);
    cr_assert_eq(plan_find_output(grad, "label"), -1);
    cr_assert_eq(plan_scratch_bytes(model->plan, grad), 256);
    cr_assert_eq(plan_scratch_bytes(model->plan, plan_function(model->plan, "update")), 0);
    test_model_free(model);
}

/* The text with the first `old` after `after` replaced by `new`. */
static char *replaced(const char *text, const char *after, const char *old, const char *new) {
    const char *start = strstr(text, after);
    cr_assert(start, "no %s", after);
    const char *at = strstr(start, old);
    cr_assert(at, "no %s after %s", old, after);
    char *result = NULL;
    cr_assert(asprintf(&result, "%.*s%s%s", (int)(at - text), text, new, at + strlen(old)) >= 0);
    return result;
}

typedef struct Fault {
    const char *after, *old, *new, *reason;
} Fault;

static const Fault faults[] = {
    {"scanline_plan", ":7,", ":2,", "version"},
    {"scanline_plan", ":7,", ":7.0,", "version"},
    {"'target'", "\"test\"", "7", "target"},
    {"'table'", "\"none\"", "7", "table"},
    {"'init'", "\"tiles\":1", "\"tiles\":0", "tiles"},
    {"'init'", "\"tiles\":1", "\"tiles\":9223372036854775807", "tiles"},
    {"'init'", "\"scratch\":0", "\"scratch\":-64", "scratch"},
    {"'init'", "\"outputs\":4", "\"outputs\":0", "malformed"},
    {"'init'", "\"outputs\":4", "\"outputs\":6", "outputs"},
    {"'init'", "[\"i32\",1]", "[\"i32\",2]", "another size"},
    {"'init'", "[\"i32\",1]", "[\"f32\",1]", "another size"},
    {"'init'", "[\"i32\",1]", "[\"f64\",1]", "type"},
    {"'init'", "[\"i32\",1]", "[\"i32\",-1]", "elements"},
    {"'init'", "[\"i32\",1]", "[\"i32\"]", "elements"},
    {"'predict'", "predict", "init", "twice"},
    {"'grad','arena'", "\"arena\":1024", "\"arena\":512", "not in its arena"},
    {"'grad','arena'", "[\"arena\",\"f32\",8,512]", "[\"arena\",\"f32\",8,516]", "not in its"},
    {"'grad','arena'", "[\"arena\",\"f32\",8,512]", "[\"arena\",\"f32\",8,0]", "own operand"},
    {"'grad','arena'", "[\"arena\",\"f32\",8,512]", "[\"arena\",\"f32\",8,4611686018427387904]",
     "offset"},
    {"'grad','arena'", "[\"arena\",\"f32\",8,512]", "[\"arena\",\"f32\",70368744177664,512]",
     "not in its"},
    {"'grad','arena'", "[\"arena\",\"f32\",8,512]", "[\"own\",\"f32\",8,0]", "for itself"},
    {"'eval','arena'", "[\"own\",\"f32\",8,0]", "[\"own\",\"f32\",8,512]", "not in its"},
    {"'eval','arena'", "\"own\":512", "\"own\":-1", "own"},
    {"'grad','arena'", "[\"input\",4]", "[\"input\",5]", "binding"},
    {"'grad','arena'", "[\"input\",4]", "[\"input\",3]", "one binding"},
    {"'grad','arena'", "[\"input\",4]", "[\"stack\",4]", "storage"},
    {"'grad','arena'", "[\"n\",64]", "[\"n\",63]", "another size"},
    {"'grad','arena'", "[\"n\",64]", "[\"n\",70368744177665]", "axes"},
    {"'grad','arena'", "[0,1,2,5]", "[0,1,2,6]", "not there"},
    {"'grad','arena'", "[0,1,2,5]", "[0,1,2,99]", "no such buffer"},
    {"'grad','arena'", "[0,1,2,5]", "[0,1,2]", "does not fit"},
    {"'grad','arena'", "[0,1,2,5]", "[0,1,2,4]", "writes an input"},
    {"'grad','arena'", "\"kernel\":1", "\"kernel\":8", "no kernel"},
    {"'grad','arena'", "\"immediates\":[8]", "\"immediates\":[]", "does not fit"},
    {"'grad','arena'", "{\"kernel\":4,\"operands\":[6,9]", "{\"kernel\":4,\"operands\":[6,7]",
     "never written"},
    {"'grad','arena'", "\"grad:w\"", "\"loss\"", "twice"},
    {"'update','arena'", "\"donated\":0", "\"donated\":3", "its donor"},
    {"'update','arena'", "\"donated\":0", "\"donated\":2", "place of one input"},
    {"'update','arena'", "\"donated\":0", "\"donated\":7", "its donor"},
    {"'update','arena'", "\"donated\":-1", "\"donated\":0", "has a donor"},
};

Test(plan, refuses_what_could_leave_its_buffers) {
    char *text = test_model_plan_text(8);
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        char after[64];
        snprintf(after, sizeof after, "%s", faults[i].after);
        for (char *at = after; *at; at++)
            *at = *at == '\'' ? '"' : *at;
        char *faulty = replaced(text, after, faults[i].old, faults[i].new);
        PlanError error;
        Plan *plan = read_text(faulty, &error);
        cr_assert_null(plan, "accepted: %s -> %s", faults[i].old, faults[i].new);
        cr_assert(strstr(error.text, faults[i].reason), "%s -> %s: %s", faults[i].old,
                  faults[i].new, error.text);
        free(faulty);
    }
    free(text);
}

Test(plan, refuses_what_is_not_json) {
    PlanError error;
    cr_assert_null(plan_read("", 0, &error));
    cr_assert_null(plan_read("[]", 2, &error));
    cr_assert_null(plan_read("{\"scanline_plan\":7}", 19, &error));
    cr_assert_null(plan_read("{\"a\":1,\"a\":2}", 13, &error));
}

/* A plan that plan_read lets through must write and come back: the walk touches every index. */
static void survives(const char *text, size_t length) {
    PlanError error;
    Plan *plan = plan_read(text, length, &error);
    if (!plan)
        return;
    char *written = plan_write(plan, &error);
    cr_assert(written);
    for (uint32_t f = 0; f < plan->function_count; f++)
        for (uint32_t s = 0; s < plan->functions[f].step_count; s++) {
            const PlanStep *step = &plan->functions[f].steps[s];
            cr_assert_lt(step->kernel, plan->kernel_count);
            for (uint32_t i = 0; i < step->operand_count; i++)
                cr_assert_lt(step->operands[i], plan->functions[f].buffer_count);
        }
    free(written);
    plan_free(plan);
}

Test(plan, survives_mutations) {
    static const char pieces[][8] = {"-1", "0", "99", "[]", "{}", "null", "\"\"", "1e9", "[", "]"};
    char *text = test_model_plan_text(8);
    size_t length = strlen(text);
    char *mutant = malloc(length + 16);
    for (uint32_t round = 0; round < 4000; round++) {
        PhiloxBlock random = philox4x32((PhiloxBlock){{round, 0, 0, 0}}, 1, 2);
        memcpy(mutant, text, length);
        size_t at = random.word[0] % length, size = length;
        if (random.word[1] % 3 == 0) {
            mutant[at] = (char)random.word[2];
        } else if (random.word[1] % 3 == 1) {
            const char *piece = pieces[random.word[2] % 10];
            size_t more = strlen(piece);
            memmove(mutant + at + more, mutant + at, length - at);
            memcpy(mutant + at, piece, more);
            size += more;
        } else {
            mutant[at] = (char)('0' + random.word[2] % 10);
            mutant[random.word[3] % length] = ' ';
        }
        survives(mutant, size);
    }
    free(mutant);
    free(text);
}
