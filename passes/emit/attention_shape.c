#include "passes/emit/attention_shape.h"

#include "passes/emit/kernel.h"

#include <string.h>

enum {
    ROW_TILE = 96,     /* rows that share packed keys and values, where tiles cut a batch */
    MANY_BATCHES = 32, /* from so many on a batch is one tile */
    SCORE_BLOCK = 64,  /* about so many rows and keys of a block, backward */
};

static int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }
static int64_t round_up(int64_t a, int64_t to) { return (a + to - 1) / to * to; }

static const Axes *source_axes(const AttentionShape *shape, uint32_t which) {
    return &graph_node(shape->body, shape->node->sources[which])->axes;
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

static void choose_panels(AttentionShape *shape, const Target *target) {
    shape->lanes = target_lanes(target);
    shape->height = target->vector_registers >= 32 ? 12 : 6;
    shape->key_panel = 2 * shape->lanes;
    shape->width_panel = panel_of(shape, shape->width);
    shape->column_panel = panel_of(shape, shape->columns);
    shape->padded_rows = round_up(shape->rows, shape->height);
    shape->padded_keys = round_up(shape->keys, shape->key_panel);
    shape->padded_width = round_up(shape->width, shape->width_panel);
    shape->padded_columns = round_up(shape->columns, shape->column_panel);
}

static void choose_blocks(AttentionShape *shape) {
    if (shape->gradient) {
        shape->row_block = least(round_up(SCORE_BLOCK, shape->height), shape->padded_rows);
        shape->key_block = least(round_up(SCORE_BLOCK, shape->key_panel), shape->padded_keys);
        shape->tiles = shape->batches;
        return;
    }
    shape->row_block = shape->padded_rows;
    if (shape->batches < MANY_BATCHES)
        shape->row_block = least(round_up(ROW_TILE, shape->height), shape->padded_rows);
    shape->key_block = shape->padded_keys;
    shape->tiles =
        shape->batches * ((shape->padded_rows + shape->row_block - 1) / shape->row_block);
}

void attention_shape(const Function *body, const Target *target, AttentionShape *shape) {
    const Node *node = graph_node(body, kernel_anchor(body));
    *shape = (AttentionShape){.body = body, .node = node};
    shape->gradient = node->op == OP_ATTENTION_GRAD;
    shape->first_extra = shape->gradient ? ATTENTION_SOURCE_GRAD_EXTRA : ATTENTION_SOURCE_OUTPUT;
    assign_axes(shape);
    choose_panels(shape, target);
    choose_blocks(shape);
}
