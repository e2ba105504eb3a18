/* A contraction as a matrix product, in the manner of Goto and van de Geijn ("Anatomy of
 * High-Performance Matrix Multiplication", 2008): tiles of the result; in a tile blocks of the
 * depth; in a block panels of columns, which stay in L1, against panels of rows; and the
 * micro-kernel for a pair of panels. Sizes and packing come from contract_shape.c. */
#include "passes/emit/contract.h"

#include "passes/emit/amx.h"
#include "passes/emit/contract_micro.h"
#include "passes/emit/offsets.h"
#include "passes/emit/pack.h"
#include "passes/emit/product_amx.h"

enum {
    FLOAT_BYTES = 4,
    CACHE_LINE = 64,
    LEAST_PIECE = 256, /* bytes side by side that are asked for while the right side is streamed */
};

/* The kernel being written, and its parts. Micro-kernels by [whole height or rest][whole width or
 * rest]; NULL where the shape has no such rest. */
typedef struct Contract {
    Emitter *emitter;
    ContractShape shape;
    KernelFrame frame;
    LLVMValueRef micro[2][2];
    LLVMValueRef pack_left, pack_right;
    Offsets left_batch, left_rows, left_depth;
    Offsets right_batch, right_columns, right_depth;
} Contract;

/* The tile at hand. */
typedef struct Tile {
    LLVMValueRef batch, row, rows, column, columns; /* indices of its first element, and extents */
    LLVMValueRef left, right;                       /* the sides' tensors at its batch */
    LLVMValueRef depth, depths, phase;              /* the block of the depth */
    LLVMValueRef packed_right;                      /* the block's panels */
    LLVMValueRef next;    /* elements from the left side's block to the one after it */
    LLVMValueRef is_last; /* by tiles of AMX: no columns are read here after these */
} Tile;

static LLVMValueRef scratch_at(const Contract *c, int64_t bytes) {
    Emitter *e = c->emitter;
    return emit_element(e, e->i8, c->frame.scratch, emit_i64(e, bytes));
}

static LLVMValueRef packed_left(const Contract *c) { return scratch_at(c, c->shape.right_bytes); }

static LLVMValueRef partial_sums(const Contract *c) {
    return scratch_at(c, c->shape.right_bytes + c->shape.left_bytes);
}

/* An element of scratch: f32 or a pair. */
static LLVMValueRef float_at(const Contract *c, LLVMValueRef base, LLVMValueRef index) {
    return emit_element(c->emitter, c->emitter->f32, base, index);
}

/* An element of one side's tensor. */
static LLVMValueRef side_at(const Contract *c, NodeId side, LLVMValueRef base, LLVMValueRef index) {
    DType dtype = graph_node(c->shape.body, side)->dtype;
    return emit_element(c->emitter, emit_memory_type(c->emitter, dtype), base, index);
}

static LLVMValueRef first_element(const Contract *c, LLVMValueRef depth) {
    return c->shape.pairs ? emit_mul_const(c->emitter, depth, 2) : depth;
}

static void describe_offsets(Contract *c) {
    const ContractShape *s = &c->shape;
    c->left_batch = contract_offsets(s, CONTRACT_LEFT, &s->batch_axes);
    c->left_rows = contract_offsets(s, CONTRACT_LEFT, &s->row_axes);
    c->left_depth = contract_offsets(s, CONTRACT_LEFT, &s->depth_axes);
    c->right_batch = contract_offsets(s, CONTRACT_RIGHT, &s->batch_axes);
    c->right_columns = contract_offsets(s, CONTRACT_RIGHT, &s->column_axes);
    c->right_depth = contract_offsets(s, CONTRACT_RIGHT, &s->depth_axes);
}

static void emit_parts(Contract *c, const char *symbol, uint32_t operand_count,
                       const bool *noalias) {
    Emitter *e = c->emitter;
    const ContractShape *s = &c->shape;
    uint32_t heights[] = {s->height, (uint32_t)(s->rows % s->height)};
    uint32_t widths[] = {s->width, (uint32_t)(s->columns % s->width)};
    for (int i = 0; i < 2; i++)
        for (int j = 0; j < 2; j++) {
            bool exists = (i ? heights[i] > 0 : s->rows >= s->height) &&
                          (j ? widths[j] > 0 : s->columns >= s->width);
            if (exists)
                c->micro[i][j] = emit_contract_micro(e, s, symbol, heights[i], widths[j],
                                                     operand_count, noalias);
        }
    if (s->pack_left) {
        PackShape pack = {c->left_rows,
                          c->left_depth,
                          s->rows,
                          s->depth_elements,
                          s->height,
                          e->lanes,
                          graph_node(s->body, s->left)->dtype,
                          s->pairs};
        c->pack_left = emit_pack(e, arena_printf(e->arena, "%s.left", symbol), &pack);
    }
    if (s->pack_right) {
        PackShape pack = {c->right_columns,
                          c->right_depth,
                          s->columns,
                          s->depth_elements,
                          s->width,
                          e->lanes,
                          graph_node(s->body, s->right)->dtype,
                          s->pairs};
        c->pack_right = emit_pack(e, arena_printf(e->arena, "%s.right", symbol), &pack);
    }
}

