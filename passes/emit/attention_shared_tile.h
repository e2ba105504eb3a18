/* What the files of attention over shared keys have in common: a tile, and its scratch memory. */
#ifndef SCANLINE_PASSES_EMIT_ATTENTION_SHARED_TILE_H
#define SCANLINE_PASSES_EMIT_ATTENTION_SHARED_TILE_H

#include "passes/emit/attention_body.h"
#include "passes/emit/attention_kernel.h"
#include "passes/emit/compressed.h"
#include "passes/emit/tiled.h"

enum {
    SHARED_LANES = 16,
    SHARED_LINE_BYTES = 64,
    SHARED_BLOCK_LINES = COMPRESSED_BLOCK_BYTES / SHARED_LINE_BYTES,
    SHARED_HALF_BYTES = 2,
    SHARED_FLOAT_BYTES = 4,
    SHARED_STREAMS = 4,
    SHARED_AMX_VECTORS = TILED_ROWS / SHARED_LANES, /* of a group by tiles */
};

/* In scratch, bytes from its start. */
typedef struct SharedScratch {
    int64_t keys;            /* bf16 [keys of a group, width]; by tiles as these have it */
    int64_t sums;            /* f32 [width / 32, rows, 32]; by tiles [width / 16, rows, 16] */
    int64_t scores;          /* f32 [rows, keys of a group] */
    int64_t weights;         /* bf16 [rows, keys of a group] */
    int64_t largest, offset; /* f32 [rows] */
    int64_t totals;          /* of weights: f32 [rows, SHARED_LANES], by lane */
    /* By tiles: */
    int64_t queries; /* pairs [width, 2 * rows] */
    int64_t by_pair; /* f32 [keys of a group / 2, SHARED_LANES]: scores of two keys side by side */
} SharedScratch;

typedef struct Shared {
    const AttentionKernel *kernel;
    Emitter *emitter;
    const AttentionShape *shape;
    AttentionBody body;
    SharedScratch scratch;
    int64_t rows, parts; /* rows of a tile; parts of COMPRESSED_LANES columns */
    int64_t vectors;     /* of SHARED_LANES keys: a group */
    int64_t group_bytes; /* of a group's keys as they are read */
    bool tiles;          /* these are tiles */
} Shared;

static inline int64_t shared_keys(const Shared *shared) { return shared->vectors * SHARED_LANES; }

typedef struct SharedTile {
    LLVMValueRef batch, row;
    LLVMValueRef query, output; /* of the first row */
    AttentionKeys keys;
    LLVMValueRef first, last; /* groups */
    Stretch stretch, next;    /* of the batch, and of the one that is read after it */
    LLVMValueRef is_last;     /* of those that are computed here */
} SharedTile;

/* --- vectors --- */

LLVMTypeRef shared_floats(Emitter *e); /* SHARED_LANES of f32 */
LLVMTypeRef shared_halves(Emitter *e); /* COMPRESSED_LANES of bf16, as integers */
LLVMTypeRef shared_pairs(Emitter *e);  /* the same, two in each lane */

/* --- places in scratch --- */

/* Of element `index` of what begins at byte `base`. */
LLVMValueRef shared_half(const Shared *shared, int64_t base, LLVMValueRef index);
LLVMValueRef shared_float(const Shared *shared, int64_t base, LLVMValueRef index);

/* Of a row's vector, of what has one for each row. */
LLVMValueRef shared_lanes(const Shared *shared, int64_t base, LLVMValueRef row);

/* Of COMPRESSED_LANES values of a key of the group. */
LLVMValueRef shared_key(const Shared *shared, LLVMValueRef key, LLVMValueRef part);

/* Of the first of two vectors of sums, which are side by side. */
LLVMValueRef shared_sums(const Shared *shared, LLVMValueRef part, LLVMValueRef row);

/* Of one of them, by tiles too. */
LLVMValueRef shared_sum(const Shared *shared, LLVMValueRef part, LLVMValueRef row, int64_t half);

/* So many vectors after a place. */
LLVMValueRef shared_vector(Emitter *e, LLVMValueRef place, int64_t count);

/* --- memory --- */

/* Where the group lies that is read so many groups after this one: of the next batch, if need be,
 * of which the mask leaves as much; this one, where no batch is read here after it. */
LLVMValueRef shared_ahead(const Shared *shared, const SharedTile *tile, LLVMValueRef group,
                          int64_t groups);

/* Asks for lines of that, from number `line` on. */
void shared_ask(const Shared *shared, LLVMValueRef ahead, LLVMValueRef line, int64_t count,
                PrefetchTo to);

/* By tiles: asks for lines of that, to L2, as the part of a group that is computed now is due to;
 * `index` of those that the part has, from 0 on. Lines of SHARED_STREAMS places are asked for in
 * turn: the processor runs ahead of who reads a page by some lines, and so by some of each. */
typedef enum SharedPart { SHARED_SCORES, SHARED_WEIGHTS, SHARED_VALUES } SharedPart;

void shared_ask_apart(const Shared *shared, LLVMValueRef ahead, SharedPart part,
                      LLVMValueRef index);

/* --- a group: attention_shared_scores.c, attention_shared_values.c --- */

/* Expands the group's keys and scores them with all rows. Half of what lies at `ahead` is asked for
 * meanwhile. */
void shared_score_group(const Shared *shared, const SharedTile *tile, LLVMValueRef group,
                        LLVMValueRef ahead);

/* Weights of scores; and the sums so far, as the largest score may now be another. By tiles some of
 * what lies at `ahead` is asked for meanwhile. */
void shared_weigh_group(const Shared *shared, const SharedTile *tile, LLVMValueRef group,
                        LLVMValueRef ahead);

/* Adds the group's values to the sums by their weights, and asks for the other half. */
void shared_add_group(const Shared *shared, LLVMValueRef ahead);

/* Of the values of two keys, the columns of one half of each 16-byte lane, in pairs. */
LLVMValueRef shared_pair_columns(Emitter *e, LLVMValueRef even, LLVMValueRef odd, uint32_t half);

/* --- the same by tiles: attention_shared_amx.c --- */

void shared_amx_begin(const Shared *shared);

/* The tile's queries, in the order in which tiles multiply them. */
void shared_amx_queries(const Shared *shared, const SharedTile *tile);

/* A group's keys, and what is asked for meanwhile. */
typedef struct SharedAmxGroup {
    LLVMValueRef keys, ahead;
} SharedAmxGroup;

SharedAmxGroup shared_amx_group(const Shared *shared, const SharedTile *tile, LLVMValueRef number);

void shared_amx_score(const Shared *shared, const SharedAmxGroup *group);
void shared_amx_add(const Shared *shared, const SharedAmxGroup *group);

#endif
