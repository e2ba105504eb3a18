/* Putting bodies and primitives in the place of the ops that hold them. */
#ifndef SCANLINE_PASSES_INLINE_H
#define SCANLINE_PASSES_INLINE_H

#include "ir/graph.h"

/* Adds the nodes of `body`, with bindings[i] in the place of its i-th PARAM or INPUT in node order,
 * and stores the nodes of its outputs in results[]. Axes are matched by name. */
void inline_body(Function *function, const Function *body, const NodeId *bindings, NodeId *results);

/* Adds what an attention node means, its score matrix included: results[0] the output, results[1]
 * the rows' log-sum-exp, with the axes and order that the op gives them. */
void inline_attention(Function *function, const Node *attention, NodeId results[2]);

/* The sources of attention and attention_grad: extras follow. */
enum { ATTENTION_QUERY, ATTENTION_KEY, ATTENTION_VALUE, ATTENTION_EXTRA };

#endif
