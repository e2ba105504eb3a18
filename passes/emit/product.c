#include "passes/emit/product.h"

#include "passes/emit/bf16.h"

#include <assert.h>

enum { FLOAT_BYTES = 4, BF16_BYTES = 2, CACHE_LINE = 64 };

/* --- size --- */

typedef struct ProductChoice {
    uint32_t registers; /* at least */
    int64_t rows;       /* at most */
    uint32_t height, vectors;
} ProductChoice;

/* Of few rows: height * vectors sums, `vectors` of the right side and one broadcast fit the
 * registers; with enough independent sums (8 or more) to hide the latency of an FMA. Powers of two,
 * so that tiles of columns come out even. The first that fits is taken. */
static const ProductChoice few_rows[] = {
    {32, 1, 1, 8}, {32, 2, 2, 8}, {32, 3, 3, 4}, {32, 4, 4, 4}, {32, 6, 6, 4},
    {32, 8, 8, 2}, {0, 1, 1, 8},  {0, 2, 2, 4},  {0, 3, 3, 2},  {0, 4, 4, 2},
};

static int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }

static uint32_t power_above(int64_t number) {
    uint32_t power = 1;
    while (power < number)
        power *= 2;
    return power;
}

void product_choose(const Target *target, int64_t rows, int64_t columns, Product *product) {
    *product = (Product){.lanes = target_lanes(target)};
    if (columns < product->lanes)
        product->lanes = power_above(columns);
    product->height = (uint32_t)target->choices.height;
    product->vectors = (uint32_t)target->choices.vectors;
    for (size_t i = sizeof few_rows / sizeof *few_rows; i-- > 0;)
        if (few_rows[i].registers <= target->vector_registers && few_rows[i].rows >= rows) {
            product->height = few_rows[i].height;
            product->vectors = few_rows[i].vectors;
        }
    int64_t vectors = (columns + product->lanes - 1) / product->lanes;
    if (vectors < product->vectors) {
        /* Few columns: the registers that they leave go to more rows. */
        int64_t sums = product->height * product->vectors;
        product->height = (uint32_t)least(sums / vectors, 12);
        product->vectors = (uint32_t)vectors;
    }
    product->height = (uint32_t)least(product->height, rows);
    product->last_lanes = product->lanes;
}

/* --- code --- */

/* One half of a vector of pairs. */
static LLVMValueRef load_half(Emitter *e, const Product *product, LLVMValueRef right, int64_t row,
                              uint32_t vector) {
    int64_t offset = row * product->right_row + (int64_t)vector * product->lanes;
    LLVMValueRef from = emit_element(e, e->i16, right, emit_i64(e, offset));
    uint32_t count = vector + 1 < product->vectors ? product->lanes : product->last_lanes;
    return emit_load_lanes(e, e->i16, count, product->lanes, from, BF16_BYTES);
}

static LLVMValueRef load_right(Emitter *e, const Product *product, LLVMValueRef right,
                               int64_t depth, uint32_t vector) {
    if (product->right_halves)
        return emit_bf16_pair(e, load_half(e, product, right, 2 * depth, vector),
                              load_half(e, product, right, 2 * depth + 1, vector));
    LLVMTypeRef type = product->pairs ? e->i32 : e->f32;
    int64_t offset = depth * product->right_depth + (int64_t)vector * product->lanes;
    LLVMValueRef from = emit_element(e, type, right, emit_i64(e, offset));
    uint32_t count = vector + 1 < product->vectors ? product->lanes : product->last_lanes;
    return emit_load_lanes(e, type, count, product->lanes, from, FLOAT_BYTES);
}

/* One f32 or pair of the left side, in all lanes. */
static LLVMValueRef load_left(Emitter *e, const Product *product, LLVMValueRef left, int64_t depth,
                              uint32_t row) {
    int64_t offset = depth * product->left_depth + row * product->left_row;
    LLVMValueRef from =
        emit_element(e, product->pairs ? e->i16 : e->f32, left, emit_i64(e, offset));
    LLVMValueRef one = product->pairs ? emit_load(e, e->i32, from, BF16_BYTES)
                                      : emit_load(e, e->f32, from, FLOAT_BYTES);
    return emit_splat(e, one, product->lanes);
}

