#include "passes/emit/attention_shape.h"

#include "passes/emit/kernel.h"
#include "passes/emit/offsets.h"

enum {
    MANY_BATCHES = 32, /* from so many on a batch is one tile */
    FEW_KEYS = 64,     /* up to so many, what a mask cuts off of a panel counts */
    KIB = 1024,
};

static int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }
static int64_t round_up(int64_t a, int64_t to) { return (a + to - 1) / to * to; }

const Node *attention_source_node(const AttentionShape *shape, uint32_t which) {
    return graph_node(shape->body, shape->node->sources[which]);
}

static const Axes *source_axes(const AttentionShape *shape, uint32_t which) {
    return &attention_source_node(shape, which)->axes;
}

/* In the order of the query (the value, for columns), which is that of the results. */
static void assign_axes(AttentionShape *shape) {
    const Axes *query = source_axes(shape, ATTENTION_SOURCE_QUERY);
    const Axes *key = source_axes(shape, ATTENTION_SOURCE_KEY);
    const Axes *value = source_axes(shape, ATTENTION_SOURCE_VALUE);
    shape->width_axes = axes_of(&shape->node->attributes.axes.at[0], 1);
    shape->key_axes = axes_of(&shape->node->attributes.axes.at[1], 1);
    Axes outer = axes_minus(query, &shape->width_axes);
    shape->row_axes = axes_minus(&outer, key);
    shape->batch_axes = axes_intersection(&outer, key);
    Axes own = axes_minus(value, &shape->key_axes);
    shape->column_axes = axes_minus(&own, &outer);
    shape->batches = axes_elements(shape->body, &shape->batch_axes);
    shape->rows = axes_elements(shape->body, &shape->row_axes);
    shape->keys = axes_elements(shape->body, &shape->key_axes);
    shape->width = axes_elements(shape->body, &shape->width_axes);
    shape->columns = axes_elements(shape->body, &shape->column_axes);
}

static uint32_t panel_of(const AttentionShape *shape, int64_t extent) {
    return extent > shape->lanes ? 2 * shape->lanes : shape->lanes;
}

/* Enough sums to hide the latency of a multiply-add: eight rows of two vectors, or sixteen of one.
 * The fewer rows and keys a panel has, the closer panels follow the edge of a mask; a vector that
 * serves eight rows alone makes loads as many as multiply-adds. */
static void choose_height(AttentionShape *shape, const Target *target) {
    bool narrow = shape->width <= shape->lanes && shape->columns <= shape->lanes;
    bool one_vector = narrow || shape->keys <= FEW_KEYS;
    shape->height = one_vector ? 16 : 8;
    shape->sum_height = narrow ? 16 : 8;
    shape->key_panel = one_vector ? shape->lanes : 2 * shape->lanes;
    if (target->vector_registers < 32) {
        shape->height = shape->sum_height = 6;
        shape->key_panel = 2 * shape->lanes;
    }
    shape->height = (uint32_t)least(shape->height, round_up(shape->rows, 2));
    if (shape->height % shape->sum_height)
        shape->sum_height = shape->height;
    shape->row_lanes = 1;
    while (shape->row_lanes < shape->height)
        shape->row_lanes *= 2;
}

static void choose_panels(AttentionShape *shape, const Target *target) {
    shape->lanes = target_lanes(target);
    choose_height(shape, target);
    shape->width_panel = panel_of(shape, shape->width);
    shape->column_panel = panel_of(shape, shape->columns);
    shape->padded_rows = round_up(shape->rows, shape->height);
    shape->padded_keys = round_up(shape->keys, shape->key_panel);
    shape->padded_width = round_up(shape->width, shape->width_panel);
    shape->padded_columns = round_up(shape->columns, shape->column_panel);
}

/* Pairs lie side by side, and an odd one out has no zero beside it. */
static bool left_in_place(const AttentionShape *shape, uint32_t source, const Axes *depth_axes) {
    const Axes *axes = source_axes(shape, source);
    Offsets rows = offsets_of(shape->body, &shape->row_axes, axes);
    Offsets depth = offsets_of(shape->body, depth_axes, axes);
    bool paired = axes_elements(shape->body, depth_axes) % 2 == 0 && offsets_stride(&depth) == 1;
    return shape->rows % shape->height == 0 && offsets_uniform_within(&rows, shape->height) &&
           offsets_uniform(&depth) && (!shape->pairs || paired);
}

static void choose_in_place(AttentionShape *shape) {
    shape->query_in_place = left_in_place(shape, ATTENTION_SOURCE_QUERY, &shape->width_axes);
    if (shape->gradient)
        shape->d_output_in_place =
            left_in_place(shape, ATTENTION_SOURCE_D_OUTPUT, &shape->column_axes);
}

/* One more vector from row to row: rows that are a power of two apart share lines of a cache. */
static void choose_blocks(AttentionShape *shape, const Choices *choices) {
    if (shape->gradient) {
        shape->row_block = least(round_up(choices->score_block, shape->height), shape->padded_rows);
        shape->key_block =
            least(round_up(choices->score_block, shape->key_panel), shape->padded_keys);
        shape->single =
            shape->row_block == shape->padded_rows && shape->key_block == shape->padded_keys;
        shape->score_stride = shape->key_block;
        shape->tiles = shape->batches;
        return;
    }
    shape->row_block = shape->padded_rows;
    if (shape->batches < MANY_BATCHES)
        shape->row_block =
            least(round_up(choices->attention_rows, shape->height), shape->padded_rows);
    shape->key_block = shape->padded_keys;
    shape->score_stride = shape->padded_keys + shape->lanes;
    int64_t panel_bytes = (int64_t)sizeof(float) * shape->height * shape->score_stride;
    int64_t group_bytes = choices->score_kib * KIB;
    int64_t panels = panel_bytes < group_bytes ? group_bytes / panel_bytes : 1;
    shape->row_group = least(panels * shape->height, shape->row_block);
    shape->tiles =
        shape->batches * ((shape->padded_rows + shape->row_block - 1) / shape->row_block);
}

double attention_flops(const AttentionShape *shape) {
    const double scores = (double)shape->batches * (double)shape->rows * (double)shape->keys;
    return 2.0 * scores * (double)(shape->width + shape->columns);
}

int64_t attention_depth(const AttentionShape *shape, int64_t elements) {
    return shape->pairs ? (elements + 1) / 2 : elements;
}

void attention_shape(const Function *body, const Target *target, AttentionShape *shape) {
    const Node *node = graph_node(body, kernel_anchor(body));
    *shape = (AttentionShape){.body = body, .node = node};
    shape->gradient = node->op == OP_ATTENTION_GRAD;
    shape->first_extra = shape->gradient ? ATTENTION_SOURCE_GRAD_EXTRA : ATTENTION_SOURCE_OUTPUT;
    shape->extra_count = node->source_count - shape->first_extra;
    shape->dtype = graph_node(body, node->sources[ATTENTION_SOURCE_QUERY])->dtype;
    shape->pairs = shape->dtype == DTYPE_BF16;
    shape->amx = shape->pairs && target->has_amx;
    assign_axes(shape);
    choose_panels(shape, target);
    choose_in_place(shape);
    choose_blocks(shape, &target->choices);
}
