/* The rules, in order: the axes' parts; the side that vectors run along; the micro-kernel, so that
 * the sums fill the registers; blocks, so that a panel of the right side stays in L1 and a block of
 * it in L2; packing, where what is read would not lie in the order in which it is read. Numbers
 * that are worth measuring are the target's choices (choices.def). */
#include "passes/emit/contract_shape.h"

#include "passes/emit/amx.h"
#include "passes/emit/kernel.h"
#include "passes/emit/offsets.h"
#include "passes/emit/product.h"

static int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }
static int64_t round_up(int64_t a, int64_t to) { return (a + to - 1) / to * to; }
static int64_t divide_up(int64_t a, int64_t by) { return (a + by - 1) / by; }

/* --- parts of the axes --- */

/* Those of `from` that are (or are not) in `other`, in the order of `order`. */
static Axes pick(const Axes *order, const Axes *from, const Axes *other, bool in_other) {
    Axes picked = {0};
    for (int i = 0; i < order->count; i++)
        if (axes_has(from, order->at[i]) && axes_has(other, order->at[i]) == in_other)
            axes_append(&picked, order->at[i]);
    return picked;
}

static const Axes *output_order(const Function *body) {
    return &graph_node(body, body->outputs[0].node)->axes;
}

static void assign_axes(ContractShape *shape) {
    const Function *body = shape->body;
    const Axes *left = &graph_node(body, shape->left_source)->axes;
    const Axes *right = &graph_node(body, shape->right_source)->axes;
    const Axes *order = output_order(body);
    shape->batch_axes = pick(order, left, right, true);
    shape->row_axes = pick(order, left, right, false);
    shape->column_axes = pick(order, right, left, false);
    shape->batches = axes_elements(body, &shape->batch_axes);
    shape->rows = axes_elements(body, &shape->row_axes);
    shape->columns = axes_elements(body, &shape->column_axes);
    shape->depth_elements = axes_elements(body, &shape->depth_axes);
    shape->depth = shape->pairs ? divide_up(shape->depth_elements, 2) : shape->depth_elements;
}

/* What a side rounds or merges axes of; else itself. */
static NodeId read_of(const Function *body, NodeId side) {
    const Node *node = graph_node(body, side);
    return node->op == OP_CAST_BF16 || node->op == OP_MERGE ? node->sources[0] : side;
}

NodeId contract_side_compressed(const Function *body, NodeId side) {
    const NodeId read = read_of(body, side);
    return graph_node(body, read)->op == OP_COMPRESSED ? read : NODE_NONE;
}

NodeId contract_side_input(const Function *body, NodeId side) {
    const NodeId packed = read_of(body, side);
    const NodeId read =
        op_is_packed(graph_node(body, packed)->op) ? graph_node(body, packed)->sources[0] : packed;
    return graph_node(body, read)->op == OP_INPUT ? read : NODE_NONE;
}

Offsets contract_offsets(const ContractShape *shape, ContractSide side, const Axes *composite) {
    const Function *body = shape->body;
    const Node *source =
        graph_node(body, side == CONTRACT_LEFT ? shape->left_source : shape->right_source);
    const Node *input = graph_node(body, side == CONTRACT_LEFT ? shape->left : shape->right);
    if (source->op != OP_MERGE)
        return offsets_of(body, composite, &input->axes);
    const AxisId *merged = source->attributes.axes.at;
    Axes parts = {0};
    for (int i = 0; i < composite->count; i++) {
        const bool is_merged = composite->at[i] == merged[2];
        axes_append(&parts, is_merged ? merged[0] : composite->at[i]);
        if (is_merged)
            axes_append(&parts, merged[1]);
    }
    return offsets_of(body, &parts, &input->axes);
}

static void swap_sides(ContractShape *shape) {
    const NodeId left = shape->left, left_source = shape->left_source;
    shape->left = shape->right;
    shape->left_source = shape->right_source;
    shape->right = left;
    shape->right_source = left_source;
    assign_axes(shape);
}

/* Vectors run along the side that holds the result's innermost axis, except where that side is
 * shorter than a vector and the other is not. The order of summation is that of the first source's
 * memory, whichever side it becomes. */