/* Adds the products of one depth, `depth` after where the pointer stands, with that of the right
 * side. */
static void add_columns(Emitter *e, const Product *product, LLVMValueRef left,
                        const LLVMValueRef *columns, int64_t depth, LLVMValueRef *sums) {
    for (uint32_t r = 0; r < product->height; r++) {
        LLVMValueRef row = load_left(e, product, left, depth, r);
        for (uint32_t v = 0; v < product->vectors; v++) {
            LLVMValueRef *sum = &sums[r * product->vectors + v];
            *sum = product->pairs ? emit_bf16_dot(e, row, columns[v], *sum)
                                  : emit_fma(e, row, columns[v], *sum);
        }
    }
}

static void add_depth(Emitter *e, const Product *product, LLVMValueRef left, LLVMValueRef right,
                      int64_t depth, LLVMValueRef *sums) {
    LLVMValueRef columns[PRODUCT_MAX_SUMS];
    for (uint32_t v = 0; v < product->vectors; v++)
        columns[v] = load_right(e, product, right, depth, v);
    add_columns(e, product, left, columns, depth, sums);
}

/* Of the right side, for as many depths as a round takes. */
static void ask_ahead(Emitter *e, const Product *product, LLVMValueRef right, uint32_t depths) {
    int64_t bytes = (int64_t)depths * product->vectors * product->lanes * FLOAT_BYTES;
    for (int64_t at = 0; at < bytes; at += CACHE_LINE)
        emit_prefetch(e, emit_element(e, e->i8, right, emit_i64(e, product->ahead + at)),
                      PREFETCH_L1);
}

/* Goes on for `count` depths, a multiple of `unroll`, and moves the pointers on. */
static void add_depths(Emitter *e, const Product *product, LLVMValueRef count, uint32_t unroll,
                       LLVMValueRef *left, LLVMValueRef *right, LLVMValueRef *sums) {
    uint32_t n = product_sums(product);
    LLVMValueRef next[PRODUCT_MAX_SUMS + 2];
    Loop loop;
    emit_loop_begin(e, &loop, emit_i64(e, 0), count, unroll, "depth");
    for (uint32_t i = 0; i < n; i++)
        next[i] = emit_loop_carry(e, &loop, sums[i]);
    LLVMValueRef from_left = emit_loop_carry(e, &loop, *left);
    LLVMValueRef from_right = emit_loop_carry(e, &loop, *right);
    if (product->ahead)
        ask_ahead(e, product, from_right, unroll);
    for (uint32_t u = 0; u < unroll; u++)
        add_depth(e, product, from_left, from_right, u, next);
    LLVMTypeRef left_type = product->pairs ? e->i16 : e->f32;
    next[n] = emit_element(e, left_type, from_left, emit_i64(e, unroll * product->left_depth));
    next[n + 1] =
        product->right_halves
            ? emit_element(e, e->i16, from_right, emit_i64(e, 2 * unroll * product->right_row))
            : emit_element(e, e->f32, from_right, emit_i64(e, unroll * product->right_depth));
    emit_loop_end(e, &loop, next);
    for (uint32_t i = 0; i < n; i++)
        sums[i] = loop.carried[i];
    *left = loop.carried[n];
    *right = loop.carried[n + 1];
}

void emit_products(Emitter *emitter, const Product *product, LLVMValueRef left, LLVMValueRef right,
                   LLVMValueRef depth, LLVMValueRef *sums) {
    assert(product_sums(product) <= PRODUCT_MAX_SUMS);
    LLVMValueRef rest = emit_i64(emitter, 0);
    if (product->depth_rest)
        rest = emit_mod_const(emitter, depth, PRODUCT_UNROLL);
    if (!product->depth_short)
        add_depths(emitter, product, emit_sub(emitter, depth, rest), PRODUCT_UNROLL, &left, &right,
                   sums);
    if (product->depth_rest)
        add_depths(emitter, product, rest, 1, &left, &right, sums);
}