/* The columns that are read after these, which lie behind them; these, where no others are. */
static LLVMValueRef find_ahead(const Contract *c, const Tile *tile, LLVMValueRef right) {
    Emitter *e = c->emitter;
    const int64_t panel = (int64_t)c->shape.width * offsets_stride(&c->right_columns);
    LLVMValueRef after = side_at(c, c->shape.right, right, emit_i64(e, panel));
    return LLVMBuildSelect(e->builder, tile->is_last, right, after, "");
}

/* One pair of panels; row and column are their first indices. */
static void call_micro(const Contract *c, const Tile *tile, int row_rest, int column_rest,
                       LLVMValueRef row, LLVMValueRef column) {
    Emitter *e = c->emitter;
    const ContractShape *s = &c->shape;
    LLVMValueRef row_in_tile = emit_sub(e, row, tile->row);
    LLVMValueRef column_in_tile = emit_sub(e, column, tile->column);
    LLVMValueRef *arguments =
        arena_array(e->arena, MICRO_OPERANDS + c->frame.operand_count, sizeof *arguments);
    if (s->pack_left) {
        /* A panel of height rows begins at its first row times the depth. */
        arguments[MICRO_LEFT] = float_at(c, packed_left(c), emit_mul(e, row_in_tile, tile->depths));
    } else {
        LLVMValueRef offset =
            emit_add(e, emit_offset(e, &c->left_rows, row),
                     emit_offset(e, &c->left_depth, first_element(c, tile->depth)));
        arguments[MICRO_LEFT] = side_at(c, s->left, tile->left, offset);
    }
    if (s->pack_right) {
        arguments[MICRO_RIGHT] =
            float_at(c, tile->packed_right, emit_mul(e, column_in_tile, tile->depths));
    } else {
        LLVMValueRef offset =
            emit_add(e, emit_offset(e, &c->right_columns, column),
                     emit_offset(e, &c->right_depth, first_element(c, tile->depth)));
        arguments[MICRO_RIGHT] = side_at(c, s->right, tile->right, offset);
    }
    LLVMValueRef panels = emit_add(e, emit_mul_const(e, row_in_tile, s->column_block),
                                   emit_mul_const(e, column_in_tile, s->height));
    if (s->amx)
        arguments[MICRO_AHEAD] = find_ahead(c, tile, arguments[MICRO_RIGHT]);
    else
        arguments[MICRO_PARTIAL] = float_at(c, partial_sums(c), panels);
    arguments[MICRO_DEPTH] = tile->depths;
    arguments[MICRO_PHASE] = tile->phase;
    arguments[MICRO_BATCH] = tile->batch;
    arguments[MICRO_ROW] = row;
    arguments[MICRO_COLUMN] = column;
    for (uint32_t i = 0; i < c->frame.operand_count; i++)
        arguments[MICRO_OPERANDS + i] = c->frame.operands[i];
    emit_call(e, c->micro[row_rest][column_rest], arguments,
              MICRO_OPERANDS + c->frame.operand_count);
}

/* While a left side that does not fit the cache is read in place: lines of the block after this
 * one, a share of them with each pair of panels. */
static void prefetch_left(const Contract *c, const Tile *tile, LLVMValueRef row,
                          LLVMValueRef column) {
    Emitter *e = c->emitter;
    const ContractShape *s = &c->shape;
    int64_t panels = s->column_block / s->width, share = s->depth_block / panels;
    LLVMValueRef panel = emit_div_const(e, emit_sub(e, column, tile->column), s->width);
    LLVMValueRef depth = emit_add(e, tile->depth, emit_mul_const(e, panel, share));
    LLVMValueRef first = emit_add(e, emit_offset(e, &c->left_rows, row),
                                  emit_offset(e, &c->left_depth, first_element(c, depth)));
    LLVMValueRef base = side_at(c, s->left, tile->left, emit_add(e, first, tile->next));
    int64_t row_bytes =
        offsets_stride(&c->left_rows) * (int64_t)dtype_size(graph_node(s->body, s->left)->dtype);
    for (int64_t r = 0; r < s->height; r++)
        for (int64_t at = 0; at < share * FLOAT_BYTES; at += CACHE_LINE)
            emit_prefetch(e, emit_element(e, e->i8, base, emit_i64(e, r * row_bytes + at)),
                          PREFETCH_L2);
}

