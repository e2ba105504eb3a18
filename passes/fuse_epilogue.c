/* Elementwise ops move from loops to the matrix product whose result they read, so that it is
 * changed in registers: a residual's sum, a bias. Costly ops stay in loops: the product's registers
 * are taken, and spilling them costs more than the way through memory (GELU takes twice as long).
 * Where few rows meet a large matrix, which is waited for anyway, they move too: a kernel less.
 *
 * What can move is what depends on the product and on things that are there before it. Of these
 * nodes, in their order, as many move as make the two kernels read and write the least. */
#include "passes/emit/contract.h"
#include "passes/emit/rows_plan.h"
#include "passes/fuse.h"

#include <string.h>

enum {
    MAX_MOVED = 32,
    COSTLY = 16, /* multiplications */
    LITTLE = 16, /* a result is little beside a source that is so many times as large */
};

static const char too_costly[] =
    "the op that reads it costs too much for the end of a matrix product, whose registers are "
    "taken";

static int64_t bytes_of(const Fusion *fusion, NodeId id) {
    const Node *node = fuse_node(fusion, id);
    return graph_elements(fusion->function, node) * (int64_t)dtype_size(node->dtype);
}

/* What a group reads from memory and writes to it, computing no more than it must. */
static int64_t traffic(Fusion *fusion, GroupId id) {
    const Group *group = &fusion->groups[id];
    int64_t bytes = 0;
    fusion->search++;
    for (uint32_t i = group->count; i-- > 0;) {
        NodeId member = group->members[i];
        const Node *node = fuse_node(fusion, member);
        bool stored = fusion->owner[member] == id && fuse_read_outside(fusion, member, id, id);
        if (stored)
            bytes += bytes_of(fusion, member);
        if (!stored && fusion->visited[member] != fusion->search)
            continue;
        for (uint32_t s = 0; s < node->source_count; s++) {
            NodeId source = node->sources[s];
            bool counted = fusion->visited[source] == fusion->search;
            fusion->visited[source] = fusion->search;
            if (!counted && !fusion->is_free[source] && !fuse_holds(fusion, id, source))
                bytes += bytes_of(fusion, source);
        }
    }
    return bytes;
}

/* --- what can move --- */

static bool is_listed(const NodeId *list, uint32_t count, NodeId id) {
    for (uint32_t i = 0; i < count; i++)
        if (list[i] == id)
            return true;
    return false;
}

static NodeId contract_of(const Fusion *fusion, GroupId product) {
    const NodeId *member = fusion->groups[product].members;
    while (!fuse_is_anchor(fusion, *member))
        member++;
    return *member;
}

static bool is_little(const Fusion *fusion, NodeId contract) {
    const Node *node = fuse_node(fusion, contract);
    const int64_t result = graph_elements(fusion->function, node);
    for (uint32_t i = 0; i < node->source_count; i++)
        if (graph_elements(fusion->function, fuse_node(fusion, node->sources[i])) / LITTLE >=
            result)
            return true;
    return false;
}

/* Why a member of the loops can't move; NULL: it depends on the product, on `moved` and on earlier
 * things alone, and the product's registers can take it. */
static const char *stays(const Fusion *fusion, GroupId product, GroupId loops, NodeId id,
                         const NodeId *moved, uint32_t count) {
    const Node *node = fuse_node(fusion, id);
    NodeId contract = contract_of(fusion, product);
    if (fuse_holds(fusion, product, id))
        return "the matrix product computes the op that reads it, too";
    if (!op_is_elementwise(node->op))
        return "the op that reads it is not elementwise, and the end of a matrix product takes no "
               "other";
    if (rows_op_cost(node->op) >= COSTLY && !is_little(fusion, contract))
        return too_costly;
    if (!axes_subset(&node->axes, &fuse_node(fusion, contract)->axes))
        return "the op that reads it has axes that the matrix product lacks";
    for (uint32_t i = 0; i < node->source_count; i++) {
        NodeId source = node->sources[i];
        bool there = fusion->is_free[source] || fuse_holds(fusion, product, source) ||
                     is_listed(moved, count, source);
        bool earlier =
            fusion->depth[source] < fusion->depth[contract] && !fuse_holds(fusion, loops, source);
        if (!there && fuse_holds(fusion, loops, source))
            return "the op that reads it needs another value of its loops";
        if (!there && !earlier)
            return "the op that reads it needs what is not there yet when the matrix product ends";
    }
    return NULL;
}

static void refuse(const Fusion *fusion, GroupId product, NodeId id, const char *why) {
    const Node *node = fuse_node(fusion, id);
    for (uint32_t i = 0; i < node->source_count && fusion->record; i++)
        if (fuse_holds(fusion, product, node->sources[i]))
            fusion_record_refuse(fusion->record, id, node->sources[i], why);
}

