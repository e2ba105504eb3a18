/* step, compiled: to the bit what grad and then update give, in any memory and on any number of
 * threads, with no gradient left over; and what happens when something is not finite. */
#include "passes/step.h"

#include "runtime/training/memory.h"
#include "tests/unit/compiled_training.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static Compiled compile(const CompiledSpec *spec, bool step, Precision precision,
                        int64_t arena_bytes) {
    const CompileOptions options = {
        .step = step, .precision = precision, .arena_bytes = arena_bytes};
    Compiled compiled = compiled_open(spec, &options);
    cr_assert_eq(plan_function(compiled.program.plan, "step") != NULL, step);
    cr_assert_eq(plan_function(compiled.program.plan, "grad") != NULL, !step);
    cr_assert_eq(plan_function(compiled.program.plan, "update") != NULL, !step);
    return compiled;
}

static const CompiledSpec digits = {"models/digits.scan", "ar", 1, NULL, false};
static const CompiledSpec weights_first = {"tests/specs/weights_first.scan", "weights_first", 1,
                                           NULL, true};
static const CompiledSpec cliff = {"tests/specs/cliff.scan", "cliff", 1, NULL, true};

/* --- the same bits --- */

static void expect_same(const CompiledSpec *spec, Precision precision) {
    Compiled apart = compile(spec, false, precision, 0);
    for (int64_t arena_bytes = 0; arena_bytes < 2; arena_bytes++) {
        Compiled whole = compile(spec, true, precision, arena_bytes);
        for (int threads = 1; threads <= 3; threads++)
            compiled_expect_same(&apart, 1, &whole, threads);
        compiled_close(&whole);
    }
    compiled_close(&apart);
}

Test(step, has_the_bits_of_grad_and_update) {
    const CompiledSpec others[] = {
        digits,
        {"models/digits.scan", "bert", 1, NULL, false},
        {"tests/specs/alibi.scan", "ar", 1, NULL, false},
        {"tests/specs/rules.scan", "ar", 1, NULL, false},
        weights_first,
    };
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        expect_same(&others[i], PRECISION_FP32);
}

Test(step, has_the_bits_of_grad_and_update_in_bf16) {
    expect_same(&digits, PRECISION_BF16_EMULATED);
}

/* --- what is planned --- */

static bool writes(const PlanFunction *function, const PlanStep *step, int64_t output) {
    for (uint32_t i = 0; i < step->operand_count; i++) {
        const PlanBuffer *buffer = &function->buffers[step->operands[i]];
        if (buffer->storage == PLAN_OUTPUT && (output < 0 || buffer->binding == output))
            return true;
    }
    return false;
}

/* All is in place, behind the loss. */
static void expect_in_place(const Compiled *compiled) {
    const PlanFunction *step = plan_function(compiled->program.plan, "step");
    const int64_t loss = plan_find_output(step, "loss");
    uint32_t model = 0, first = 0;
    while (!writes(step, &step->steps[first], -1))
        first++;
    cr_expect(writes(step, &step->steps[first], loss));
    for (uint32_t i = 0; i < step->output_count; i++) {
        const PlanBinding *output = &step->outputs[i];
        if (i == loss || output->name[0] == '$')
            continue;
        model++;
        cr_assert_geq(output->donated, 0, "%s", output->name);
        cr_expect_str_eq(step->inputs[output->donated].name, output->name);
    }
    cr_expect_eq(model, compiled->experiment.parameter_count + compiled->experiment.state_count);
}

/* A plan that reads what it has replaced is refused when it is read. */
static void expect_sound(const Compiled *compiled) {
    PlanError error = {{0}};
    char *text = plan_write(compiled->program.plan, &error);
    cr_assert(text, "%s", error.text);
    Plan *plan = plan_read(text, strlen(text), &error);
    cr_expect(plan, "%s", error.text);
    plan_free(plan);
    free(text);
}

Test(step, changes_the_model_in_its_place) {
    const CompiledSpec *const specs[] = {&digits, &weights_first};
    for (int i = 0; i < 2; i++)
        for (int64_t arena_bytes = 0; arena_bytes < 2; arena_bytes++) {
            Compiled whole = compile(specs[i], true, PRECISION_FP32, arena_bytes);
            expect_in_place(&whole);
            expect_sound(&whole);
            compiled_close(&whole);
        }
}

