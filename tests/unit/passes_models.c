#include "tests/unit/passes_models.h"

#include "ir/build.h"
#include "tests/unit/passes_support.h"

#include <math.h>
#include <string.h>

typedef struct Builder {
    Model model;
    Function *function;
    const ModelOptions *options;
    Draws draws;
} Builder;

/* --- bindings --- */

static Axes axes_from(const AxisId *at, size_t count) { return axes_of(at, count); }

#define AXES(...)                                                                                  \
    axes_from((AxisId[]){__VA_ARGS__}, sizeof((AxisId[]){__VA_ARGS__}) / sizeof(AxisId))

static void bind(Builder *builder, NodeId id, double least, double most, bool whole) {
    const Node *node = graph_node(builder->function, id);
    const int64_t count = graph_elements(builder->function, node);
    double *values = arena_array(builder->function->arena, (size_t)count, sizeof *values);
    for (int64_t i = 0; i < count; i++) {
        values[i] = draw_between(&builder->draws, least, most);
        if (whole)
            values[i] = floor(values[i]);
    }
    builder->model.bindings[builder->model.count++] =
        (InterpretBinding){node->attributes.name, values, count};
}

static NodeId param(Builder *builder, const char *prefix, const char *name, const Axes *axes,
                    double size) {
    const char *path = arena_printf(builder->function->arena, "%s%s", prefix, name);
    const NodeId id = build_param(builder->function, path, DTYPE_F32, axes);
    bind(builder, id, -size, size, false);
    return id;
}

static NodeId integer_input(Builder *builder, const char *name, const Axes *axes, int64_t limit) {
    const NodeId id = build_input(builder->function, name, DTYPE_I32, axes);
    bind(builder, id, 0, (double)limit, true);
    return id;
}

/* --- short hands --- */

static NodeId real(Builder *builder, double value) {
    return build_const(builder->function, DTYPE_F32, value);
}

static NodeId binary(Builder *builder, OpCode op, NodeId a, NodeId b) {
    return build_binary(builder->function, op, a, b);
}

static NodeId unary(Builder *builder, OpCode op, NodeId a) {
    return build_unary(builder->function, op, a);
}

static NodeId sum_of_product(Builder *builder, NodeId a, NodeId b, Axes over) {
    return build_along(builder->function, OP_SUM, binary(builder, OP_MUL, a, b), &over);
}

static double extent(const Builder *builder, AxisId axis) {
    return (double)graph_axis(builder->function, axis)->extent;
}

static NodeId mean(Builder *builder, NodeId a, AxisId axis) {
    const Axes over = AXES(axis);
    return binary(builder, OP_DIV, build_along(builder->function, OP_SUM, a, &over),
                  real(builder, extent(builder, axis)));
}

/* --- layers --- */

static NodeId norm(Builder *builder, NodeId x, const char *prefix) {
    const Axes d = AXES(builder->model.d);
    const NodeId square = binary(builder, OP_POW, x, real(builder, 2));
    const NodeId size =
        binary(builder, OP_ADD, mean(builder, square, builder->model.d), real(builder, 1e-5));
    const NodeId scaled = binary(builder, OP_MUL, x, unary(builder, OP_RSQRT, size));
    return binary(builder, OP_MUL, scaled, param(builder, prefix, ".g", &d, 1));
}

static NodeId mask(Builder *builder, NodeId see, NodeId score) {
    return build_select(builder->function, see, score, real(builder, -INFINITY));
}

/* m - n as f32 */
static NodeId distance(Builder *builder) {
    const NodeId column = build_index(builder->function, builder->model.m);
    const NodeId row = build_index(builder->function, builder->model.n);
    return unary(builder, OP_CAST_F32, binary(builder, OP_SUB, column, row));
}

static NodeId causal(Builder *builder, OpCode op) {
    return binary(builder, op, build_index(builder->function, builder->model.m),
                  build_index(builder->function, builder->model.n));
}

/* 2 ^ -(h + 1) */
static NodeId slope(Builder *builder) {
    const NodeId head =
        unary(builder, OP_CAST_F32, build_index(builder->function, builder->model.h));
    const NodeId exponent =
        unary(builder, OP_NEGATE, binary(builder, OP_ADD, head, real(builder, 1)));
    return binary(builder, OP_POW, real(builder, 2), exponent);
}

static NodeId window(Builder *builder) {
    const NodeId back = unary(builder, OP_NEGATE, distance(builder));
    const NodeId near = binary(builder, OP_LESS, back, real(builder, 3));
    return binary(builder, OP_AND, causal(builder, OP_LESS_EQUAL), near);
}

static NodeId input_mask(Builder *builder) {
    const NodeId known = function_find_binding(builder->function, "see");
    if (known != NODE_NONE)
        return known;
    const Axes axes = AXES(builder->model.n, builder->model.m);
    const NodeId see = build_input(builder->function, "see", DTYPE_BOOL, &axes);
    bind(builder, see, 0, 2, true);
    return see;
}

