/* Groups of loops are joined with the groups of their sources, so that what passes between them
 * need not go through memory; then with others that read the same large tensor, so that it is read
 * once.
 *
 * Two can be joined when there is a nest for both, no path leaves them and comes back, and the
 * kernel is no worse: it keeps tiles if it is large, and rows that are contiguous. Only groups of
 * one depth are: a path between nodes that have the same number of matrix products and attentions
 * before them has none on it, so the search for it stays among nodes of that depth. */
#include "passes/fuse.h"

enum { MAX_READERS = 16, ROUNDS = 4 };

/* --- paths --- */

static void visit(Fusion *fusion, NodeId id, uint32_t *count) {
    if (fusion->visited[id] == fusion->search)
        return;
    fusion->visited[id] = fusion->search;
    fusion->stack[(*count)++] = id;
}

/* Visits what reads the node at this depth, and all that runs with it. True when a or b reads it.
 */
static bool visit_users(Fusion *fusion, NodeId id, uint32_t depth, GroupId a, GroupId b,
                        uint32_t *count) {
    bool back = false;
    for (uint32_t i = fusion->user_start[id]; i < fusion->user_start[id + 1]; i++) {
        NodeId user = fusion->users[i];
        GroupId owner = fusion->owner[user];
        if (owner != GROUP_NONE && (owner == a || owner == b))
            back = true;
        else if (fusion->depth[user] != depth)
            continue;
        else if (owner == GROUP_NONE)
            visit(fusion, user, count);
        else
            for (uint32_t m = 0; m < fusion->groups[owner].count; m++)
                visit(fusion, fusion->groups[owner].members[m], count);
    }
    return back;
}

static bool path_between(Fusion *fusion, GroupId a, GroupId b) {
    const GroupId ends[] = {a, b};
    uint32_t depth = fusion->depth[fusion->groups[a].members[0]], count = 0;
    fusion->search++;
    for (int end = 0; end < 2; end++)
        for (uint32_t m = 0; m < fusion->groups[ends[end]].count; m++)
            visit_users(fusion, fusion->groups[ends[end]].members[m], depth, a, b, &count);
    while (count)
        if (visit_users(fusion, fusion->stack[--count], depth, a, b, &count))
            return true;
    return false;
}

/* --- joining --- */

static bool is_loops(const Fusion *fusion, GroupId id) {
    return id != GROUP_NONE && fusion->groups[id].kind == GROUP_LOOPS && fusion->groups[id].count;
}

/* Whether the kernel of both has a fault that one of them has not. */
static bool is_worse(Fusion *fusion, Verdict both, GroupId a, GroupId b) {
    Verdict first = fuse_judge(fusion, &(Trial){.a = a, .b = GROUP_NONE});
    Verdict second = fuse_judge(fusion, &(Trial){.a = b, .b = GROUP_NONE});
    return (both.serial && !(first.serial && second.serial)) ||
           (both.strided && !(first.strided && second.strided));
}

static void merge(Fusion *fusion, GroupId into, GroupId from) {
    Group *a = &fusion->groups[into], *b = &fusion->groups[from];
    uint32_t count = a->count + b->count;
    NodeId *members = arena_array(fusion->arena, count, sizeof *members);
    for (uint32_t i = 0, j = 0; i + j < count;) {
        bool first = j == b->count || (i < a->count && a->members[i] < b->members[j]);
        uint32_t at = i + j;
        members[at] = first ? a->members[i++] : b->members[j++];
    }
    for (uint32_t i = 0; i < b->count; i++)
        fusion->owner[b->members[i]] = into;
    *a = (Group){GROUP_LOOPS, members, count};
    *b = (Group){0};
}

/* Why two groups of loops stay apart; NULL: they can be one. */
static const char *refusal(Fusion *fusion, GroupId a, GroupId b) {
    if (fusion->depth[fusion->groups[a].members[0]] != fusion->depth[fusion->groups[b].members[0]])
        return "one of them waits for a matrix product, attention or library that the other does "
               "not";
    Verdict both = fuse_judge(fusion, &(Trial){.a = a, .b = b});
    if (!both.possible)
        return fusion->record ? arena_printf(fusion->arena, "no loops do both: %s", both.fault)
                              : both.fault;
    if (path_between(fusion, a, b))
        return "something between them needs the one and is needed by the other";
    if ((both.serial || both.strided) && is_worse(fusion, both, a, b))
        return both.serial ? "the kernel of both could not be cut into tiles"
                           : "the kernel of both would read across rows";
    return NULL;
}

/* Joins the groups if they are two that can be one; else *why, where it was asked. */
static bool join(Fusion *fusion, GroupId a, GroupId b, const char **why) {
    *why = NULL;
    if (a == b || !is_loops(fusion, a) || !is_loops(fusion, b))
        return false;
    *why = refusal(fusion, a, b);
    if (!*why)
        merge(fusion, a, b);
    return !*why;
}

static bool join_sources(Fusion *fusion, NodeId id) {
    const Node *node = fuse_node(fusion, id);
    bool joined = false;
    for (uint32_t i = node->source_count; i-- > 0;) {
        const char *why;
        joined |= join(fusion, fusion->owner[node->sources[i]], fusion->owner[id], &why);
        if (why)
            fusion_record_refuse(fusion->record, id, node->sources[i], why);
    }
    return joined;
}

/* Whether a tensor is most of what a kernel is about: as large as its loops. */
static bool is_large_for(Fusion *fusion, NodeId id, GroupId group) {
    int64_t elements = graph_elements(fusion->function, fuse_node(fusion, id));
    return elements >= fuse_judge(fusion, &(Trial){.a = group, .b = GROUP_NONE}).elements;
}

static bool join_readers(Fusion *fusion, NodeId id) {
    GroupId readers[MAX_READERS];
    uint32_t count = 0;
    bool joined = false;
    const char *why;
    for (uint32_t i = fusion->user_start[id]; i < fusion->user_start[id + 1]; i++) {
        GroupId reader = fusion->owner[fusion->users[i]];
        bool known = !is_loops(fusion, reader) || count == MAX_READERS;
        for (uint32_t j = 0; j < count && !known; j++)
            known = readers[j] == reader;
        if (!known)
            readers[count++] = reader;
    }
    for (uint32_t i = 0; i < count; i++)
        for (uint32_t j = i + 1; j < count; j++)
            if (is_loops(fusion, readers[i]) && is_loops(fusion, readers[j]) &&
                is_large_for(fusion, id, readers[i]) && is_large_for(fusion, id, readers[j]))
                joined |= join(fusion, readers[i], readers[j], &why);
    return joined;
}

void fuse_join(Fusion *fusion) {
    uint32_t nodes = fusion->function->node_count;
    bool joined = true;
    for (int round = 0; round < ROUNDS && joined; round++) {
        joined = false;
        for (NodeId id = 0; id < nodes; id++)
            joined |= join_sources(fusion, id);
        for (NodeId id = 0; id < nodes; id++)
            joined |= !fusion->is_free[id] && join_readers(fusion, id);
    }
}
