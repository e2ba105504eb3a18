/* The functions of an experiment. */
#include "ir/verify.h"
#include "passes/derive.h"
#include "tests/unit/passes_models.h"
#include "tests/unit/passes_support.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static Module *lowered(Arena *arena, const ModelOptions *options, Model *model) {
    *model = model_build(arena, options);
    Module *module = module_create(arena);
    module_add(module, function_create(arena, "init"));
    module_add(module, model->forward);
    module_add(module, model_update(arena, model));
    return module;
}

static double **values_of(const Function *function, const Model *model) {
    static const double weights[MODEL_IMAGES] = {0.5, 0.5};
    InterpretBinding bindings[MODEL_MAX_BINDINGS + 1];
    memcpy(bindings, model->bindings, sizeof model->bindings);
    bindings[model->count] = (InterpretBinding){"$weight", weights, MODEL_IMAGES};
    InterpretError error;
    double **outputs = interpret(function, bindings, model->count + 1, function->arena, &error);
    cr_assert(outputs, "%s: %s", function->name, error.text);
    return outputs;
}

static void expect_outputs(const Function *function, const char *const *names, size_t count) {
    cr_assert_eq(function->output_count, count, "%s", function->name);
    for (size_t i = 0; i < count; i++)
        cr_expect_str_eq(function->outputs[i].name, names[i]);
}

static const Axes *output_axes(const Function *function, uint32_t which) {
    return &graph_node(function, function->outputs[which].node)->axes;
}

Test(passes_derive, functions_and_their_outputs) {
    Arena *arena = test_arena();
    const ModelOptions options = {.layers = 2};
    Model model;
    const Module *module = derive_experiment(lowered(arena, &options, &model), "b", NULL);
    static const char *const functions[] = {"init", "grad", "update", "eval", "features", "sample"};
    cr_assert_eq(module->function_count, 6);
    for (int i = 0; i < 6; i++)
        cr_expect_str_eq(module->functions[i]->name, functions[i]);
    const char *fault = verify_module(module, arena);
    cr_assert(!fault, "%s", fault);
    static const char *const of_eval[] = {"class", "metric.accuracy", "loss"};
    static const char *const of_features[] = {"tap.feature.0", "tap.feature.1", "tap.feature.2"};
    static const char *const of_sample[] = {"logits"};
    expect_outputs(module_function(module, "eval"), of_eval, 3);
    expect_outputs(module_function(module, "features"), of_features, 3);
    expect_outputs(module_function(module, "sample"), of_sample, 1);
    const Function *sample = module_function(module, "sample");
    cr_expect_eq(output_axes(sample, 0)->at[0], model.b);
    cr_expect_eq(function_find_binding(sample, "label"), NODE_NONE, "sampling needs no label");
    const Function *grad = module_function(module, "grad");
    cr_expect_eq(count_ops(grad, OP_ATTENTION_GRAD), 2);
    cr_expect_eq(grad->output_count, 1 + count_ops(model.forward, OP_PARAM));
    arena_destroy(arena);
}

Test(passes_derive, figures_are_by_image) {
    Arena *arena = test_arena();
    const ModelOptions options = {.layers = 1};
    Model model;
    const Module *module = derive_experiment(lowered(arena, &options, &model), "b", NULL);
    const Function *eval = module_function(module, "eval"), *grad = module_function(module, "grad");
    const Axes b = axes_of(&model.b, 1);
    cr_expect(axes_equal(output_axes(eval, 1), &b) && axes_equal(output_axes(eval, 2), &b));
    cr_expect_eq(graph_node(eval, eval->outputs[1].node)->dtype, DTYPE_F32);
    double **figures = values_of(eval, &model), **gradients = values_of(grad, &model);
    cr_expect_float_eq(gradients[0][0], (figures[2][0] + figures[2][1]) / 2, 1e-9);
    arena_destroy(arena);
}

/* With a head of zeros every colour is as likely: ln v, and the class's loss besides. */
Test(passes_derive, first_loss_is_that_of_a_uniform_guess) {
    Arena *arena = test_arena();
    for (int bert = 0; bert < 2; bert++) {
        const ModelOptions options = {
            .layers = 1, .score = SCORE_TRUE_MASK, .head_is_zero = true, .bert = bert};
        Model model = model_build(arena, &options);
        for (size_t i = 0; i < model.count; i++)
            if (strcmp(model.bindings[i].name, "wclf") == 0)
                memset((double *)(uintptr_t)model.bindings[i].values, 0,
                       (size_t)model.bindings[i].count * sizeof(double));
        Module *forward = module_create(arena);
        module_add(forward, model.forward);
        const Module *module = derive_experiment(forward, "b", NULL);
        double **figures = values_of(module_function(module, "eval"), &model);
        for (int i = 0; i < MODEL_IMAGES; i++)
            cr_expect_float_eq(figures[2][i], log(MODEL_COLOURS) + log(3), 1e-12);
    }
    arena_destroy(arena);
}

