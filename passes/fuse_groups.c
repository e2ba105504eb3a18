/* What every node is to fusion, and who reads it. */
#include "passes/emit/contract.h"
#include "passes/fuse.h"

#include <string.h>

static bool is_binding(OpCode op) { return op == OP_PARAM || op == OP_INPUT; }

static bool stands_alone(OpCode op) {
    return op == OP_ATTENTION || op == OP_ATTENTION_GRAD || op == OP_UPDATE_SLICE ||
           op_is_pack(op) || op_is_pack_slice(op) || op == OP_CALL || op == OP_CALL_GRAD;
}

static bool stays_outside(const Fusion *fusion, NodeId id) {
    OpCode op = fuse_node(fusion, id)->op;
    return is_binding(op) || (op == OP_RENAME && !fusion->is_free[id]);
}

/* A contraction that the emitter of matrix products takes. */
static bool is_product(Fusion *fusion, NodeId id) {
    if (fuse_node(fusion, id)->op != OP_CONTRACT)
        return false;
    fusion->position[id] = 0;
    const NestView view = {fusion->function, &id, 1, fusion->position, &id, 1};
    Outline outline = fuse_outline(fusion, &view);
    fusion->position[id] = NEST_OPERAND;
    return contract_accepts(outline.body);
}

/* --- free nodes --- */

static bool sources_free(const Fusion *fusion, const Node *node) {
    for (uint32_t i = 0; i < node->source_count; i++)
        if (!fusion->is_free[node->sources[i]])
            return false;
    return true;
}

/* What a product, or attention, does as it reads. */
static bool is_side(const Fusion *fusion, const Node *node) {
    if (op_is_packed(node->op))
        return true;
    if (node->op != OP_CAST_BF16 && node->op != OP_MERGE)
        return false;
    const OpCode of = fuse_node(fusion, node->sources[0])->op;
    return is_binding(of) || op_is_packed(of);
}

static void classify(Fusion *fusion) {
    const Function *function = fusion->function;
    for (NodeId id = 0; id < function->node_count; id++) {
        const Node *node = fuse_node(fusion, id);
        bool cheap = op_is_elementwise(node->op) || node->op == OP_RENAME;
        fusion->is_side[id] = is_side(fusion, node);
        fusion->is_free[id] = node->op == OP_CONST || node->op == OP_INDEX || fusion->is_side[id] ||
                              (cheap && sources_free(fusion, node));
    }
    for (uint32_t i = 0; i < function->output_count; i++)
        fusion->is_output[function->outputs[i].node] = true;
}

/* --- users --- */

static void find_users(Fusion *fusion) {
    const Function *function = fusion->function;
    uint32_t edges = 0, *next;
    for (NodeId id = 0; id < function->node_count; id++)
        edges += fuse_node(fusion, id)->source_count;
    fusion->users = arena_array(fusion->arena, edges, sizeof *fusion->users);
    next = arena_array(fusion->arena, function->node_count + 1, sizeof *next);
    for (NodeId id = 0; id < function->node_count; id++)
        for (uint32_t i = 0; i < fuse_node(fusion, id)->source_count; i++)
            fusion->user_start[fuse_node(fusion, id)->sources[i] + 1]++;
    for (NodeId id = 0; id < function->node_count; id++)
        fusion->user_start[id + 1] += fusion->user_start[id];
    memcpy(next, fusion->user_start, (function->node_count + 1) * sizeof *next);
    for (NodeId id = 0; id < function->node_count; id++)
        for (uint32_t i = 0; i < fuse_node(fusion, id)->source_count; i++)
            fusion->users[next[fuse_node(fusion, id)->sources[i]]++] = id;
}

bool fuse_is_anchor(const Fusion *fusion, NodeId id) {
    GroupId owner = fusion->owner[id];
    return stands_alone(fuse_node(fusion, id)->op) ||
           (fuse_node(fusion, id)->op == OP_CONTRACT && owner != GROUP_NONE &&
            fusion->groups[owner].kind == GROUP_PRODUCT);
}

bool fuse_computes(const Fusion *fusion, NodeId member, NodeId source) {
    const OpCode op = fuse_node(fusion, member)->op;
    const bool expands = op == OP_ATTENTION && op_is_packed(fuse_node(fusion, source)->op);
    const bool packs = op == OP_CONTRACT && fusion->is_side[source];
    return fusion->is_free[source] && (packs || expands || !fuse_is_anchor(fusion, member));
}

bool fuse_holds(const Fusion *fusion, GroupId group, NodeId id) {
    if (fusion->owner[id] == group && !fusion->is_dropped[id])
        return true;
    for (const CopyList *copy = fusion->copies[id]; copy; copy = copy->next)
        if (copy->group == group)
            return true;
    return false;
}