static void assign_sides(ContractShape *shape, int64_t lanes) {
    const Node *contract = graph_node(shape->body, shape->contract);
    const Axes *order = output_order(shape->body);
    shape->left_source = contract->sources[0];
    shape->right_source = contract->sources[1];
    shape->left = contract_side_input(shape->body, shape->left_source);
    shape->right = contract_side_input(shape->body, shape->right_source);
    shape->pairs = graph_node(shape->body, contract->sources[0])->dtype == DTYPE_BF16;
    const Axes *first = &graph_node(shape->body, shape->left)->axes;
    shape->depth_axes = pick(first, first, &contract->attributes.axes, true);
    assign_axes(shape);
    int inner = order->count - 1;
    while (inner > 0 && graph_axis(shape->body, order->at[inner])->extent == 1)
        inner--;
    bool rows_inside = inner >= 0 && axes_has(&shape->row_axes, order->at[inner]);
    if (rows_inside)
        swap_sides(shape);
    if (shape->columns < lanes && shape->rows > shape->columns)
        swap_sides(shape);
}

static void choose_micro(ContractShape *shape, const Target *target) {
    Product product;
    product_choose(target, shape->rows, shape->columns, &product);
    shape->lanes = product.lanes;
    shape->height = product.height;
    shape->vectors = product.vectors;
    shape->width = product.vectors * product.lanes;
}

/* --- blocks --- */

enum {
    ROW_PANELS = 2,       /* of a tile: so that threads can share rows evenly */
    HALVED_COLUMNS = 512, /* from so many on there are two blocks, which two threads pack once */
    WANTED_TILES = 4,
    CACHE_WAY_BYTES = 4096, /* addresses so far apart share a set of L1 */
    FLOAT_BYTES = 4,
    KIB = 1024,
    DEPTH_UNIT = 16, /* blocks of depth are a multiple of this: whole vectors when packing */
};

static const double least_tile_flops = 2e6;

enum {
    STREAM_ROWS = 16,     /* at most */
    STREAM_DEPTH = 16,    /* depths, or pairs of them, that are summed in one go */
    STREAM_COLUMNS = 128, /* of a tile, at least */
    STREAM_TILES = 4,     /* of columns, if they are not smaller for it */
    MOST_AMX_ROWS = 64,   /* that are packed at a time */
    STREAM_DEEP = 8, /* where the depth is more times the columns, it is no matrix of weights */
};

static void choose_depth_block(ContractShape *shape, const Choices *choices) {
    int64_t blocks = 1;
    if (shape->depth > choices->depth_block + choices->depth_block / 2)
        blocks = divide_up(shape->depth, choices->depth_block);
    shape->depth_block = least(round_up(divide_up(shape->depth, blocks), DEPTH_UNIT), shape->depth);
}

static int64_t tiles_of(const ContractShape *shape) {
    return shape->batches * divide_up(shape->columns, shape->column_block) *
           divide_up(shape->rows, shape->row_block);
}

static double tile_flops(const ContractShape *shape) {
    return 2.0 * (double)shape->depth * (double)least(shape->column_block, shape->columns) *
           (double)least(shape->row_block, shape->rows);
}

/* Even parts of at most `block`, in multiples of `unit`. */
static int64_t even_block(int64_t extent, int64_t block, int64_t unit) {
    return round_up(divide_up(extent, divide_up(extent, block)), unit);
}

/* --- packing --- */

/* Whether reading a panel of rows in place would miss L1 and the TLB: its depths lie far apart, or
 * its rows fall on one place of the cache. */
static bool left_is_scattered(const ContractShape *shape, const Choices *choices,
                              const Offsets *rows, const Offsets *depth) {
    int64_t bytes = (int64_t)dtype_size(graph_node(shape->body, shape->left)->dtype);
    if (offsets_stride(depth) > 1)
        return shape->depth_block * offsets_stride(depth) * bytes > choices->in_place_kib * KIB;
    return offsets_stride(rows) * bytes % CACHE_WAY_BYTES == 0;
}

/* Whether panels of rows can be read where they lie; pairs must lie there as pairs. */
static bool left_is_direct(const ContractShape *shape, const Offsets *rows, const Offsets *depth) {
    if (!offsets_uniform(depth) || !offsets_uniform_within(rows, shape->height))
        return false;
    return !shape->pairs || (graph_node(shape->body, shape->left)->dtype == DTYPE_BF16 &&
                             offsets_stride(depth) == 1 && shape->depth_elements % 2 == 0);
}

static int64_t right_memory(const ContractShape *shape) {
    const Node *right = graph_node(shape->body, shape->right);
    return graph_elements(shape->body, right) * (int64_t)dtype_size(right->dtype);
}

/* Of f32 or bf16, without packing. */
static bool streams(DType dtype, int64_t rows, int64_t columns, int64_t depth) {
    return rows <= STREAM_ROWS && columns * STREAM_DEEP >= depth &&
           (dtype == DTYPE_F32 || depth % 2 == 0);
}

