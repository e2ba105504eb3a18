/* A value that loops read is computed by them rather than stored, where that moves less memory:
 * what it is made of is read anyway (the x and r of a norm's x * r, what goes into a GELU), or is
 * small.
 *
 * Values are looked at from the first to the last. What a group owns and nobody reads any more is
 * dropped in the end, from the last group to the first. */
#include "passes/emit/rows_plan.h"
#include "passes/fuse.h"

#include <string.h>

enum {
    MAX_CLOSURE = 24,
    MAX_READERS = 16,
    MOST_COST = 48,   /* multiplications that take about as long as moving a number */
    SMALL_SHARE = 16, /* a value of that part of the size or less may be stored instead */
};

static int64_t bytes_of(const Fusion *fusion, NodeId id) {
    const Node *node = fuse_node(fusion, id);
    return graph_elements(fusion->function, node) * (int64_t)dtype_size(node->dtype);
}

/* --- who reads a value --- */

static bool add_reader(const Fusion *fusion, GroupId group, NodeId id, GroupId *readers,
                       uint32_t *count) {
    if (group == GROUP_NONE || fusion->groups[group].kind != GROUP_LOOPS)
        return false;
    for (uint32_t i = 0; i < *count; i++)
        if (readers[i] == group)
            return true;
    if (fuse_holds(fusion, group, id))
        return true;
    if (*count == MAX_READERS)
        return false;
    readers[(*count)++] = group;
    return true;
}

/* The groups of loops that read the value from memory. *others: something else does, too. */
static uint32_t find_readers(const Fusion *fusion, NodeId id, GroupId *readers, bool *others) {
    uint32_t count = 0;
    *others = fusion->is_output[id];
    for (uint32_t i = fusion->user_start[id]; i < fusion->user_start[id + 1]; i++) {
        NodeId user = fusion->users[i];
        if (!add_reader(fusion, fusion->owner[user], id, readers, &count))
            *others = true;
        for (const CopyList *copy = fusion->copies[user]; copy; copy = copy->next)
            add_reader(fusion, copy->group, id, readers, &count);
    }
    return count;
}

static bool group_reads(const Fusion *fusion, GroupId group, NodeId id) {
    for (uint32_t i = fusion->user_start[id]; i < fusion->user_start[id + 1]; i++)
        if (fuse_holds(fusion, group, fusion->users[i]))
            return true;
    return false;
}

/* --- what computing it again takes --- */

typedef struct Closure {
    const char *fault; /* why it is not possible */
    NodeId nodes[MAX_CLOSURE];
    uint32_t count;
    double cost;                 /* multiplications, an element of the largest */
    int64_t extra_bytes;         /* that would be read, or written and read, for it */
    NodeId written[MAX_CLOSURE]; /* what would have to be stored that is not */
    uint32_t written_count;
    bool possible;
} Closure;

static bool closure_has(const Closure *closure, NodeId id) {
    for (uint32_t i = 0; i < closure->count; i++)
        if (closure->nodes[i] == id)
            return true;
    return false;
}

static void refuse(Closure *closure, const char *why) {
    closure->possible = false;
    closure->fault = why;
}

static void closure_add(const Fusion *fusion, Closure *closure, GroupId reader, NodeId value,
                        NodeId id) {
    if (!closure->possible || fusion->is_free[id] || fuse_holds(fusion, reader, id) ||
        closure_has(closure, id))
        return;
    const Node *node = fuse_node(fusion, id);
    bool stored = id != value && fuse_is_stored(fusion, id);
    if (!stored && op_is_elementwise(node->op) && fusion->owner[id] != GROUP_NONE) {
        if (closure->count == MAX_CLOSURE) {
            refuse(closure, "too much would have to be computed again");
            return;
        }
        closure->nodes[closure->count++] = id;
        if (graph_elements(fusion->function, node) * SMALL_SHARE >=
            graph_elements(fusion->function, fuse_node(fusion, value)))
            closure->cost += rows_op_cost(node->op);
        for (uint32_t i = 0; i < node->source_count; i++)
            closure_add(fusion, closure, reader, value, node->sources[i]);
        return;
    }
    if (id == value || (!stored && bytes_of(fusion, id) * SMALL_SHARE > bytes_of(fusion, value))) {
        refuse(closure, "what it is made of is not in memory");
        return;
    }
    if (!stored && closure->written_count == MAX_CLOSURE) {
        refuse(closure, "too much would have to be stored for computing it again");
        return;
    }
    if (!stored)
        closure->written[closure->written_count++] = id;
    if (!group_reads(fusion, reader, id))
        closure->extra_bytes += bytes_of(fusion, id) * (stored ? 1 : 2);
}

static Closure closure_of(Fusion *fusion, GroupId reader, NodeId value) {
    Closure closure = {.possible = true};
    closure_add(fusion, &closure, reader, value, value);
    if (closure.possible && closure.cost > MOST_COST)
        refuse(&closure, "computing it again costs more than reading it");
    if (closure.possible) {
        const Trial trial = {
            .a = reader, .b = GROUP_NONE, .extra = closure.nodes, .extra_count = closure.count};
        const Verdict verdict = fuse_judge(fusion, &trial);
        if (!verdict.possible)
            refuse(&closure, verdict.fault);
    }
    return closure;
}

