/* What the files of the fusion pass share.
 *
 * Every node is in a group, which becomes a kernel, or is free (made of constants and positions alone, and
 * so computed wherever it is read), or stays outside: params, inputs, renames. A group owns its members,
 * but for those that it computes again although another group owns them (copies). */
#ifndef SCANLINE_PASSES_FUSE_H
#define SCANLINE_PASSES_FUSE_H

#include "ir/graph.h"
#include "passes/emit/nest.h"

typedef uint32_t GroupId;
#define GROUP_NONE UINT32_MAX

typedef enum GroupKind {
    GROUP_LOOPS,     /* loops with reductions */
    GROUP_PRODUCT,   /* a contraction that is a matrix product, with elementwise ops after it */
    GROUP_ATTENTION, /* attention or its gradient, with its results */
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
    bool *is_free, *is_output, *is_anchor;
    uint32_t *depth;      /* anchors on the longest path to it, itself among them */
    uint32_t *user_start; /* where its users begin in `users`; one more for the end */
    NodeId *users;        /* as often as they read */
    /* for what is at hand */
    uint32_t *position; /* NestView.position: NEST_OPERAND between uses */
    NodeId *listed, *results, *stack;
    NestNode *nest_nodes;
    uint32_t *visited, search;
} Fusion;

/* --- fuse_groups.c --- */

Fusion fuse_begin(const Function *function);
void fuse_join_groups(Fusion *fusion);

bool fuse_holds(const Fusion *fusion, GroupId group, NodeId id);
/* Whether its owner has to write it to memory. */
bool fuse_is_stored(const Fusion *fusion, NodeId id);
/* The members that a group owns and has to write, ascending, in the arena. */
NodeId *fuse_results(const Fusion *fusion, GroupId group, uint32_t *count);

/* What a kernel of one or two groups (GROUP_NONE: no other), and of more nodes that others own, would be. */
typedef struct Trial {
    GroupId a, b;
    const NodeId *extra;
    uint32_t extra_count;
} Trial;

typedef struct Verdict {
    bool possible;
    bool serial;      /* one tile, though it is large */
    int64_t elements; /* rounds of its loops */
} Verdict;

Verdict fuse_judge(Fusion *fusion, const Trial *trial);

/* The union of two ascending lists. */
NodeId *fuse_merge(Arena *arena, const NodeId *a, uint32_t a_count, const NodeId *b,
                   uint32_t b_count);

/* --- fuse_recompute.c --- */

void fuse_recompute(Fusion *fusion);

/* --- fuse_epilogue.c --- */

/* Moves elementwise ops into the groups of the matrix products that they follow. */
void fuse_epilogues(Fusion *fusion);

/* --- fuse_body.c --- */

/* The body of a kernel that computes `outputs` from `members` (ascending); it takes what else it needs as
 * inputs: those nodes, in the order of the body's inputs, are `sources`. */
typedef struct Outline {
    Function *body;
    NodeId *sources;
    uint32_t source_count;
} Outline;

Outline fuse_outline(const Function *function, const NodeId *members, uint32_t member_count,
                     const NodeId *outputs, uint32_t output_count);

/* --- fuse_split.c --- */

/* Large sums over several axes as sums over all but the outermost, then over that. */
Function *fuse_split_sums(const Function *function);

#endif