/* Whatever the rows, so that the bits of one do not depend on those beside it. */
static bool takes_amx(const Target *target, DType dtype, int64_t columns, int64_t depth) {
    return target->has_amx && dtype == DTYPE_BF16 && columns % AMX_ROWS == 0 &&
           depth % AMX_DEPTH == 0;
}

int64_t contract_panel_width(const Target *target, DType dtype, int64_t rows, int64_t columns,
                             int64_t depth) {
    Product product;
    if (takes_amx(target, dtype, columns, depth))
        return 1;
    if (columns < target_lanes(target) || !streams(dtype, rows, columns, depth))
        return 0;
    product_choose(target, rows, columns, &product);
    const int64_t width = (int64_t)product.vectors * product.lanes;
    return columns % width ? 0 : width;
}

/* What lies in cache may as well be summed over the whole depth at once. */
static void choose_stream(ContractShape *shape, bool direct, bool in_panels) {
    const DType dtype = graph_node(shape->body, shape->right)->dtype;
    shape->stream_right = direct && (shape->batches == 1 || in_panels) &&
                          shape->pairs == (dtype == DTYPE_BF16) &&
                          streams(dtype, shape->rows, shape->columns, shape->depth_elements);
    shape->in_panels = shape->stream_right && in_panels;
}

/* A panel must be a stretch of its own, of whole blocks for each round of emit_products_packed. */
static void choose_packed(ContractShape *shape) {
    const NodeId compressed = contract_side_compressed(shape->body, shape->right_source);
    shape->packed = NODE_NONE;
    if (compressed == NODE_NONE || !shape->in_panels || !shape->pairs)
        return;
    const Node *node = graph_node(shape->body, compressed);
    const Axes along = axes_of(node->attributes.axes.at, node->attributes.axes.count - 1);
    if (axes_elements(shape->body, &along) == shape->depth_elements * (int64_t)shape->width &&
        product_packs(shape->depth, shape->width))
        shape->packed = node->sources[1];
}

static void choose_packing(ContractShape *shape, const Choices *choices) {
    Offsets left_rows = contract_offsets(shape, CONTRACT_LEFT, &shape->row_axes);
    Offsets left_depth = contract_offsets(shape, CONTRACT_LEFT, &shape->depth_axes);
    Offsets right_columns = contract_offsets(shape, CONTRACT_RIGHT, &shape->column_axes);
    Offsets right_depth = contract_offsets(shape, CONTRACT_RIGHT, &shape->depth_axes);

    bool left_direct = left_is_direct(shape, &left_rows, &left_depth);
    bool few_uses = shape->columns <= 2 * shape->width;
    shape->pack_left =
        !left_direct || (!few_uses && left_is_scattered(shape, choices, &left_rows, &left_depth));

    bool right_direct = offsets_uniform(&right_depth) && offsets_stride(&right_columns) == 1 &&
                        offsets_uniform_within(&right_columns, shape->width);
    choose_stream(shape, left_direct && right_direct, offsets_stride(&right_depth) == shape->width);
    if (shape->stream_right) {
        shape->pack_left = shape->pack_right = false;
        choose_packed(shape);
        return;
    }
    bool scattered = offsets_stride(&right_depth) * FLOAT_BYTES >= CACHE_WAY_BYTES;
    int64_t most =
        (scattered ? choices->few_panels : choices->many_panels) * (int64_t)shape->height;
    shape->pack_right = !right_direct || shape->pairs || shape->rows > most;
}

/* Rows are packed, to pairs: all of them once, where they are few. */
static bool choose_amx(ContractShape *shape, const Target *target) {
    const Offsets columns = contract_offsets(shape, CONTRACT_RIGHT, &shape->column_axes);
    const Offsets depth = contract_offsets(shape, CONTRACT_RIGHT, &shape->depth_axes);
    const DType dtype = graph_node(shape->body, shape->right)->dtype;
    shape->amx = shape->pairs && takes_amx(target, dtype, shape->columns, shape->depth_elements) &&
                 offsets_uniform(&columns) && offsets_uniform(&depth) &&
                 offsets_stride(&depth) == 1;
    if (!shape->amx)
        return false;
    shape->lanes = AMX_ROWS;
    shape->height = (uint32_t)least(shape->rows, AMX_ROWS);
    shape->vectors = shape->columns % (2 * AMX_ROWS) ? 1 : 2;
    shape->width = shape->vectors * shape->lanes;
    shape->depth_block = shape->depth;
    shape->pack_left = true;
    shape->row_block = least(round_up(shape->rows, shape->height), MOST_AMX_ROWS);
    shape->row_blocks = divide_up(shape->rows, shape->row_block);
    shape->row_group = 1;
    shape->keep_left = shape->row_blocks == 1;
    shape->column_block = shape->width;
    shape->column_blocks = shape->columns / shape->width;
    return true;
}

