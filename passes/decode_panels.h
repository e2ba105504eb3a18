/* The order in memory of weights that a product with few rows reads once, from end to end: in
 * panels of as many columns as it computes at a time, and each panel depth by depth. Memory gives
 * more to who reads it in one piece. */
#ifndef SCANLINE_PASSES_DECODE_PANELS_H
#define SCANLINE_PASSES_DECODE_PANELS_H

#include "ir/graph.h"

struct Target;

/* Axes of the weights, outermost first: those of panels (matrices first, where there are several),
 * of the depth, and within a panel. One axis may be in two parts, the outer one between panels and
 * depth, the inner one just within. */
typedef struct DecodePanels {
    Axes panels, depth, inside;
    AxisId split; /* AXIS_NONE: none */
    int64_t part; /* extent of its inner part */
} DecodePanels;

/* For source number `which` of a contraction. False where that is no such product, or its columns
 * are no whole panels. */
bool decode_panels_find(const Function *function, const Node *contract, uint32_t which,
                        const struct Target *target, DecodePanels *panels);

/* The weights in panels, with the axes that this takes; `node` has the axes of the weights. */
NodeId decode_panels_lay(Function *function, NodeId node, const DecodePanels *panels);

/* Whether products read panels of bf16 compressed (ir/compressed.h). */
bool decode_panels_pack(const Function *function, const DecodePanels *panels,
                        const struct Target *target);

/* Weights that are laid in panels, compressed: a panel is a stretch. */
NodeId decode_panels_compress(Function *function, NodeId laid, const DecodePanels *panels);

/* Weights in panels, as a parameter of that name and with the axes that they had; `packed`: the
 * name of what decode_panels_compress has made of them, NULL: it has not. */
NodeId decode_panels_read(Function *function, const char *name, const char *packed, DType dtype,
                          const DecodePanels *panels);

#endif