static NodeId score_of(Builder *builder, NodeId s, const char *prefix) {
    const Model *model = &builder->model;
    const NodeId scaled =
        binary(builder, OP_DIV, s, real(builder, sqrt(extent(builder, model->e))));
    switch (builder->options->score) {
    case SCORE_CAUSAL:
        return mask(builder, causal(builder, OP_LESS_EQUAL), scaled);
    case SCORE_PLAIN:
        return binary(builder, OP_MUL, real(builder, 0.7), s);
    case SCORE_TRUE_MASK:
        return mask(builder, build_const(builder->function, DTYPE_BOOL, 1), scaled);
    case SCORE_WINDOW:
        return mask(builder, window(builder), scaled);
    case SCORE_STRICT:
        return mask(builder, causal(builder, OP_LESS), scaled);
    case SCORE_ALIBI: {
        const NodeId bias = binary(builder, OP_MUL, slope(builder), distance(builder));
        return mask(builder, causal(builder, OP_LESS_EQUAL), binary(builder, OP_ADD, scaled, bias));
    }
    case SCORE_INPUT_MASK:
        return mask(builder, input_mask(builder), scaled);
    case SCORE_LEARNED_BIAS: {
        const Axes axes = AXES(model->h, model->n, model->m);
        return binary(builder, OP_ADD, scaled, param(builder, prefix, ".bias", &axes, 1));
    }
    case SCORE_CENTRED:
        return binary(builder, OP_SUB, scaled, mean(builder, scaled, model->m));
    case SCORE_UNSCALED:
    default:
        return s;
    }
}

static NodeId attention(Builder *builder, NodeId x, const char *prefix, int layer) {
    const Model *model = &builder->model;
    const Axes in = AXES(model->d, model->h, model->e), out = AXES(model->h, model->e, model->d);
    const NodeId wq = param(builder, prefix, ".wq", &in, 1);
    const NodeId wk = param(builder, prefix, ".wk", &in, 1);
    const NodeId wv = param(builder, prefix, ".wv", &in, 1);
    const NodeId wo = param(builder, prefix, ".wo", &out, 1);
    const NodeId query = sum_of_product(builder, x, wq, AXES(model->d));
    const NodeId key = build_rename(
        builder->function, sum_of_product(builder, x, wk, AXES(model->d)), model->n, model->m);
    const NodeId value = build_rename(
        builder->function, sum_of_product(builder, x, wv, AXES(model->d)), model->n, model->m);
    const NodeId s = sum_of_product(builder, query, key, AXES(model->e));
    const Axes m = AXES(model->m);
    const NodeId weights =
        build_along(builder->function, OP_SOFTMAX, score_of(builder, s, prefix), &m);
    if (builder->options->tap_weights)
        function_output(builder->function,
                        arena_printf(builder->function->arena, "tap.weights.%d", layer), weights,
                        NULL);
    const NodeId mixed = sum_of_product(builder, weights, value, m);
    return sum_of_product(builder, mixed, wo, AXES(model->h, model->e));
}

static NodeId gelu(Builder *builder, NodeId x) {
    const NodeId gate =
        unary(builder, OP_SIGMOID, binary(builder, OP_MUL, real(builder, 1.702), x));
    return binary(builder, OP_MUL, x, gate);
}

static NodeId mlp(Builder *builder, NodeId x, const char *prefix) {
    const Model *model = &builder->model;
    const Axes in = AXES(model->d, model->f), out = AXES(model->f, model->d);
    const NodeId fc = param(builder, prefix, ".fc", &in, 1);
    const NodeId proj = param(builder, prefix, ".proj", &out, 1);
    const NodeId inner = gelu(builder, sum_of_product(builder, x, fc, AXES(model->d)));
    return sum_of_product(builder, inner, proj, AXES(model->f));
}

static void tap(Builder *builder, NodeId y, int index) {
    function_output(builder->function,
                    arena_printf(builder->function->arena, "tap.feature.%d", index),
                    mean(builder, y, builder->model.n), NULL);
}

static NodeId trunk(Builder *builder, NodeId x) {
    Arena *arena = builder->function->arena;
    for (int i = 0; i < builder->options->layers; i++) {
        const NodeId y = norm(builder, x, arena_printf(arena, "block.%d.ln_1", i));
        tap(builder, y, i);
        x = binary(builder, OP_ADD, x,
                   attention(builder, y, arena_printf(arena, "block.%d.attn", i), i));
        const NodeId z = norm(builder, x, arena_printf(arena, "block.%d.ln_2", i));
        x = binary(builder, OP_ADD, x, mlp(builder, z, arena_printf(arena, "block.%d.mlp", i)));
    }
    const NodeId y = norm(builder, x, "ln_f");
    tap(builder, y, builder->options->layers);
    return y;
}

/* --- objectives --- */

