/* A team waits between a step and one that needs it, and what lies between two waits runs side by
 * side. So the step that draws a position has its kernels in the order of their depth: all that
 * needs no other first, then what needs those alone, and so on. Memory, by which other functions
 * are ordered (passes/remat.c), is no matter with one position. */
#include "passes/decode.h"
#include "passes/rewrite.h"

#include <stdlib.h>

typedef struct Place {
    uint32_t depth;
    NodeId id;
} Place;

static int by_depth(const void *left, const void *right) {
    const Place *a = left, *b = right;
    if (a->depth != b->depth)
        return a->depth < b->depth ? -1 : 1;
    return a->id < b->id ? -1 : a->id > b->id;
}

/* How many kernels there are on the longest way to each node. */
static Place *places_of(const Function *function) {
    Place *places = arena_array(function->arena, function->node_count, sizeof *places);
    for (NodeId id = 0; id < function->node_count; id++) {
        const Node *node = graph_node(function, id);
        uint32_t depth = 0;
        for (uint32_t i = 0; i < node->source_count; i++)
            if (places[node->sources[i]].depth > depth)
                depth = places[node->sources[i]].depth;
        places[id] = (Place){depth + (node->op == OP_KERNEL), id};
    }
    return places;
}

Function *pass_order(const Function *function, PassContext *context) {
    (void)context;
    if (!decode_is_step(function)) {
        Rewrite rewrite = rewrite_all(function, NULL);
        return rewrite_end(&rewrite);
    }
    Place *places = places_of(function);
    qsort(places, function->node_count, sizeof *places, by_depth);
    Rewrite rewrite = rewrite_begin(function, NULL);
    for (NodeId i = 0; i < function->node_count; i++)
        rewrite_copy(&rewrite, places[i].id);
    return rewrite_end(&rewrite);
}