/* --- a compressed right side --- */

enum { PACKED_AHEAD = 12 << 10, MOST_BLOCKS = 4 };

/* Pairs of depths that are computed at once: at least one, and whole blocks. */
static uint32_t round_pairs(uint32_t width) {
    return width < COMPRESSED_VALUES / 2 ? COMPRESSED_VALUES / 2 / width : 1;
}

bool product_packs(int64_t depth, uint32_t width) {
    const int64_t pairs = round_pairs(width), values = 2 * pairs * width;
    return width >= 16 && values % COMPRESSED_VALUES == 0 &&
           values <= MOST_BLOCKS * COMPRESSED_VALUES && depth % pairs == 0;
}

/* Lanes of a vector of pairs: of each column, what two depths have. `rows` are expanded blocks, and
 * so one depth after another. */
static LLVMValueRef pair_rows(Emitter *e, const Product *product, const LLVMValueRef *rows,
                              uint32_t pair, uint32_t vector) {
    const uint32_t width = product->vectors * product->lanes;
    const uint32_t even = 2 * pair * width + vector * product->lanes, odd = even + width;
    uint32_t numbers[COMPRESSED_LANES];
    for (uint32_t i = 0; i < product->lanes; i++) {
        numbers[2 * i] = even % COMPRESSED_LANES + i;
        numbers[2 * i + 1] = COMPRESSED_LANES + odd % COMPRESSED_LANES + i;
    }
    LLVMValueRef pairs = emit_shuffle(e, rows[even / COMPRESSED_LANES],
                                      rows[odd / COMPRESSED_LANES], numbers, 2 * product->lanes);
    return LLVMBuildBitCast(e->builder, pairs, emit_vector_type(e, e->i32, product->lanes), "");
}

void emit_products_packed(Emitter *e, const Product *product, LLVMValueRef left,
                          const Stretch *right, int64_t depth, LLVMValueRef *sums) {
    const uint32_t n = product_sums(product), width = product->vectors * product->lanes;
    const uint32_t pairs = round_pairs(width), blocks = 2 * pairs * width / COMPRESSED_VALUES;
    LLVMValueRef next[PRODUCT_MAX_SUMS + 1], rows[MOST_BLOCKS * COMPRESSED_ROWS];
    emit_fetch_plain(e, right, emit_i64(e, 0), emit_i64(e, depth / pairs * blocks));
    Loop loop;
    emit_loop_begin(e, &loop, emit_i64(e, 0), emit_i64(e, depth / pairs * blocks), blocks, "depth");
    for (uint32_t i = 0; i < n; i++)
        next[i] = emit_loop_carry(e, &loop, sums[i]);
    LLVMValueRef from = emit_loop_carry(e, &loop, left);
    for (uint32_t i = 0; i < blocks; i++) {
        LLVMValueRef block = emit_add_const(e, loop.index, i);
        emit_fetch_block(e, right, emit_add_const(e, block, PACKED_AHEAD / COMPRESSED_BLOCK_BYTES));
        emit_expand_block(e, right, block, rows + i * COMPRESSED_ROWS);
    }
    for (uint32_t pair = 0; pair < pairs; pair++) {
        LLVMValueRef columns[PRODUCT_MAX_SUMS];
        for (uint32_t v = 0; v < product->vectors; v++)
            columns[v] = pair_rows(e, product, rows, pair, v);
        add_columns(e, product, from, columns, pair, next);
    }
    next[n] = emit_element(e, e->i16, from, emit_i64(e, pairs * product->left_depth));
    emit_loop_end(e, &loop, next);
    for (uint32_t i = 0; i < n; i++)
        sums[i] = loop.carried[i];
}

void emit_product_zeros(Emitter *emitter, const Product *product, LLVMValueRef *sums) {
    for (uint32_t i = 0; i < product_sums(product); i++)
        sums[i] = emit_f32_lanes(emitter, 0, product->lanes);
}
