/* What the files of the fusion pass share.
 *
 * Every node is in a group, which becomes a kernel; or is free, made of constants and positions
 * alone, or a parameter rounded to bf16, or a tensor that is there compressed too, and computed
 * wherever it is read; or stays outside: params, inputs, renames. A group owns its members, but for
 * copies: nodes that another group owns and that it computes again. */
#ifndef SCANLINE_PASSES_FUSE_H
#define SCANLINE_PASSES_FUSE_H

#include "ir/graph.h"
#include "passes/emit/nest.h"
#include "passes/fusion_record.h"

typedef uint32_t GroupId;
#define GROUP_NONE UINT32_MAX

typedef enum GroupKind {
    GROUP_LOOPS,   /* loops with reductions */
    GROUP_PRODUCT, /* a contraction that is a matrix product, and elementwise ops after it */
    GROUP_ALONE,   /* attention, a call, or the gradient of one, with its results; an update of a
                      slice */
} GroupKind;

typedef struct Group {
    GroupKind kind;
    NodeId *members; /* ascending; none: the group is gone */
    uint32_t count;
} Group;

typedef struct CopyList {
    GroupId group;
    const struct CopyList *next;
} CopyList;

typedef struct Fusion {
    const Function *function;
    Arena *arena;
    Group *groups;
    uint32_t group_count;
    /* by NodeId */
    GroupId *owner; /* GROUP_NONE: free, or outside */
    const CopyList **copies;
    bool *is_free, *is_output;
    bool *is_side;    /* a param or input as a product reads it, rounded to bf16, with two axes as
                         one, or compressed: free for products too */
    bool *is_dropped; /* its owner computes it no more: nobody reads it from memory */
    uint32_t *depth; /* products, attentions and calls on the longest path to it, itself included */
    uint32_t *user_start; /* where its users begin in `users`; one more for the end */
    NodeId *users;        /* as often as they read */
    /* room for what is at hand */
    uint32_t *position; /* NestView.position: NEST_OPERAND between uses */
    NodeId *listed, *results, *stack;
    NodeId *inner; /* by NodeId: what it is in the body under way; NODE_NONE between uses */
    NestNode *nest_nodes;
    uint32_t *visited, search; /* by NodeId: the search that came by last */
    FusionRecord *record;      /* NULL: nobody asks why */
} Fusion;

static inline const Node *fuse_node(const Fusion *fusion, NodeId id) {
    return graph_node(fusion->function, id);
}

/* --- fuse_groups.c --- */

/* Classes, users and depths of all nodes, and a group for each that has one. */
Fusion fuse_begin(const Function *function);

/* A matrix product, attention, a call, an update of a slice: it reads memory, so what is free is
 * stored for it, but for what a product rounds or merges as it reads. */
bool fuse_is_anchor(const Fusion *fusion, NodeId id);

/* Whether the kernel of a member computes a free source of it rather than read it. */
bool fuse_computes(const Fusion *fusion, NodeId member, NodeId source);

bool fuse_holds(const Fusion *fusion, GroupId group, NodeId id);

/* Whether anybody outside of groups a and b reads the node from memory. */
bool fuse_read_outside(const Fusion *fusion, NodeId id, GroupId a, GroupId b);

/* Takes the copy of a node out of a group's books. */
void fuse_forget_copy(Fusion *fusion, GroupId group, NodeId id);

/* Whether it is in memory: outside of groups, or written by its owner. */
bool fuse_is_stored(const Fusion *fusion, NodeId id);

/* --- fuse_view.c --- */

/* What would be a kernel: the members of one or two groups (b may be GROUP_NONE), and copies of
 * others. */
typedef struct Trial {
    GroupId a, b;
    const NodeId *extra;
    uint32_t extra_count;
} Trial;

typedef struct Verdict {
    bool possible;
    const char *fault; /* why it is not */
    bool serial;       /* has one tile, though it is large */
    bool strided;      /* reads across rows: see Nest.is_strided */
    int64_t elements;  /* rounds of its loops */
} Verdict;

/* Members with the free nodes that they read, and outputs, both ascending and valid until the next
 * view. */
NestView fuse_view_open(Fusion *fusion, const Trial *trial);
void fuse_view_close(Fusion *fusion, const NestView *view);

/* Whether every group of loops is a kernel. */
bool fuse_is_sound(Fusion *fusion);

Verdict fuse_judge(Fusion *fusion, const Trial *trial);

/* --- the steps --- */

void fuse_join(Fusion *fusion);      /* fuse_join.c */
void fuse_epilogues(Fusion *fusion); /* fuse_epilogue.c */
void fuse_recompute(Fusion *fusion); /* fuse_recompute.c */
/* Takes out of a group what neither it nor anybody else needs; whether there was anything. */
bool fuse_drop_unread(Fusion *fusion, GroupId group);

/* A function in which large sums over several axes are sums over all but the outermost, then over
 * that: the first of the two can join the loops that make its terms, and has tiles. (fuse_split.c)
 */
Function *fuse_split_sums(const Function *function);

/* --- fuse_outline.c --- */

/* A view as the body of a kernel. What it reads from memory are its inputs x0, x1, ..., and
 * `sources`. Nodes and inputs are in the order in which they are met from the outputs, so that
 * equal kernels have equal bodies wherever they come from. */
typedef struct Outline {
    Function *body;
    NodeId *sources;
    uint32_t source_count;
    const SpanSet *spans;
} Outline;

Outline fuse_outline(Fusion *fusion, const NestView *view);

/* The function of kernels. */
Function *fuse_end(Fusion *fusion);

#endif