/* The update rule moves a param that simplification finds the loss not to depend on. */
Test(passes_derive, a_param_that_drops_out_has_zeros) {
    Arena *arena = test_arena();
    Function *forward = parse_function(
        arena, "func @forward { axis b = 2, d = 3\n"
               "%0: f32[d] = param \"w\" %1: f32[d] = param \"idle\" %2: f32[b, d] = input \"x\" "
               "%3: bool[] = const 0 %4: f32[d] = select %3, %1, %0 %5: f32[b, d] = mul %4, %2 "
               "%6: f32[b] = sum[d] %5 output \"loss\" = %6 }");
    Function *update = parse_function(
        arena, "func @update { axis d = 3\n"
               "%0: f32[d] = param \"w\" %1: f32[d] = input \"grad:w\" %2: f32[d] = sub %0, %1 "
               "%3: f32[d] = param \"idle\" %4: f32[d] = input \"grad:idle\" "
               "%5: f32[d] = sub %3, %4 output \"w\" = %2 output \"idle\" = %5 }");
    Module *module = module_create(arena);
    module_add(module, forward);
    module_add(module, update);
    const Function *grad = module_function(derive_experiment(module, "b", NULL), "grad");
    static const char *const names[] = {"loss", "grad:w", "grad:idle"};
    expect_outputs(grad, names, 3);
    const double w[] = {1, 2, 3}, x[] = {1, 2, 3, 4, 5, 6}, weight[] = {1, 1};
    const InterpretBinding bindings[] = {{"w", w, 3}, {"x", x, 6}, {"$weight", weight, 2}};
    InterpretError error;
    double **outputs = interpret(grad, bindings, 3, arena, &error);
    cr_assert(outputs, "%s", error.text);
    for (int i = 0; i < 3; i++) {
        cr_expect_eq(outputs[1][i], x[i] + x[3 + i]);
        cr_expect_eq(outputs[2][i], 0);
    }
    arena_destroy(arena);
}

/* States that start from their weight do so from any weight; the others are as init has them. */
Test(passes_derive, restart_gives_the_states_that_depend_on_parameters) {
    Arena *arena = test_arena();
    static const char with_states[] =
        "func @init { axis d = 3\n"
        "%0: i32[d] = index[d] %1: f32[d] = cast_f32 %0 %2: f32[] = const 2 "
        "%3: f32[d] = mul %1, %2 %4: f32[d] = mul %1, %1 output \"w\" = %1 output \"w:half\" = %3 "
        "output \"v\" = %4 output \"w:zero\" = %2 output \"v:same\" = %4 }";
    Module *module = module_create(arena);
    module_add(module, parse_function(arena, with_states));
    const Module *derived = derive_experiment(module, "b", NULL);
    const Function *restart = module_function(derived, "restart");
    cr_assert(restart);
    static const char *const names[] = {"w:half", "v:same"};
    expect_outputs(restart, names, 2);
    const char *fault = verify_function(restart, arena);
    cr_assert(!fault, "%s", fault);
    const double w[] = {5, 6, 7}, v[] = {-1, -2, -3};
    const InterpretBinding bindings[] = {{"w", w, 3}, {"v", v, 3}};
    InterpretError error;
    double **outputs = interpret(restart, bindings, 2, arena, &error);
    cr_assert(outputs, "%s", error.text);
    for (int i = 0; i < 3; i++) {
        cr_expect_eq(outputs[0][i], 2 * w[i]);
        cr_expect_eq(outputs[1][i], v[i]);
    }
    Module *plain = module_create(arena);
    module_add(plain, parse_function(arena, "func @init { axis d = 3\n%0: f32[] = const 0 "
                                            "output \"w\" = %0 %1: f32[] = const 0 "
                                            "output \"w:a\" = %1 }"));
    cr_expect_null(module_function(derive_experiment(plain, "b", NULL), "restart"));
    arena_destroy(arena);
}
