/* Computing again: values stay to the bit, memory goes down as far as is asked for and can be, and
 * no more is computed again than that takes. */
#include "ir/text_print.h"
#include "ir/verify.h"
#include "passes/accumulate.h"
#include "passes/check.h"
#include "passes/derive.h"
#include "passes/plan.h"
#include "passes/rewrite.h"
#include "passes/step.h"
#include "tests/unit/passes_models.h"
#include "tests/unit/passes_random.h"
#include "tests/unit/passes_support.h"

#include <criterion/criterion.h>
#include <string.h>

enum { STEPS = 12 };

static const Target *target_of(Arena *arena) {
    Target *target = arena_alloc(arena, sizeof *target);
    char error[256];
    cr_assert(target_find("x86-64-v3", target, error, sizeof error), "%s", error);
    return target;
}

static Function *fused(const Function *function) {
    return pass_fuse(
        pass_layout(pass_cleanup(pass_lower(pass_simplify(function, NULL), NULL), NULL), NULL),
        NULL);
}

static Function *model_gradient(Arena *arena, const ModelOptions *options) {
    Model model = model_build(arena, options);
    Module *module = module_create(arena);
    module_add(module, model.forward);
    return fused(module_function(derive_experiment(module, "b", NULL), "grad"));
}

/* Gradients and update in one. */
static Function *model_step(Arena *arena, const ModelOptions *options) {
    Model model = model_build(arena, options);
    Module *module = module_create(arena);
    Function *update = model_update(arena, &model);
    module_add(module, model.forward);
    module_add(module, update);
    const Function *grad = module_function(derive_experiment(module, "b", NULL), "grad");
    Function *step = function_step(fused(grad), fused(update), "step");
    cr_assert(step);
    return step;
}

static Function *remat(const Function *function, int64_t limit) {
    PassContext context = {.target = target_of(function->arena), .arena_bytes = limit};
    Function *after = pass_remat(function, &context);
    const char *fault = verify_function(after, after->arena);
    cr_assert(!fault, "%s of\n%s", fault, text_print_function(function, function->arena));
    fault = check_same_values(function, after, after->arena);
    cr_assert(!fault, "%s of\n%s", fault, text_print_function(function, function->arena));
    return after;
}

static const PlanFunction *plan_of(const Function *function) {
    PlanBuilder *builder = plan_begin(function->arena, target_of(function->arena));
    const char *fault = plan_add(builder, function);
    cr_assert(!fault, "%s", fault);
    return plan_function(plan_end(builder), function->name);
}

static uint32_t steps_again(const PlanFunction *plan) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < plan->step_count; i++)
        count += plan->steps[i].is_again;
    return count;
}

/* --- models --- */

static void shrink(const Function *before) {
    const PlanFunction *plain = plan_of(before);
    const PlanFunction *small = plan_of(remat(before, 1));
    cr_assert_eq(steps_again(plain), 0);
    cr_expect_gt(steps_again(small), 0);
    cr_expect_lt(small->arena_bytes, plain->arena_bytes);
    cr_expect_eq(plain->step_count + steps_again(small), small->step_count);
    for (int i = 0; i <= STEPS; i++) {
        int64_t limit = plain->arena_bytes - (plain->arena_bytes - small->arena_bytes) * i / STEPS;
        const PlanFunction *plan = plan_of(remat(before, limit));
        cr_expect_leq(plan->arena_bytes, limit);
        cr_expect(i > 0 || steps_again(plan) == 0);
    }
}

static void shrink_model(const ModelOptions *options) {
    Arena *arena = test_arena();
    const Function *gradient = model_gradient(arena, options);
    shrink(gradient);
    shrink(function_accumulate(gradient, "grad_add"));
    shrink(model_step(arena, options));
    arena_destroy(arena);
}

Test(passes_remat, memory_goes_down_to_what_is_asked) {
    for (int layers = 2; layers < 6; layers++)
        shrink_model(&(ModelOptions){.layers = layers});
    shrink_model(&(ModelOptions){.layers = 3, .bert = true}); /* draws are made again */
    shrink_model(&(ModelOptions){.layers = 3, .score = SCORE_ALIBI});
    shrink_model(&(ModelOptions){.layers = 3, .tap_weights = true});
}

static uint32_t count_in_place(const PlanFunction *plan) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < plan->output_count; i++)
        count += plan->outputs[i].donated >= 0;
    return count;
}

/* Without the pass gradients wait for the end. With it a parameter changes when nothing reads the
 * old one any more, be it what runs again; and not before there is a loss. */
Test(passes_remat, updates_come_as_early_as_they_can) {
    Arena *arena = test_arena();
    const Function *before = model_step(arena, &(ModelOptions){.layers = 4});
    const PlanFunction *late = plan_of(before);
    for (int64_t limit = 0; limit < 2; limit++) {
        const PlanFunction *early = plan_of(remat(before, limit));
        cr_expect_lt(early->arena_bytes, late->arena_bytes);
        cr_expect_eq(count_in_place(early), count_in_place(late));
    }
    cr_expect_gt(count_in_place(late), 0);
    arena_destroy(arena);
}

Test(passes_remat, little_memory_is_left_alone) {
    Arena *arena = test_arena();
    const Function *before = model_gradient(arena, &(ModelOptions){.layers = 3});
    cr_expect_eq(steps_again(plan_of(remat(before, 0))), 0);
    arena_destroy(arena);
}

/* Kernels that run again are kernels that were there: there is nothing more to compile. */
Test(passes_remat, no_kernel_is_new) {
    Arena *arena = test_arena();
    const Function *before = model_gradient(arena, &(ModelOptions){.layers = 3});
    PlanBuilder *builder = plan_begin(arena, target_of(arena));
    cr_assert(!plan_add(builder, before));
    uint32_t kernels = plan_end(builder)->kernel_count;
    cr_assert(!plan_add(builder, remat(before, 1)));
    cr_expect_eq(plan_end(builder)->kernel_count, kernels);
    arena_destroy(arena);
}

/* --- any function --- */

/* As if the first output were a loss and all others gradients. */
static Function *as_gradient(const Function *function) {
    Rewrite rewrite = rewrite_begin(function, "grad");
    for (NodeId id = 0; id < function->node_count; id++)
        rewrite_copy(&rewrite, id);
    for (uint32_t i = 0; i < function->output_count; i++)
        function_output(rewrite.to, i ? arena_printf(function->arena, "grad:%u", i) : "loss",
                        rewrite.map[function->outputs[i].node], NULL);
    return rewrite.to;
}

Test(passes_remat, random_functions_keep_their_values) {
    for (uint64_t seed = 0; seed < 300; seed++) {
        Arena *arena = test_arena();
        const Function *before =
            fused(as_gradient(random_function(arena, seed, 24 + (uint32_t)(seed % 48))));
        const Function *after = remat(before, 1);
        cr_expect_leq(plan_of(after)->arena_bytes, plan_of(before)->arena_bytes);
        arena_destroy(arena);
    }
}

Test(passes_remat, other_functions_stay_as_they_are) {
    for (uint64_t seed = 0; seed < 20; seed++) {
        Arena *arena = test_arena();
        const Function *before = fused(random_function(arena, seed, 40));
        cr_expect_str_eq(text_print_function(before, arena),
                         text_print_function(remat(before, 1), arena));
        arena_destroy(arena);
    }
}
