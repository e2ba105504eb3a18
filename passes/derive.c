/* Every function but init and update is part of the forward function, simplified, with its
 * attention recognised. What the caller sees has the batch axis first. */
#include "passes/derive.h"

#include "ir/build.h"
#include "passes/attention.h"
#include "passes/rewrite.h"

#include <string.h>

typedef struct Derivation {
    const Function *forward;
    AxisId batch;
    Module *module;
} Derivation;

static bool has_prefix(const char *text, const char *prefix) {
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

/* --- what the caller sees --- */

static NodeId batch_first(Function *function, NodeId node, AxisId batch) {
    const Axes axes = graph_node(function, node)->axes;
    const Axes first = axes_of(&batch, 1), order = axes_union(&first, &axes);
    return axes_has(&axes, batch) ? build_reordered(function, node, &order) : node;
}

/* A number of any type, of each image or of all, as f32[batch]. */
static NodeId as_figure(Function *function, NodeId node, AxisId batch) {
    if (graph_node(function, node)->dtype != DTYPE_F32)
        node = build_unary(function, OP_CAST_F32, node);
    const Axes axes = axes_of(&batch, 1);
    return build_broadcast(function, node, &axes);
}

typedef NodeId Presentation(Function *function, NodeId node, AxisId batch);

/* How an output of the forward function is given by a function of that name; NULL: it is not. */
typedef Presentation *Choice(const char *output);

static Presentation *in_eval(const char *output) {
    if (strcmp(output, "loss") == 0 || has_prefix(output, "metric."))
        return as_figure;
    return strcmp(output, "class") == 0 ? batch_first : NULL;
}

static Presentation *in_features(const char *output) {
    return has_prefix(output, "tap.") ? batch_first : NULL;
}

static Presentation *in_sample(const char *output) {
    return strcmp(output, "logits") == 0 ? batch_first : NULL;
}

static void add_part(const Derivation *derivation, const char *name, Choice *choice) {
    const Function *forward = derivation->forward;
    Rewrite rewrite = rewrite_all(forward, name);
    for (uint32_t i = 0; i < forward->output_count; i++) {
        const Output *output = &forward->outputs[i];
        Presentation *presentation = choice(output->name);
        if (presentation)
            function_output(rewrite.to, output->name,
                            presentation(rewrite.to, rewrite.map[output->node], derivation->batch),
                            NULL);
    }
    if (rewrite.to->output_count)
        module_add(derivation->module, function_prune(rewrite.to));
}

/* --- the gradient --- */

/* The gradients that `update` reads, in its order, and the loss: zeros of what the simplified loss
 * does not depend on. */
static Function *match_update(const Function *gradient, const Function *update) {
    Rewrite rewrite = rewrite_all(gradient, NULL);
    const NodeId loss = function_find_output(gradient, "loss");
    function_output(rewrite.to, "loss", rewrite.map[loss], NULL);
    for (NodeId id = 0; id < update->node_count; id++) {
        const Node *input = graph_node(update, id);
        const char *name = input->attributes.name;
        if ((input->op != OP_INPUT && input->op != OP_PARAM) || !has_prefix(name, "grad:"))
            continue;
        const NodeId known = function_find_output(gradient, name);
        if (known != NODE_NONE) {
            function_output(rewrite.to, name, rewrite.map[known], NULL);
            continue;
        }
        Axes axes = {0};
        for (int i = 0; i < input->axes.count; i++) {
            const Axis *axis = graph_axis(update, input->axes.at[i]);
            axes_append(&axes, function_axis(rewrite.to, axis->name, axis->extent));
        }
        const NodeId zero = build_const(rewrite.to, DTYPE_F32, 0);
        function_output(rewrite.to, name, build_broadcast(rewrite.to, zero, &axes), NULL);
    }
    return function_prune(rewrite.to);
}

static void add_gradient(const Derivation *derivation, const Function *update,
                         PassContext *context) {
    if (function_find_output(derivation->forward, "loss") == NODE_NONE)
        return;
    const Function *gradient =
        function_gradient(derivation->forward, "grad", derivation->batch, context);
    if (update)
        gradient = match_update(gradient, update);
    module_add(derivation->module, pass_cleanup(gradient, context));
}

/* --- states of parameters that are given --- */

/* Which nodes of init are parameters, and which depend on one; by node. */
static void find_parameters(const Function *init, const char **paths, bool *dependent) {
    for (uint32_t i = 0; i < init->output_count; i++)
        if (!strchr(init->outputs[i].name, ':'))
            paths[init->outputs[i].node] = init->outputs[i].name;
    for (NodeId id = 0; id < init->node_count; id++) {
        const Node *node = graph_node(init, id);
        dependent[id] = paths[id] != NULL;
        for (uint32_t k = 0; k < node->source_count; k++)
            dependent[id] |= dependent[node->sources[k]];
    }
}

/* A run that starts from the parameters of another needs first values of the states that depend on
 * them: init with its parameters as inputs. */
static void add_restart(const Derivation *derivation, const Function *init) {
    const char **paths = arena_array(init->arena, init->node_count, sizeof *paths);
    bool *dependent = arena_array(init->arena, init->node_count, sizeof *dependent);
    find_parameters(init, paths, dependent);
    Rewrite rewrite = rewrite_begin(init, "restart");
    for (NodeId id = 0; id < init->node_count; id++) {
        if (!paths[id]) {
            rewrite_copy(&rewrite, id);
            continue;
        }
        const Node *initial = graph_node(init, id);
        rewrite.map[id] = graph_add(rewrite.to, (Node){.op = OP_INPUT,
                                                       .dtype = DTYPE_F32,
                                                       .axes = initial->axes,
                                                       .attributes.name = paths[id],
                                                       .spans = initial->spans});
    }
    for (uint32_t i = 0; i < init->output_count; i++) {
        const Output *output = &init->outputs[i];
        if (strchr(output->name, ':') && dependent[output->node])
            function_output(rewrite.to, output->name, rewrite.map[output->node], NULL);
    }
    if (rewrite.to->output_count)
        module_add(derivation->module, function_prune(rewrite.to));
}

Module *derive_experiment(const Module *lowered, const char *batch, PassContext *context) {
    Derivation derivation = {.module = module_create(lowered->arena)};
    const Function *forward = module_function(lowered, "forward");
    Function *init = module_function(lowered, "init");
    Function *update = module_function(lowered, "update");
    if (init)
        module_add(derivation.module, init);
    if (forward) {
        Function *simple = attention_recognise(pass_simplify(forward, context), context);
        derivation.batch = function_find_axis(simple, batch);
        if (derivation.batch == AXIS_NONE)
            derivation.batch = function_axis(simple, batch, 1); /* nothing in it is by image */
        derivation.forward = simple;
        add_gradient(&derivation, update, context);
    }
    if (update)
        module_add(derivation.module, update);
    if (forward) {
        add_part(&derivation, "eval", in_eval);
        add_part(&derivation, "features", in_features);
        add_part(&derivation, "sample", in_sample);
    }
    if (init)
        add_restart(&derivation, init);
    return derivation.module;
}