/* Asks for so many depths of the right side, columns from `column` on. */
static void fetch_right(const Contract *c, const Tile *tile, LLVMValueRef depth, int64_t depths,
                        LLVMValueRef column, int64_t columns) {
    Emitter *e = c->emitter;
    const ContractShape *s = &c->shape;
    const int64_t bytes = (int64_t)dtype_size(graph_node(s->body, s->right)->dtype);
    const int64_t row = offsets_stride(&c->right_depth) * bytes;
    LLVMValueRef offset = emit_add(e, emit_offset(e, &c->right_columns, column),
                                   emit_offset(e, &c->right_depth, first_element(c, depth)));
    LLVMValueRef base = side_at(c, s->right, tile->right, offset);
    for (int64_t d = 0; d < depths * (s->pairs ? 2 : 1); d++)
        for (int64_t at = 0; at < columns * bytes; at += CACHE_LINE)
            emit_prefetch(e, emit_element(e, e->i8, base, emit_i64(e, d * row + at)), PREFETCH_L2);
}

/* While the right side is streamed: the same columns of the next block of the depth. Where panels
 * are narrow, a share of that block's depths with each panel, from end to end of the tile: what is
 * asked for in one piece comes faster. */
static void prefetch_right(const Contract *c, const Tile *tile, LLVMValueRef column) {
    Emitter *e = c->emitter;
    const ContractShape *s = &c->shape;
    const int64_t bytes = (int64_t)dtype_size(graph_node(s->body, s->right)->dtype);
    LLVMValueRef next = emit_add_const(e, tile->depth, s->depth_block);
    if (s->width * bytes >= LEAST_PIECE) {
        fetch_right(c, tile, next, s->depth_block, column, s->width);
        return;
    }
    const int64_t panels = (s->column_block + s->width - 1) / s->width;
    const int64_t share = (s->depth_block + panels - 1) / panels;
    LLVMValueRef panel = emit_div_const(e, emit_sub(e, column, tile->column), s->width);
    LLVMValueRef first = emit_add(e, next, emit_mul_const(e, panel, share));
    fetch_right(c, tile, first, share, tile->column, s->column_block);
}

/* A panel of columns against the tile's panels of rows. */
static void emit_row_panels(const Contract *c, const Tile *tile, int column_rest,
                            LLVMValueRef column) {
    Emitter *e = c->emitter;
    uint32_t height = c->shape.height;
    LLVMValueRef end = emit_add(e, tile->row, tile->rows);
    LLVMValueRef rest = emit_mod_const(e, tile->rows, height);
    if (c->shape.prefetch_right)
        prefetch_right(c, tile, column);
    Loop loop;
    emit_loop_begin(e, &loop, tile->row, emit_sub(e, end, rest), height, "rows");
    if (c->shape.prefetch_left)
        prefetch_left(c, tile, loop.index, column);
    call_micro(c, tile, 0, column_rest, loop.index, column);
    emit_loop_end(e, &loop, NULL);
    if (c->shape.rows % height) {
        Branch branch;
        emit_branch_begin(e, &branch, emit_less(e, emit_i64(e, 0), rest), "last_rows");
        call_micro(c, tile, 1, column_rest, emit_sub(e, end, rest), column);
        emit_branch_end(e, &branch);
    }
}

static void emit_panels(const Contract *c, const Tile *tile) {
    Emitter *e = c->emitter;
    uint32_t width = c->shape.width;
    LLVMValueRef end = emit_add(e, tile->column, tile->columns);
    LLVMValueRef rest = emit_mod_const(e, tile->columns, width);
    if (c->micro[0][0]) {
        Loop loop;
        emit_loop_begin(e, &loop, tile->column, emit_sub(e, end, rest), width, "columns");
        emit_row_panels(c, tile, 0, loop.index);
        emit_loop_end(e, &loop, NULL);
    }
    if (c->shape.columns % width) {
        Branch branch;
        emit_branch_begin(e, &branch, emit_less(e, emit_i64(e, 0), rest), "last_columns");
        emit_row_panels(c, tile, 1, emit_sub(e, end, rest));
        emit_branch_end(e, &branch);
    }
}