/* Of all gradients a few are there at a time. */
Test(step, takes_the_memory_of_gradients_away) {
    Compiled apart = compile(&digits, false, PRECISION_FP32, 0);
    Compiled whole = compile(&digits, true, PRECISION_FP32, 0);
    const Program programs[] = {
        {.experiment = &apart.experiment,
         .plan = apart.program.plan,
         .kernels = apart.program.kernels},
        {.experiment = &whole.experiment,
         .plan = whole.program.plan,
         .kernels = whole.program.kernels},
    };
    const MemoryUse before = program_memory(&programs[0], 2);
    const MemoryUse after = program_memory(&programs[1], 2);
    cr_expect_lt(after.peak, before.peak - before.parameters / 2, "%lld, %lld",
                 (long long)after.peak, (long long)before.peak);
    compiled_close(&apart);
    compiled_close(&whole);
}

/* What must know all gradients first is done as ever; what must know all old weights too, where
 * that is not apart from what changes them. */
Test(step, is_not_there_where_a_rule_needs_all_gradients) {
    const char *const rules[] = {"by_gradients(lr = 0.1)", "by_weights(lr = 0.1)"};
    const CompileOptions asked = {.step = true}, not_asked = {0};
    for (int i = 0; i < 2; i++) {
        const CompiledSpec spec = {"tests/specs/rules.scan", "ar", 1, rules[i], false};
        Compiled compiled = compiled_open(&spec, &asked), other = compiled_open(&spec, &not_asked);
        cr_expect(i == 1 || !plan_function(compiled.program.plan, "step"));
        for (int threads = 1; threads <= 2; threads++)
            compiled_expect_same(&other, 1, &compiled, threads);
        compiled_close(&compiled);
        compiled_close(&other);
    }
}

/* --- what is not finite --- */

typedef struct Failed {
    RunError error;
    bool is_spoilt;
    float kept; /* the element after the one that was poisoned, when it failed; before: 3 */
} Failed;

/* The first step, with an element of parameter 0 set to `poison`. */
static Failed fail_with(float poison, int threads) {
    Compiled compiled = compile(&cliff, true, PRECISION_FP32, 0);
    const Program program = {.experiment = &compiled.experiment,
                             .plan = compiled.program.plan,
                             .kernels = compiled.program.kernels};
    Failed failed = {0};
    uint32_t step = 1;
    float loss;
    Trainer *trainer = trainer_create(&program, NULL, threads, &failed.error);
    cr_assert(trainer && trainer_init(trainer, &failed.error), "%s", failed.error.text);
    cr_assert_str_eq(compiled.experiment.parameters[0].path, "p");
    float *p = trainer_model(trainer)->parameters.values[0];
    p[5] = poison;
    cr_expect_not(trainer_step_on(trainer, step, compiled_fill, &step, &loss, &failed.error));
    cr_expect_eq(failed.error.code, EXIT_DIVERGED);
    failed.is_spoilt = trainer_is_spoilt(trainer);
    failed.kept = p[6];
    trainer_free(trainer);
    compiled_close(&compiled);
    return failed;
}

Test(step, a_loss_that_is_not_finite_leaves_the_model_as_it_was) {
    static const float poisons[] = {1e30f, NAN}; /* its square is not finite; it is not itself */
    static const char *const said[] = {"step 1: inf first in ", "step 0: its update left NaN in p"};
    for (int i = 0; i < 2; i++)
        for (int threads = 1; threads <= 2; threads++) {
            const Failed failed = fail_with(poisons[i], threads);
            cr_expect(strstr(failed.error.text, said[i]), "%s", failed.error.text);
            cr_expect_not(failed.is_spoilt);
            cr_expect_eq(failed.kept, 3);
        }
}

Test(step, a_gradient_that_is_not_finite_is_named) {
    for (int threads = 1; threads <= 2; threads++) {
        const Failed failed = fail_with(0, threads);
        cr_expect_str_eq(failed.error.text, "step 1: the gradient of p is not finite");
        cr_expect(failed.is_spoilt);
    }
}
