/* A hash table of a function's nodes, to find one that is equal to a node that is wanted. */
#ifndef SCANLINE_PASSES_NODE_TABLE_H
#define SCANLINE_PASSES_NODE_TABLE_H

#include "ir/graph.h"

typedef struct NodeTable NodeTable;

NodeTable *node_table_create(const Function *function);

/* A node with the same op, type, memory order, attributes and sources (in either order where the op
 * does not mind); NODE_NONE if there is none. Its dtype and axes must be known (graph_check).
 * Random draws are equal where key and counters are. */
NodeId node_table_find(const NodeTable *table, const Node *node);

/* The node must not be equal to one in the table. */
void node_table_add(NodeTable *table, NodeId id);

#endif