static void call_pack(const Contract *c, LLVMValueRef pack, LLVMValueRef source,
                      LLVMValueRef panels, LLVMValueRef first, LLVMValueRef count,
                      const Tile *tile) {
    LLVMValueRef arguments[] = {source, panels, first, count, tile->depth, tile->depths};
    emit_call(c->emitter, pack, arguments, 6);
}

/* All of the depth, for this column block: blocks of the depth one after the other. */
static void pack_kept(const Contract *c, const Tile *tile) {
    Emitter *e = c->emitter;
    const ContractShape *s = &c->shape;
    Loop loop;
    LLVMValueRef depth = emit_i64(e, s->depth);
    emit_loop_begin(e, &loop, emit_i64(e, 0), depth, s->depth_block, "pack");
    Tile block = *tile;
    block.depth = loop.index;
    block.depths = emit_min_i64(e, emit_i64(e, s->depth_block), emit_sub(e, depth, loop.index));
    LLVMValueRef panels =
        float_at(c, c->frame.scratch, emit_mul_const(e, loop.index, s->column_block));
    call_pack(c, c->pack_right, tile->right, panels, tile->column, tile->columns, &block);
    emit_loop_end(e, &loop, NULL);
}

static LLVMValueRef phase_of(const Contract *c, LLVMValueRef depth, LLVMValueRef depths) {
    Emitter *e = c->emitter;
    LLVMValueRef first = LLVMBuildICmp(e->builder, LLVMIntEQ, depth, emit_i64(e, 0), "");
    LLVMValueRef last = LLVMBuildICmp(e->builder, LLVMIntEQ, emit_add(e, depth, depths),
                                      emit_i64(e, c->shape.depth), "");
    LLVMValueRef none = emit_i64(e, 0);
    LLVMValueRef a = LLVMBuildSelect(e->builder, first, emit_i64(e, MICRO_FIRST), none, "");
    LLVMValueRef b = LLVMBuildSelect(e->builder, last, emit_i64(e, MICRO_LAST), none, "");
    return LLVMBuildOr(e->builder, a, b, "");
}

/* The block after this one: of the depth, or else of the rows. */
static LLVMValueRef next_block(const Contract *c, const Tile *tile) {
    Emitter *e = c->emitter;
    const ContractShape *s = &c->shape;
    int64_t rows = s->row_group * s->row_block * offsets_stride(&c->left_rows);
    LLVMValueRef step =
        emit_mul_const(e, first_element(c, tile->depths), offsets_stride(&c->left_depth));
    LLVMValueRef back =
        emit_sub(e, emit_i64(e, rows),
                 emit_mul_const(e, first_element(c, tile->depth), offsets_stride(&c->left_depth)));
    LLVMValueRef end = emit_add(e, tile->depth, tile->depths);
    return LLVMBuildSelect(e->builder, emit_less(e, end, emit_i64(e, s->depth)), step, back, "");
}

static void emit_depth_blocks(const Contract *c, Tile *tile) {
    Emitter *e = c->emitter;
    const ContractShape *s = &c->shape;
    LLVMValueRef depth = emit_i64(e, s->depth);
    Loop loop;
    emit_loop_begin(e, &loop, emit_i64(e, 0), depth, s->depth_block, "blocks");
    tile->depth = loop.index;
    tile->depths = emit_min_i64(e, emit_i64(e, s->depth_block), emit_sub(e, depth, loop.index));
    tile->phase = phase_of(c, tile->depth, tile->depths);
    tile->next = next_block(c, tile);
    tile->packed_right = c->frame.scratch;
    if (s->pack_right && s->keep_right)
        tile->packed_right =
            float_at(c, c->frame.scratch, emit_mul_const(e, loop.index, s->column_block));
    else if (s->pack_right)
        call_pack(c, c->pack_right, tile->right, tile->packed_right, tile->column, tile->columns,
                  tile);
    if (s->pack_left && !s->keep_left)
        call_pack(c, c->pack_left, tile->left, packed_left(c), tile->row, tile->rows, tile);
    emit_panels(c, tile);
    emit_loop_end(e, &loop, NULL);
}