void fuse_forget_copy(Fusion *fusion, GroupId group, NodeId id) {
    const CopyList *kept = NULL;
    for (const CopyList *copy = fusion->copies[id]; copy; copy = copy->next) {
        if (copy->group == group)
            continue;
        CopyList *other = arena_alloc(fusion->arena, sizeof *other);
        *other = (CopyList){copy->group, kept};
        kept = other;
    }
    fusion->copies[id] = kept;
}

/* Whether a group that computes `user` reads `id` from memory. */
static bool group_reads(const Fusion *fusion, GroupId reader, NodeId id, GroupId a, GroupId b) {
    return reader != a && reader != b && !fuse_holds(fusion, reader, id);
}

bool fuse_read_outside(const Fusion *fusion, NodeId id, GroupId a, GroupId b) {
    if (fusion->is_output[id])
        return true;
    for (uint32_t i = fusion->user_start[id]; i < fusion->user_start[id + 1]; i++) {
        NodeId user = fusion->users[i];
        GroupId owner = fusion->owner[user];
        if (!fusion->is_dropped[user] &&
            (owner == GROUP_NONE || group_reads(fusion, owner, id, a, b)))
            return true;
        for (const CopyList *copy = fusion->copies[user]; copy; copy = copy->next)
            if (group_reads(fusion, copy->group, id, a, b))
                return true;
    }
    return false;
}

bool fuse_is_stored(const Fusion *fusion, NodeId id) {
    GroupId owner = fusion->owner[id];
    return owner == GROUP_NONE || fuse_read_outside(fusion, id, owner, owner);
}

/* --- groups --- */

static void add_group(Fusion *fusion, NodeId id, GroupKind kind) {
    Group *group = &fusion->groups[fusion->group_count];
    fusion->owner[id] = fusion->group_count++;
    *group = (Group){.kind = kind, .count = 1};
    group->members = arena_array(fusion->arena, 1, sizeof *group->members);
    group->members[0] = id;
}

/* Results of attention and of gradients belong to their group. */
static void add_result(Fusion *fusion, NodeId id) {
    GroupId owner = fusion->owner[fuse_node(fusion, id)->sources[0]];
    Group *group = &fusion->groups[owner];
    NodeId *members = arena_array(fusion->arena, group->count + 1, sizeof *members);
    memcpy(members, group->members, group->count * sizeof *members);
    members[group->count++] = id;
    group->members = members;
    fusion->owner[id] = owner;
}

static void make_groups(Fusion *fusion) {
    for (NodeId id = 0; id < fusion->function->node_count; id++) {
        const Node *node = fuse_node(fusion, id);
        bool alone = stands_alone(node->op), product = is_product(fusion, id);
        fusion->owner[id] = GROUP_NONE;
        for (uint32_t i = 0; i < node->source_count; i++)
            if (fusion->depth[node->sources[i]] > fusion->depth[id])
                fusion->depth[id] = fusion->depth[node->sources[i]];
        fusion->depth[id] += alone || product;
        if (fusion->is_free[id] || stays_outside(fusion, id))
            continue;
        if (node->op == OP_RESULT)
            add_result(fusion, id);
        else
            add_group(fusion, id, alone ? GROUP_ALONE : product ? GROUP_PRODUCT : GROUP_LOOPS);
    }
}

Fusion fuse_begin(const Function *function) {
    Arena *arena = function->arena;
    size_t nodes = function->node_count;
    Fusion fusion = {
        .function = function,
        .arena = arena,
        .groups = arena_array(arena, nodes, sizeof *fusion.groups),
        .owner = arena_array(arena, nodes, sizeof *fusion.owner),
        .copies = arena_array(arena, nodes, sizeof *fusion.copies),
        .is_free = arena_array(arena, nodes, sizeof *fusion.is_free),
        .is_side = arena_array(arena, nodes, sizeof *fusion.is_side),
        .is_dropped = arena_array(arena, nodes, sizeof *fusion.is_dropped),
        .is_output = arena_array(arena, nodes, sizeof *fusion.is_output),
        .depth = arena_array(arena, nodes, sizeof *fusion.depth),
        .user_start = arena_array(arena, nodes + 1, sizeof *fusion.user_start),
        .position = arena_array(arena, nodes, sizeof *fusion.position),
        .listed = arena_array(arena, nodes, sizeof *fusion.listed),
        .results = arena_array(arena, nodes, sizeof *fusion.results),
        .stack = arena_array(arena, nodes, sizeof *fusion.stack),
        .inner = arena_array(arena, nodes, sizeof *fusion.inner),
        .nest_nodes = arena_array(arena, nodes, sizeof *fusion.nest_nodes),
        .visited = arena_array(arena, nodes, sizeof *fusion.visited),
    };
    for (NodeId id = 0; id < nodes; id++) {
        fusion.position[id] = NEST_OPERAND;
        fusion.inner[id] = NODE_NONE;
    }
    classify(&fusion);
    find_users(&fusion);
    make_groups(&fusion);
    return fusion;
}