static NodeId hidden_positions(Builder *builder) {
    const Axes scalar = {0}, b = AXES(builder->model.b), n = AXES(builder->model.n);
    const NodeId sources[] = {
        integer_input(builder, "$seed", &scalar, 100), integer_input(builder, "$draw", &scalar, 5),
        integer_input(builder, "$step", &scalar, 100), integer_input(builder, "$image", &b, 1000)};
    const NodeId random =
        graph_add(builder->function, (Node){.op = OP_RANDOM,
                                            .source_count = 4,
                                            .sources = sources,
                                            .attributes = {.axes = n, .key = 12345}});
    return binary(builder, OP_LESS, random, real(builder, 0.4));
}

/* mean[n](value, where = where) */
static NodeId mean_where(Builder *builder, NodeId value, NodeId where) {
    const Axes n = AXES(builder->model.n);
    const NodeId kept = build_select(builder->function, where, value, real(builder, 0));
    const NodeId total = build_along(builder->function, OP_SUM, kept, &n);
    const NodeId count =
        build_along(builder->function, OP_SUM, unary(builder, OP_CAST_F32, where), &n);
    return binary(builder, OP_DIV, total, binary(builder, OP_MAX, count, real(builder, 1)));
}

/* The loss of a class by the mean of the features, and whether it is right. */
static NodeId classify(Builder *builder, NodeId y) {
    const Model *model = &builder->model;
    const Axes kd = AXES(model->k, model->d), b = AXES(model->b), k = AXES(model->k);
    const NodeId label = integer_input(builder, "label", &b, 3);
    const NodeId wclf = param(builder, "", "wclf", &kd, 1);
    const NodeId class = sum_of_product(builder, mean(builder, y, model->n), wclf, AXES(model->d));
    function_output(builder->function, "class", class, NULL);
    const NodeId best = build_along(builder->function, OP_ARGMAX, class, &k);
    function_output(builder->function, "metric.accuracy", binary(builder, OP_EQUAL, best, label),
                    NULL);
    return build_cross_entropy(builder->function, class, label, model->k);
}

static void objective(Builder *builder) {
    const Model *model = &builder->model;
    const Axes bn = AXES(model->b, model->n), vd = AXES(model->v, model->d);
    const Axes nd = AXES(model->n, model->d), d = AXES(model->d);
    const NodeId tokens = integer_input(builder, "tokens", &bn, MODEL_COLOURS);
    const NodeId wte = param(builder, "", "wte", &vd, 1);
    const NodeId wpe = param(builder, "", "wpe", &nd, 1);
    const NodeId head = param(builder, "", "head", &vd, builder->options->head_is_zero ? 0 : 1);
    NodeId colour = build_gather(builder->function, wte, tokens, model->v);
    NodeId hidden = NODE_NONE;
    if (builder->options->bert) {
        hidden = hidden_positions(builder);
        colour = build_select(builder->function, hidden, real(builder, 0), colour);
    } else {
        colour =
            build_shift(builder->function, colour, param(builder, "", "sos", &d, 1), model->n, 1);
    }
    const NodeId y = trunk(builder, binary(builder, OP_ADD, colour, wpe));
    const NodeId logits = sum_of_product(builder, y, head, AXES(model->d));
    function_output(builder->function, "logits", logits, NULL);
    const NodeId each = build_cross_entropy(builder->function, logits, tokens, model->v);
    const NodeId generative =
        builder->options->bert ? mean_where(builder, each, hidden) : mean(builder, each, model->n);
    const NodeId loss = binary(builder, OP_ADD, generative, classify(builder, y));
    function_output(builder->function, "loss", loss, NULL);
}

Model model_build(Arena *arena, const ModelOptions *options) {
    Builder builder = {.function = function_create(arena, "forward"),
                       .options = options,
                       .draws = {42 + (uint64_t)options->score}};
    Model *model = &builder.model;
    model->forward = builder.function;
    model->b = function_axis(builder.function, "b", MODEL_IMAGES);
    model->n = function_axis(builder.function, "n", MODEL_POSITIONS);
    model->m = function_axis(builder.function, "m", MODEL_POSITIONS);
    model->v = function_axis(builder.function, "v", MODEL_COLOURS);
    model->d = function_axis(builder.function, "d", 6);
    model->h = function_axis(builder.function, "h", 2);
    model->e = function_axis(builder.function, "e", 3);
    model->f = function_axis(builder.function, "f", 8);
    model->k = function_axis(builder.function, "k", 3);
    objective(&builder);
    return builder.model;
}

Function *model_update(Arena *arena, const Model *model) {
    Function *update = function_create(arena, "update");
    function_copy_axes(update, model->forward);
    const Axes scalar = {0};
    const NodeId rate = build_input(update, "$scalar.0", DTYPE_F32, &scalar);
    for (NodeId id = 0; id < model->forward->node_count; id++) {
        const Node *node = graph_node(model->forward, id);
        if (node->op != OP_PARAM)
            continue;
        const char *path = node->attributes.name;
        const NodeId w = build_param(update, path, DTYPE_F32, &node->axes);
        const NodeId g =
            build_input(update, arena_printf(arena, "grad:%s", path), DTYPE_F32, &node->axes);
        const NodeId moved = build_binary(update, OP_SUB, w, build_binary(update, OP_MUL, rate, g));
        function_output(update, path, moved, path);
    }
    return update;
}