/* *limit: where a costly op stays, why the others may. */
static uint32_t list_movable(const Fusion *fusion, GroupId product, GroupId loops,
                             NodeId moved[MAX_MOVED], const char **limit) {
    const Group *group = &fusion->groups[loops];
    uint32_t count = 0;
    for (uint32_t i = 0; i < group->count && count < MAX_MOVED; i++) {
        const char *why = stays(fusion, product, loops, group->members[i], moved, count);
        if (why == too_costly)
            *limit = "what follows costs too much for the end of a matrix product, and moving less "
                     "saves nothing";
        if (why)
            refuse(fusion, product, group->members[i], why);
        else
            moved[count++] = group->members[i];
    }
    return count;
}

/* --- moving --- */

static void insert(Fusion *fusion, Group *group, NodeId id) {
    size_t at = 0;
    while (at < group->count && group->members[at] < id)
        at++;
    NodeId *members = arena_array(fusion->arena, group->count + 1, sizeof *members);
    memcpy(members, group->members, at * sizeof *members);
    members[at] = id;
    memcpy(members + at + 1, group->members + at, (group->count - at) * sizeof *members);
    group->members = members;
    group->count++;
}

static void take_out(Group *group, NodeId id) {
    uint32_t kept = 0;
    for (uint32_t i = 0; i < group->count; i++)
        if (group->members[i] != id)
            group->members[kept++] = group->members[i];
    group->count = kept;
}

static void move(Fusion *fusion, NodeId id, GroupId from, GroupId to) {
    take_out(&fusion->groups[from], id);
    insert(fusion, &fusion->groups[to], id);
    fusion->owner[id] = to;
}

/* What loops hold as a copy they may still need: the product gets one, too. */
static void copy(Fusion *fusion, NodeId id, GroupId to) {
    insert(fusion, &fusion->groups[to], id);
    CopyList *link = arena_alloc(fusion->arena, sizeof *link);
    *link = (CopyList){to, fusion->copies[id]};
    fusion->copies[id] = link;
}

static void give(Fusion *fusion, NodeId id, GroupId loops, GroupId product) {
    if (fusion->owner[id] == loops)
        move(fusion, id, loops, product);
    else
        copy(fusion, id, product);
}

static void take_back(Fusion *fusion, NodeId id, GroupId loops, GroupId product) {
    if (fusion->owner[id] == product) {
        move(fusion, id, product, loops);
    } else {
        take_out(&fusion->groups[product], id);
        fuse_forget_copy(fusion, product, id);
    }
}

static bool is_accepted(Fusion *fusion, GroupId product) {
    NestView view = fuse_view_open(fusion, &(Trial){.a = product, .b = GROUP_NONE});
    Outline outline = fuse_outline(fusion, &view);
    fuse_view_close(fusion, &view);
    return contract_accepts(outline.body);
}

static bool is_kernel(Fusion *fusion, GroupId loops) {
    return fusion->groups[loops].count == 0 ||
           fuse_judge(fusion, &(Trial){.a = loops, .b = GROUP_NONE}).possible;
}

/* Moves the best number of nodes; the product's own group stays valid on the way back. */
static void move_best(Fusion *fusion, GroupId product, GroupId loops) {
    NodeId moved[MAX_MOVED];
    const char *limit = "the two kernels would read and write no less if more of them were one";
    uint32_t count = list_movable(fusion, product, loops, moved, &limit), best = 0, at = 0;
    int64_t least = traffic(fusion, product) + traffic(fusion, loops);
    while (at < count) {
        give(fusion, moved[at++], loops, product);
        int64_t bytes = traffic(fusion, product) + traffic(fusion, loops);
        if (bytes < least && is_accepted(fusion, product) && is_kernel(fusion, loops)) {
            least = bytes;
            best = at;
        }
    }
    while (at > best) {
        take_back(fusion, moved[--at], loops, product);
        refuse(fusion, product, moved[at], limit);
    }
    fuse_drop_unread(fusion, loops);
}

static void follow(Fusion *fusion, GroupId product) {
    for (uint32_t m = 0; m < fusion->groups[product].count; m++) {
        NodeId member = fusion->groups[product].members[m];
        for (uint32_t i = fusion->user_start[member]; i < fusion->user_start[member + 1]; i++) {
            GroupId reader = fusion->owner[fusion->users[i]];
            if (reader != GROUP_NONE && fusion->groups[reader].kind == GROUP_LOOPS &&
                fusion->depth[fusion->users[i]] == fusion->depth[member])
                move_best(fusion, product, reader);
        }
    }
}

void fuse_epilogues(Fusion *fusion) {
    for (GroupId id = 0; id < fusion->group_count; id++)
        if (fusion->groups[id].kind == GROUP_PRODUCT)
            follow(fusion, id);
}