/* Tiles in order: batches, in them column blocks, in them row blocks. */
static Tile locate_columns(const Contract *c, LLVMValueRef column_tile) {
    Emitter *e = c->emitter;
    const ContractShape *s = &c->shape;
    Tile tile = {.batch = emit_div_const(e, column_tile, s->column_blocks)};
    tile.column =
        emit_mul_const(e, emit_mod_const(e, column_tile, s->column_blocks), s->column_block);
    tile.columns = emit_min_i64(e, emit_i64(e, s->column_block),
                                emit_sub(e, emit_i64(e, s->columns), tile.column));
    uint32_t left = kernel_input_number(s->body, s->left),
             right = kernel_input_number(s->body, s->right);
    tile.left =
        side_at(c, s->left, c->frame.operands[left], emit_offset(e, &c->left_batch, tile.batch));
    tile.right =
        side_at(c, s->right, c->frame.operands[right], emit_offset(e, &c->right_batch, tile.batch));
    return tile;
}

/* All of the left side, at the first column block of a batch that is computed here. */
static void pack_rows(const Contract *c, const Tile *tile, LLVMValueRef column_tile,
                      LLVMValueRef first) {
    Emitter *e = c->emitter;
    const ContractShape *s = &c->shape;
    LLVMValueRef none = emit_i64(e, 0);
    LLVMValueRef begins =
        LLVMBuildOr(e->builder, LLVMBuildICmp(e->builder, LLVMIntEQ, column_tile, first, ""),
                    LLVMBuildICmp(e->builder, LLVMIntEQ, tile->column, none, ""), "");
    const Tile whole = {.depth = none, .depths = emit_i64(e, s->depth)};
    Branch branch;
    emit_branch_begin(e, &branch, begins, "rows");
    call_pack(c, c->pack_left, tile->left, packed_left(c), none, emit_i64(e, s->rows), &whole);
    emit_branch_end(e, &branch);
}

/* Row blocks `from` to `to` - 1 of a column block, some at a time. */
static void emit_row_groups(const Contract *c, Tile *tile, LLVMValueRef from, LLVMValueRef to) {
    Emitter *e = c->emitter;
    const ContractShape *s = &c->shape;
    Loop loop;
    emit_loop_begin(e, &loop, from, to, s->row_group, "rows");
    LLVMValueRef last = emit_min_i64(e, emit_add_const(e, loop.index, s->row_group), to);
    LLVMValueRef end = emit_min_i64(e, emit_mul_const(e, last, s->row_block), emit_i64(e, s->rows));
    tile->row = emit_mul_const(e, loop.index, s->row_block);
    tile->rows = emit_sub(e, end, tile->row);
    emit_depth_blocks(c, tile);
    emit_loop_end(e, &loop, NULL);
}

static void emit_tiles(const Contract *c) {
    Emitter *e = c->emitter;
    const ContractShape *s = &c->shape;
    LLVMValueRef first = emit_div_const(e, c->frame.first, s->row_blocks);
    LLVMValueRef last = emit_div_const(e, emit_add_const(e, c->frame.last, -1), s->row_blocks);
    Loop loop;
    emit_loop_begin(e, &loop, first, emit_add_const(e, last, 1), 1, "columns");
    LLVMValueRef start = emit_mul_const(e, loop.index, s->row_blocks);
    LLVMValueRef from = emit_max_i64(e, emit_sub(e, c->frame.first, start), emit_i64(e, 0));
    LLVMValueRef to =
        emit_min_i64(e, emit_sub(e, c->frame.last, start), emit_i64(e, s->row_blocks));
    Tile tile = locate_columns(c, loop.index);
    tile.is_last = LLVMBuildICmp(e->builder, LLVMIntEQ, loop.index, last, "");
    if (s->pack_right && s->keep_right)
        pack_kept(c, &tile);
    if (s->keep_left)
        pack_rows(c, &tile, loop.index, first);
    emit_row_groups(c, &tile, from, to);
    emit_loop_end(e, &loop, NULL);
}

void emit_contract(Emitter *emitter, const Function *body, const char *symbol) {
    Contract contract = {.emitter = emitter};
    contract_shape(body, emitter->target, &contract.shape);
    describe_offsets(&contract);
    uint32_t inputs = kernel_input_count(body), operand_count = inputs + body->output_count;
    bool *noalias = arena_array(emitter->arena, operand_count, sizeof *noalias);
    for (uint32_t i = 0; i < operand_count; i++)
        noalias[i] = i >= inputs ? body->output_count > 1 : !contract_in_place(body, i, 0);
    emit_parts(&contract, symbol, operand_count, noalias);
    emit_kernel_begin(emitter, &contract.frame, symbol, operand_count, noalias);
    if (contract.shape.amx)
        emit_product_amx_begin(emitter, contract.shape.height);
    emit_tiles(&contract);
    if (contract.shape.amx)
        emit_amx_end(emitter);
    emit_kernel_end(emitter, &contract.frame);
}