/* --- doing it --- */

static void copy_into(Fusion *fusion, GroupId reader, const Closure *closure) {
    Group *group = &fusion->groups[reader];
    for (uint32_t i = 0; i < closure->count; i++) {
        NodeId id = closure->nodes[i];
        size_t at = 0;
        while (at < group->count && group->members[at] < id)
            at++;
        size_t rest = group->count - at;
        NodeId *members = arena_array(fusion->arena, group->count + 1, sizeof *members);
        memcpy(members, group->members, at * sizeof *members);
        members[at] = id;
        memcpy(members + at + 1, group->members + at, rest * sizeof *members);
        group->members = members;
        group->count++;
        CopyList *copy = arena_alloc(fusion->arena, sizeof *copy);
        *copy = (CopyList){reader, fusion->copies[id]};
        fusion->copies[id] = copy;
    }
}

static void take_out(Fusion *fusion, GroupId reader, const Closure *closure) {
    Group *group = &fusion->groups[reader];
    uint32_t kept = 0;
    for (uint32_t i = 0; i < group->count; i++)
        if (!closure_has(closure, group->members[i]))
            group->members[kept++] = group->members[i];
    group->count = kept;
    for (uint32_t i = 0; i < closure->count; i++)
        fuse_forget_copy(fusion, reader, closure->nodes[i]);
}

/* Whether the groups whose results would be others are kernels still. */
static bool owners_possible(Fusion *fusion, NodeId value, const Closure *closure) {
    GroupId owner = fusion->owner[value];
    bool possible = fuse_judge(fusion, &(Trial){.a = owner, .b = GROUP_NONE}).possible;
    for (uint32_t i = 0; i < closure->written_count && possible; i++) {
        owner = fusion->owner[closure->written[i]];
        possible = fusion->groups[owner].kind == GROUP_LOOPS &&
                   fuse_judge(fusion, &(Trial){.a = owner, .b = GROUP_NONE}).possible;
    }
    return possible;
}

/* All readers, so that it need not be stored; or, where it must be, those that read the rest
 * anyway. */
static void consider(Fusion *fusion, NodeId id) {
    GroupId readers[MAX_READERS];
    Closure closures[MAX_READERS];
    bool others;
    uint32_t count = find_readers(fusion, id, readers, &others);
    int64_t bytes = bytes_of(fusion, id), gain = bytes;
    for (uint32_t i = 0; i < count; i++) {
        closures[i] = closure_of(fusion, readers[i], id);
        if (!closures[i].possible) {
            others = true;
            fusion_record_store(fusion->record, id, closures[i].fault);
        }
        gain += bytes - closures[i].extra_bytes;
    }
    bool all = !others && gain > 0;
    for (uint32_t i = 0; i < count; i++)
        if (closures[i].possible && (all || closures[i].extra_bytes < bytes)) {
            copy_into(fusion, readers[i], &closures[i]);
            if (!owners_possible(fusion, id, &closures[i]))
                take_out(fusion, readers[i], &closures[i]);
        } else if (closures[i].possible) {
            fusion_record_store(fusion->record, id, "computing it again reads as much");
        }
}

/* --- dropping --- */

static void drop(Fusion *fusion, GroupId group, NodeId id) {
    if (fusion->owner[id] == group)
        fusion->is_dropped[id] = true;
    else
        fuse_forget_copy(fusion, group, id);
}

bool fuse_drop_unread(Fusion *fusion, GroupId id) {
    Group *group = &fusion->groups[id];
    uint32_t kept = 0;
    fusion->search++;
    for (uint32_t i = group->count; i-- > 0;) {
        NodeId node = group->members[i];
        bool stored = fusion->owner[node] == id && fuse_read_outside(fusion, node, id, id);
        if (!stored && fusion->visited[node] != fusion->search)
            continue;
        fusion->visited[node] = fusion->search;
        for (uint32_t s = 0; s < fuse_node(fusion, node)->source_count; s++)
            fusion->visited[fuse_node(fusion, node)->sources[s]] = fusion->search;
    }
    for (uint32_t i = 0; i < group->count; i++)
        if (fusion->visited[group->members[i]] == fusion->search)
            group->members[kept++] = group->members[i];
        else
            drop(fusion, id, group->members[i]);
    bool dropped = kept < group->count;
    group->count = kept;
    return dropped;
}

void fuse_recompute(Fusion *fusion) {
    for (NodeId id = 0; id < fusion->function->node_count; id++) {
        GroupId owner = fusion->owner[id];
        if (owner != GROUP_NONE && fusion->groups[owner].kind == GROUP_LOOPS &&
            op_is_elementwise(fuse_node(fusion, id)->op))
            consider(fusion, id);
    }
    for (bool dropped = true; dropped;) {
        dropped = false;
        for (GroupId id = fusion->group_count; id-- > 0;)
            dropped |= fusion->groups[id].kind == GROUP_LOOPS && fuse_drop_unread(fusion, id);
    }
}
