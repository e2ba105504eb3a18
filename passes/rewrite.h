/* What the passes that rebuild functions share: a pass walks the nodes of the old function in order
 * and adds to a new one, with a map from old nodes to new. Axes keep their ids, nodes their places.
 */
#ifndef SCANLINE_PASSES_REWRITE_H
#define SCANLINE_PASSES_REWRITE_H

#include "ir/graph.h"

typedef struct Rewrite {
    const Function *from;
    Function *to;
    NodeId *map; /* by node of `from`: its node of `to`; NODE_NONE: not yet, or left out */
} Rewrite;

/* A new function in the arena of `from`, with its axes and no nodes. A name of NULL keeps the name.
 */
Rewrite rewrite_begin(const Function *from, const char *name);

/* The old node with its sources replaced by those they map to: to be changed, then added. */
Node rewrite_node(const Rewrite *rewrite, NodeId old);

/* Adds the old node as it is, and maps it. */
NodeId rewrite_copy(Rewrite *rewrite, NodeId old);

/* rewrite_begin, with all nodes copied. */
Rewrite rewrite_all(const Function *from, const char *name);

/* All nodes of `to` from `first` on that have no place yet get that of the old node. */
void rewrite_place(Rewrite *rewrite, NodeId first, NodeId old);

/* Adds the old function's outputs, all of which must be mapped, and gives the new function. */
Function *rewrite_end(Rewrite *rewrite);

/* Which nodes the outputs need, by node; from the function's arena. */
bool *function_live(const Function *function);

/* How many sources and outputs refer to each node, counting live nodes alone. */
uint32_t *function_uses(const Function *function, const bool *live);

/* The function without the nodes, bindings included, that no output needs. */
Function *function_prune(const Function *function);

/* The node itself, or what it renames: a renamed tensor is its source's memory. */
NodeId rename_source(const Function *function, NodeId id);

/* The same elements in another memory order. */
NodeId build_reordered(Function *function, NodeId node, const Axes *order);

/* `node` repeated along those of `axes` that it lacks, in the order of `axes`: no tensor is read
 * for it. */
NodeId build_broadcast(Function *function, NodeId node, const Axes *axes);

#endif
