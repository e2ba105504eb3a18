/* What the runtime is told of an experiment besides its code. */
#include "frontend/lowering.h"
#include "ir/order.h"

#include <string.h>

Parameter experiment_parameter(const Lowering *l, const char *path, const Axes *axes) {
    const Function *function = l->functions[GRAPH_FORWARD];
    Parameter parameter = {.path = path, .axis_count = axes->count, .elements = 1};
    for (int i = 0; i < axes->count; i++) {
        const Axis *axis = graph_axis(function, axes->at[i]);
        parameter.axes[i] = axis->name;
        parameter.extents[i] = axis->extent;
        parameter.elements *= axis->extent;
    }
    return parameter;
}

static void describe_parameters(const Lowering *l, const Function *forward,
                                Experiment *experiment) {
    experiment->parameters = arena_array(l->arena, l->parameter_count, sizeof(Parameter));
    for (uint32_t i = 0; i < l->parameter_count; i++) {
        const ParameterRecord *record = l->parameters[i];
        if (function_find_binding(forward, record->path) != NODE_NONE)
            experiment->parameters[experiment->parameter_count++] =
                experiment_parameter(l, record->path, &record->axes);
    }
}

static bool describe_input(Lowering *l, const InputDecl *declaration, const Node *node,
                           DataInput *input) {
    const Axes batch = axes_of(&l->batch, 1);
    const Function *function = l->functions[GRAPH_FORWARD];
    const Axes own = axes_minus(&node->axes, &batch);
    *input = (DataInput){.name = declaration->name.text, .axis_count = own.count};
    for (int i = 0; i < own.count; i++) {
        input->axes[i] = graph_axis(function, own.at[i])->name;
        input->extents[i] = graph_axis(function, own.at[i])->extent;
    }
    if (!lower_integer(l, declaration->limit, "the limit of an input", &input->limit))
        return false;
    if (input->limit >= 1 && input->limit <= INT32_MAX)
        return true;
    diagnostics_error(l->diagnostics, "bad-limit", declaration->limit->span,
                      "values of '%s' are from 0 to below a limit: it cannot be %lld",
                      declaration->name.text, (long long)input->limit);
    return false;
}

/* The inputs that the objective reads. */
static bool describe_inputs(Lowering *l, const Function *forward, Experiment *experiment) {
    bool sound = true;
    experiment->inputs = arena_array(l->arena, l->spec->input_count, sizeof(DataInput));
    for (uint32_t i = 0; i < l->spec->input_count; i++) {
        const InputDecl *declaration = l->spec->inputs[i];
        const Value *value = names_find(&l->inputs, declaration->name.text);
        if (!value || value->kind == VALUE_UNKNOWN ||
            function_find_binding(forward, declaration->name.text) == NODE_NONE)
            continue;
        const Node *node = graph_node(l->functions[GRAPH_FORWARD], value->node);
        sound &=
            describe_input(l, declaration, node, &experiment->inputs[experiment->input_count++]);
    }
    return sound;
}

static void describe_outputs(const Lowering *l, Experiment *experiment) {
    static const char prefix[] = "metric.";
    experiment->taps = arena_array(l->arena, l->tap_count, sizeof(TapSeries));
    experiment->tap_count = l->tap_count;
    for (uint32_t i = 0; i < l->tap_count; i++)
        experiment->taps[i] = (TapSeries){l->taps[i]->name, l->taps[i]->count};
    experiment->metrics = arena_array(l->arena, l->figure_count, sizeof(char *));
    for (uint32_t i = 0; i < l->figure_count; i++)
        if (strncmp(l->figures[i]->name, prefix, sizeof prefix - 1) == 0)
            experiment->metrics[experiment->metric_count++] =
                l->figures[i]->name + sizeof prefix - 1;
}

/* Whether images can be drawn pixel by pixel. */
static bool is_autoregressive(const Lowering *l, const Function *forward,
                              const Experiment *experiment) {
    NodeId logits = function_find_output(forward, "logits");
    for (uint32_t i = 0; i < experiment->input_count && logits != NODE_NONE; i++) {
        const DataInput *input = &experiment->inputs[i];
        if (strcmp(input->name, "tokens") == 0)
            return input->axis_count == 1 &&
                   order_is_autoregressive(l->arena, forward, logits, input->name, input->axes[0]);
    }
    return false;
}

bool experiment_describe(Lowering *l, const SpecObjective *objective, const Function *forward,
                         Experiment *experiment) {
    const Spec *spec = l->spec;
    *experiment = (Experiment){.name = spec->name,
                               .settings = spec->settings,
                               .setting_count = spec->setting_count,
                               .data = spec->data,
                               .train = spec->train,
                               .probe = spec->probe,
                               .sample = spec->sample};
    experiment->train.objective = objective->address;
    describe_parameters(l, forward, experiment);
    describe_outputs(l, experiment);
    Frame frame = {0};
    l->scope = scope_open(l, &frame, "", "");
    bool sound = describe_inputs(l, forward, experiment);
    for (uint32_t i = 0; i < experiment->input_count; i++)
        experiment->data.labelled |= strcmp(experiment->inputs[i].name, "label") == 0;
    l->scope = NULL;
    experiment->autoregressive = is_autoregressive(l, forward, experiment);
    return sound;
}