/* --- tiles --- */

static void choose_columns(ContractShape *shape, const Target *target) {
    int64_t in_l2 = target->l2_bytes / 2 / (shape->depth_block * 4);
    int64_t widest = round_up(least(in_l2, 1024) + 1, shape->width) - shape->width;
    if (shape->columns >= HALVED_COLUMNS && !shape->pack_left)
        widest = least(widest, round_up(divide_up(shape->columns, 2), shape->width));
    if (widest < 4 * shape->width)
        widest = 4 * shape->width;
    shape->column_block = even_block(shape->columns, widest, shape->width);
}

/* As even as can be, and wide: whoever reads memory in short pieces waits for each. */
static int64_t stream_columns(const ContractShape *shape) {
    int64_t block = divide_up(shape->columns, STREAM_TILES);
    if (block < STREAM_COLUMNS)
        block = STREAM_COLUMNS;
    return least(round_up(block, shape->width), round_up(shape->columns, shape->width));
}

/* A panel is a tile, and read in one go. */
static void choose_stream_blocks(ContractShape *shape, const Target *target) {
    shape->prefetch_right = !shape->in_panels && right_memory(shape) > target->l2_bytes / 4;
    if (shape->prefetch_right)
        shape->depth_block = least(STREAM_DEPTH, shape->depth);
    if (shape->in_panels)
        shape->depth_block = shape->depth;
    shape->column_block = shape->in_panels ? shape->width : stream_columns(shape);
    shape->row_block = round_up(shape->rows, shape->height);
    shape->row_blocks = shape->row_group = 1;
    shape->column_blocks = divide_up(shape->columns, shape->column_block);
}

static void choose_blocks(ContractShape *shape, const Target *target) {
    if (shape->stream_right) {
        choose_stream_blocks(shape, target);
        return;
    }
    choose_columns(shape, target);
    shape->row_block = even_block(shape->rows, ROW_PANELS * shape->height, shape->height);
    while (tiles_of(shape) < WANTED_TILES && tile_flops(shape) >= 2 * least_tile_flops &&
           shape->column_block > 2 * shape->width)
        shape->column_block = even_block(shape->columns, shape->column_block / 2, shape->width);
    shape->row_blocks = divide_up(shape->rows, shape->row_block);
    shape->row_group =
        least(divide_up(target->choices.group_rows, shape->row_block), shape->row_blocks);
    shape->column_blocks = divide_up(shape->columns, shape->column_block);
}

/* --- memory --- */

static void choose_prefetch(ContractShape *shape, const Target *target) {
    const Node *left = graph_node(shape->body, shape->left);
    int64_t bytes = graph_elements(shape->body, left) * (int64_t)dtype_size(left->dtype);
    Offsets rows = contract_offsets(shape, CONTRACT_LEFT, &shape->row_axes);
    Offsets depth = contract_offsets(shape, CONTRACT_LEFT, &shape->depth_axes);
    shape->prefetch_left = !shape->pack_left && !shape->stream_right && bytes > target->l2_bytes &&
                           offsets_stride(&depth) == 1 && offsets_uniform(&rows);
}

static void size_scratch(ContractShape *shape, const Choices *choices) {
    int64_t column_bytes = shape->column_block * 4;
    int64_t row_bytes = shape->row_group * shape->row_block * 4;
    shape->keep_right = shape->depth * column_bytes <= choices->kept_kib * KIB;
    int64_t right_depth = shape->keep_right ? shape->depth : shape->depth_block;
    shape->right_bytes = shape->pack_right ? round_up(right_depth * column_bytes, 64) : 0;
    shape->left_bytes = shape->pack_left ? round_up(shape->depth_block * row_bytes, 64) : 0;
    shape->partial_bytes =
        shape->depth_block < shape->depth ? round_up(row_bytes * shape->column_block, 64) : 0;
}

void contract_shape(const Function *body, const Target *target, ContractShape *shape) {
    *shape = (ContractShape){.body = body, .contract = kernel_anchor(body), .packed = NODE_NONE};
    assign_sides(shape, target_lanes(target));
    if (!choose_amx(shape, target)) {
        choose_micro(shape, target);
        choose_depth_block(shape, &target->choices);
        choose_packing(shape, &target->choices);
        choose_blocks(shape, target);
        choose_prefetch(shape, target);
    }
    size_scratch(shape, &target->choices);
}
