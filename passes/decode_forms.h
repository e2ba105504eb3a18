/* What the files of the decode pass share.
 *
 * At step p some of a node's elements are computed, in one form or several:
 *
 *     row (axis, delay)   those at position p - delay along the axis, which is gone from the form
 *     whole               all of them; where they depend on tokens, those at positions that were
 *                         computed so far: a cache, with the row of each step put in its place
 *
 * A node's own delay along an axis follows from the bound on the tokens that it depends on
 * (ir/order.h): position p - delay is the last that depends on no token from p on. Before it is
 * history, which is read from the node's cache. */
#ifndef SCANLINE_PASSES_DECODE_FORMS_H
#define SCANLINE_PASSES_DECODE_FORMS_H

#include "ir/build.h"
#include "ir/order.h"
#include "passes/decode.h"

typedef struct DecodeForm {
    AxisId axis; /* AXIS_NONE: whole */
    int64_t delay;
    NodeId node; /* of the new function, once it is built */
    struct DecodeForm *next;
} DecodeForm;

/* What decode_body made, and of what. */
typedef struct DecodedBody {
    const Function *function, *of, *from;
    AxisId axis;
    uint32_t extra;
    bool used;
} DecodedBody;

typedef struct Decode {
    Arena *arena;
    const DecodeOptions *options;
    const Function *whole; /* with as many images as asked for: what prefill computes */
    const Function *from;  /* that, or what decode_absorb makes of it */
    NodeId *origins;       /* by node of `from`: its node of `whole`; NODE_NONE: it is new */
    Function *to;
    const OrderBound *bounds; /* by node of `from` */
    AxisId batch, positions;  /* of tokens */
    DecodeForm **forms;       /* by node of `from` */
    AxisId *cached; /* by node: the axis that its cache runs along; AXIS_NONE: it has none */
    NodeId *caches; /* by node: the cache after the step, as its readers see it */
    uint32_t cache_count;
    NodeId position;    /* $position */
    DecodeForm *places; /* position - delay, by delay */
    DecodedBody body;   /* the last: layers share one, and so they do what becomes of it */
    DecodeFault *fault;
} Decode;

/* Always false: the first fault is kept, with the node's place. */
bool decode_fail(Decode *decode, NodeId node, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Whether the node depends on tokens. */
bool decode_depends(const Decode *decode, NodeId node);

/* Its own delay along an axis. */
int64_t decode_delay(const Decode *decode, NodeId node, AxisId axis);

/* Of a node with several results: whether one of its sources has it. */
bool decode_has_axis(const Decode *decode, NodeId node, AxisId axis);

/* NULL: it was not asked for. A node that lacks the axis has the form whole. */
DecodeForm *decode_form(const Decode *decode, NodeId node, AxisId axis, int64_t delay);

/* Whether its row along the axis is the op on rows of its sources. */
bool decode_is_pointwise(const Decode *decode, const Node *node, AxisId axis);

/* What of a shift by more than the axis is left is its fill alone. */
bool decode_shifts_all(const Decode *decode, const Node *shift);

/* Attention over the source of keys and values in place of them, where that is of use: `from` and
 * `origins` are replaced. (decode_absorb.c) */
void decode_absorb(Decode *decode);

/* Which forms the row of `logits` at the position needs, of all nodes before it. (decode_demand.c)
 */
bool decode_demand(Decode *decode, NodeId logits);

/* Builds them in `to`, with inputs and outputs for the caches. (decode_build.c) */
void decode_build(Decode *decode);

/* The order of a cache in memory, that of the row being known: images first, and what belongs to
 * one position together, as far as the last axis. */
Axes decode_cache_axes(const Decode *decode, const Axes *row, AxisId axis);

/* In bf16, where attention alone reads it and computes in it. */
DType decode_cache_dtype(const Decode *decode, NodeId node);

/* How the node's cache, which has these axes, is kept a second time, for attention to read: if it
 * is, along its two innermost ones. */
typedef struct CachePacking {
    bool is_there;
    PackedForm form;
    Axes along;
    AxisId words;
    Axes axes; /* of what packs it */
} CachePacking;

CachePacking decode_cache_packing(const Decode *decode, NodeId node, Function *function,
                                  const Axes *axes);

/* cache.I.compressed, or cache.I.tiled. */
const char *decode_packed_name(Arena *arena, const char *cache, PackedForm form);

/* The body of attention with as many images as the new function has, and without an axis
 * (AXIS_NONE: with all): its index is then the extra source number `extra`, which is used if that
 * returns true in `used`. (decode_body.c) */
const Function *decode_body(Decode *decode, const Function *body, AxisId axis, uint32_t extra,
                            bool *used);

#endif
