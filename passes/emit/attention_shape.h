/* How blocked attention is cut up: the parts of the axes, panels, blocks, scratch memory. No LLVM.
 */
#ifndef SCANLINE_PASSES_EMIT_ATTENTION_SHAPE_H
#define SCANLINE_PASSES_EMIT_ATTENTION_SHAPE_H

#include "ir/compressed.h"
#include "ir/graph.h"
#include "passes/emit/target.h"

/* Sources of attention, and of its gradient, by number. */
enum {
    ATTENTION_SOURCE_QUERY,
    ATTENTION_SOURCE_KEY,
    ATTENTION_SOURCE_VALUE,
    ATTENTION_SOURCE_OUTPUT, /* of the gradient alone; attention's extras begin here */
    ATTENTION_SOURCE_LSE,
    ATTENTION_SOURCE_D_OUTPUT,
    ATTENTION_SOURCE_GRAD_EXTRA,
};

/* Scores are rows times keys for each batch: batch are the axes of both query and key, rows those
 * of the query alone, the keys' axis is m. `width_axis` e is summed in a score; columns are the
 * value's own axes. Sizes along which panels run are rounded up to whole panels. */
typedef struct AttentionShape {
    const Function *body;
    const Node *node;
    bool gradient;
    DType dtype; /* of query, key, value and result 0, or of the gradients */
    bool pairs;  /* products are of pairs of bf16 (bf16.h) */
    uint32_t first_extra, extra_count;
    Axes batch_axes, row_axes, key_axes, width_axes, column_axes;
    int64_t batches, rows, keys, width, columns;

    bool amx; /* the target has tiles (amx.h), and they multiply bf16 */
    uint32_t lanes;
    uint32_t height;                    /* rows of a panel of queries */
    uint32_t key_panel;                 /* keys of a panel */
    uint32_t width_panel, column_panel; /* of e, and of the value's columns */
    uint32_t sum_height; /* rows that are summed at once along those; divides height */
    uint32_t row_lanes;  /* of a vector with a number for each row of a panel */
    int64_t padded_rows, padded_keys, padded_width, padded_columns;

    /* The left sides are read where they lie: whole panels with one stride, and one along the
     * depth. */
    bool query_in_place, d_output_in_place;

    /* Forward: rows of a tile, and those whose scores are at hand together. Backward: rows of a
     * block of scores, and its keys; `single`: there is one block. */
    int64_t row_block, row_group, key_block;
    bool single;
    int64_t score_stride; /* from row to row of scores */
    int64_t tiles;
} AttentionShape;

enum { ATTENTION_KEY_GROUP = 16, ATTENTION_SHARED_ROWS = 4 };

/* Whether keys or values, so many rows that are so wide, can be read in groups (attention_pairs.h),
 * and so be compressed: a block is whole rows, and a row whole vectors. */
static inline bool attention_in_groups(int64_t keys, int64_t width) {
    return keys % ATTENTION_KEY_GROUP == 0 && width % COMPRESSED_LANES == 0 &&
           COMPRESSED_VALUES % width == 0;
}

/* Whether attention of so many rows over the same keys, which are the values too, can read them
 * once for all rows (attention_shared.h), and so be compressed. */
static inline bool attention_is_shared(int64_t rows, int64_t keys, int64_t width) {
    return rows % ATTENTION_SHARED_ROWS == 0 && keys % ATTENTION_KEY_GROUP == 0 &&
           width % COMPRESSED_VALUES == 0;
}

/* A body that is one attention or attention_grad of INPUT nodes, with its results as outputs. */
void attention_shape(const Function *body, const Target *target, AttentionShape *shape);

/* The input of the body that is a source of the attention. */
const Node *attention_source_node(const AttentionShape *shape, uint32_t which);

/* Of both products, forward; what is masked counts too. */
double attention_flops(const AttentionShape *shape);

/* Depths of a product over so many: pairs, or as many. */
int64_t attention_depth(const AttentionShape *shape, int64_t elements);

#endif
