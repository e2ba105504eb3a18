/* Values of a body's nodes at a place: a demand-driven evaluator.
 *
 * A Site is a place in the loops: a coordinate for each axis, and as many lanes as are computed at
 * once. site_value() gives the value of a node there: it emits the code for it (once a site) from
 * the values of its sources. Gather, shift, rename, split and merge are changes of
 * coordinates: their source is evaluated at a site of its own. Code is straight-line: choices are
 * selects, and what lies outside is clamped or masked.
 *
 * A value is a scalar where it is the same in all lanes, else a vector of site->lanes. f32 and bf16
 * are float, i32 is i32, bool is i1; in memory a bool is a byte.
 *
 * Sites nest: a node that does not vary along `inner` is computed by the site around (`around`),
 * whose code goes where that site says: before the loop rather than in it. */
#ifndef SCANLINE_PASSES_EMIT_SITE_H
#define SCANLINE_PASSES_EMIT_SITE_H

#include "passes/emit/emitter.h"

typedef enum CoordinateKind {
    COORDINATE_SAME,  /* the same in all lanes: an i64 */
    COORDINATE_RAMP,  /* lane i is at value + i: an i64 */
    COORDINATE_LANES, /* a vector of i64 */
} CoordinateKind;

typedef struct Coordinate {
    CoordinateKind kind;
    LLVMValueRef value;
} Coordinate;

/* A body and where its operands lie; shared by all sites of a kernel. */
typedef struct Evaluator {
    Emitter *emitter;
    LLVMValueRef
        *cursor; /* the instruction before which the builder stands; NULL: at the end of a block */
    const Function *body;
    LLVMValueRef *operands; /* by NodeId: pointer to a PARAM's or INPUT's memory; NULL elsewhere */
    LLVMValueRef immediates;
    uint32_t *draws; /* by NodeId: which immediate is the key of a random draw */
} Evaluator;

typedef struct Site {
    const Evaluator *evaluator;
    struct Site *around; /* NULL: everything is computed here */
    const bool *varies;  /* by NodeId, if `around`: whether it is computed here */
    uint32_t lanes;
    LLVMValueRef mask; /* lanes that exist, <lanes x i1>; NULL: all do */
    LLVMValueRef
        before;     /* the instruction before which code goes; NULL: where the builder stands */
    Coordinate *at; /* by AxisId; an axis that no value here has: value NULL */
    LLVMValueRef *values; /* by NodeId: what has been computed; callers may set some */
} Site;

/* operands: of the body's PARAM and INPUT nodes in node order. */
Evaluator evaluator_create(Emitter *emitter, const Function *body, const LLVMValueRef *operands,
                           LLVMValueRef immediates);

/* No coordinates and no values yet. */
Site *site_create(const Evaluator *evaluator, Site *around, uint32_t lanes);

LLVMValueRef site_value(Site *site, NodeId node);
/* The same in as many lanes as the site has. */
LLVMValueRef site_lanes(Site *site, NodeId node);

/* Elements of the dense tensor with these axes, at the site. A ramp with stride 1 stays one. */
Coordinate site_offset(Site *site, const Axes *axes);

/* Loads, stores (masked off lanes are not touched) elements at an offset; the value as above. */
LLVMValueRef site_load(Site *site, DType dtype, LLVMValueRef base, Coordinate offset);
void site_store(Site *site, DType dtype, LLVMValueRef base, Coordinate offset, LLVMValueRef value);

/* As `site`, with one axis elsewhere; memo and mask are its own. */
Site *site_moved(Site *site, AxisId axis, Coordinate to);

/* An i32 position (scalar or vector) clamped to an axis, as a coordinate. */
Coordinate site_position(Site *site, LLVMValueRef position, AxisId axis);

#endif
