/* Parameters taken over from another model's checkpoint. */
#include "runtime/run/checkpoint.h"
#include "runtime/run/inherit.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char path[64];
static Parameter parents[] = {{"w", 2, {"d", "f"}, {2, 3}, 6}, {"old", 1, {"d"}, {2}, 2}},
                 state = {"w:m", 2, {"d", "f"}, {2, 3}, 6};
static Parameter children[] = {{"new", 1, {"d"}, {2}, 2}, {"w", 2, {"d", "f"}, {2, 3}, 6}};

static void make_parent(void) {
    FileError error;
    strcpy(path, "/tmp/scanline-inherit-XXXXXX");
    close(mkstemp(path));
    float w[] = {1, 2, 3, 4, 5, -0.0f}, old[] = {7, 8}, m[6] = {9};
    float *values[] = {w, old}, *states[] = {m};
    const Experiment experiment = {.spec = "",
                                   .parameters = parents,
                                   .parameter_count = 2,
                                   .states = &state,
                                   .state_count = 1};
    const CheckpointState at = {.step = 3};
    cr_assert(checkpoint_write(path, &experiment, values, states, &at, &error), "%s", error.text);
}

static void remove_parent(void) { unlink(path); }

TestSuite(inherit, .init = make_parent, .fini = remove_parent);

static Experiment child_of(Parameter *parameters, uint32_t count) {
    return (Experiment){.parameters = parameters, .parameter_count = count};
}

Test(inherit, takes_what_both_have) {
    RunError error;
    Inherited inherited;
    Experiment child = child_of(children, 2);
    cr_assert(inherit_check(&(Program){.experiment = &child}, path, &inherited, &error), "%s",
              error.text);
    cr_expect_eq(inherited.taken, 1);
    cr_expect_eq(inherited.fresh, 1);
    cr_expect_str_eq(inherited.fresh_paths, "new");
    cr_expect_eq(inherited.unused, 1, "states are none");
    cr_expect_str_eq(inherited.unused_paths, "old");
    Model model;
    cr_assert(model_create(&model, &child, false, &error));
    model.parameters.values[0][1] = 0.5f;
    cr_assert(inherit_parameters(&(Program){.experiment = &child}, &model, path, &error), "%s",
              error.text);
    static const float w[] = {1, 2, 3, 4, 5, -0.0f};
    cr_expect_eq(memcmp(model.parameters.values[1], w, sizeof w), 0);
    cr_expect_eq(model.parameters.values[0][1], 0.5f, "what is new keeps its initial value");
    model_free(&model);
}

static void refused(Parameter *parameters, uint32_t count, const char *reason) {
    RunError error;
    Inherited inherited;
    Experiment child = child_of(parameters, count);
    cr_assert_not(inherit_check(&(Program){.experiment = &child}, path, &inherited, &error));
    cr_expect_eq(error.code, EXIT_INPUT);
    cr_expect(strstr(error.text, reason), "%s", error.text);
}

Test(inherit, refuses_other_shapes_and_other_models) {
    Parameter other[] = {children[0], children[1]};
    other[1].extents[0] = 4;
    refused(other, 2, "'w' is F32 [d = 4, f = 3] here and F32 [2, 3] in");
    Model model;
    RunError error;
    Experiment child = child_of(other, 2);
    cr_assert(model_create(&model, &child, false, &error));
    cr_expect_not(inherit_parameters(&(Program){.experiment = &child}, &model, path, &error),
                  "more than was reserved was read");
    model_free(&model);
    other[1] = children[1];
    other[1].axis_count = 1;
    refused(other, 2, "here and F32 [2, 3] in");
    refused(children, 1, "nothing to start from");
    cr_assert_eq(truncate(path, 100), 0);
    refused(children, 2, path);
}

/* A classifier of another number of classes is another's. */
Test(inherit, what_is_of_other_classes_is_new) {
    Parameter other[] = {children[0], children[1]};
    other[1].extents[1] = 5;
    PlanBinding output = {.name = "class", .axis_count = 2, .axes = {"b", "f"}};
    PlanFunction function = {.name = "eval", .output_count = 1, .outputs = &output};
    const Plan plan = {.function_count = 1, .functions = &function};
    Experiment child = child_of(other, 2);
    const Program program = {.experiment = &child, .plan = &plan};
    Parameter same[] = {{"old", 1, {"d"}, {2}, 2}, other[1]};
    Experiment with_old = child_of(same, 2);
    const Program able = {.experiment = &with_old, .plan = &plan};
    RunError error;
    Inherited inherited;
    cr_assert(inherit_check(&able, path, &inherited, &error), "%s", error.text);
    cr_expect_eq(inherited.taken, 1);
    cr_expect_str_eq(inherited.fresh_paths, "w");
    Model model;
    cr_assert(model_create(&model, &with_old, false, &error));
    model.parameters.values[1][0] = 0.5f;
    cr_assert(inherit_parameters(&able, &model, path, &error), "%s", error.text);
    cr_expect_eq(model.parameters.values[1][0], 0.5f);
    cr_expect_eq(model.parameters.values[0][0], 7);
    model_free(&model);
    output.axes[1] = "c"; /* another axis is no matter of classes */
    cr_expect_not(inherit_check(&program, path, &inherited, &error));
}

Test(inherit, long_lists_are_shortened) {
    enum { COUNT = 200 };
    static Parameter many[COUNT + 1];
    static char names[COUNT][24];
    RunError error;
    Inherited inherited;
    for (int i = 0; i < COUNT; i++) {
        snprintf(names[i], sizeof names[i], "block.%d.w", i);
        many[i] = (Parameter){names[i], 0, {0}, {0}, 1};
    }
    many[COUNT] = children[1];
    Experiment child = child_of(many, COUNT + 1);
    cr_assert(inherit_check(&(Program){.experiment = &child}, path, &inherited, &error), "%s",
              error.text);
    size_t length = strlen(inherited.fresh_paths);
    cr_expect_eq(inherited.fresh, COUNT);
    cr_expect_str_eq(inherited.fresh_paths + length - 5, ", ...");
    cr_expect_eq(strncmp(inherited.fresh_paths, "block.0.w, block.1.w, ", 22), 0);
}
