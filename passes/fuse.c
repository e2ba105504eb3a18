/* The pass fuse: every op ends up in the body of one kernel.
 *
 * Groups of nodes grow greedily, from the first node to the last: a node's group joins those of its sources where one
 * loop nest can run both (nest_build decides) and no path leaves the two and comes back. What is made of constants and positions
 * alone is free: each body that reads it computes it again. Matrix products and attention are groups of their own. The
 * groups are then outlined in topological order. Joining never splits a group, so the pass ends after one look at each edge. */
#include "passes/passes.h"

#include "passes/emit/contract.h"
#include "passes/emit/nest.h"

#include <assert.h>
#include <string.h>

typedef uint32_t GroupId;
#define GROUP_NONE UINT32_MAX

typedef struct Group {
    NodeId *members; /* ascending; none: joined to another */
    uint32_t count;
    bool loops; /* what a loop nest may run; else a matrix product or attention */
} Group;

typedef struct Fusion {
    const Function *function;
    Arena *arena;
    Group *groups;
    uint32_t group_count;
    GroupId *owner; /* by node; GROUP_NONE: free, or outside of kernels */
    bool *is_free;
    uint32_t *user_start; /* by node: its users in `users` */
    NodeId *users;
    bool *is_output;
    uint32_t *position;   /* see NestView; NEST_OPERAND between uses */
    uint32_t *seen, search;
    NodeId *listed; /* room for all nodes */
} Fusion;

static bool is_binding(OpCode op) { return op == OP_PARAM || op == OP_INPUT; }

static bool is_attention(OpCode op) { return op == OP_ATTENTION || op == OP_ATTENTION_GRAD; }

/* --- classes of nodes --- */

static bool is_product(const Fusion *fusion, NodeId id) {
    const Node *node = graph_node(fusion->function, id);
    if (node->op != OP_CONTRACT)
        return false;
    const Axes *a = &graph_node(fusion->function, node->sources[0])->axes;
    const Axes *b = &graph_node(fusion->function, node->sources[1])->axes;
    Function *body = function_create(fusion->arena, "product");
    function_copy_axes(body, fusion->function);
    NodeId sources[2];
    for (int i = 0; i < 2; i++)
        sources[i] = graph_add(body, (Node){.op = OP_INPUT,
                                            .dtype = graph_node(fusion->function, node->sources[i])->dtype,
                                            .axes = i ? *b : *a,
                                            .attributes.name = i ? "x1" : "x0"});
    Node copy = *node;
    copy.sources = sources;
    function_output(body, "y0", graph_add(body, copy), NULL);
    return contract_accepts(body);
}

/* Made of constants and positions alone, and cheap to compute wherever it is read. */
static bool computed_anywhere(const Fusion *fusion, const Node *node) {
    switch (node->op) {
    case OP_CONST:
    case OP_INDEX:
        return true;
    case OP_PARAM:
    case OP_INPUT:
    case OP_RANDOM:
    case OP_RANDOM_NORMAL:
    case OP_SUM:
    case OP_REDUCE_MAX:
    case OP_ARGMAX:
    case OP_CONTRACT:
    case OP_GATHER:
    case OP_SCATTER_ADD:
    case OP_SHIFT:
    case OP_ATTENTION:
    case OP_ATTENTION_GRAD:
    case OP_KERNEL:
    case OP_RESULT:
        return false;
    default:
        for (uint32_t i = 0; i < node->source_count; i++)
            if (!fusion->is_free[node->sources[i]])
                return false;
        return true;
    }
}

static void classify(Fusion *fusion) {
    const Function *function = fusion->function;
    for (NodeId id = 0; id < function->node_count; id++)
        fusion->is_free[id] = computed_anywhere(fusion, graph_node(function, id));
    for (NodeId id = 0; id < function->node_count; id++) {
        const Node *node = graph_node(function, id);
        bool alone = is_attention(node->op) || is_product(fusion, id);
        for (uint32_t i = 0; alone && i < node->source_count; i++)
            fusion->is_free[node->sources[i]] = false; /* these read memory */
    }
}

static bool is_outside(const Fusion *fusion, NodeId id) {
    OpCode op = graph_node(fusion->function, id)->op;
    return is_binding(op) || (op == OP_RENAME && !fusion->is_free[id]);
}

static void groups_begin(Fusion *fusion) {
    const Function *function = fusion->function;
    for (NodeId id = 0; id < function->node_count; id++) {
        const Node *node = graph_node(function, id);
        fusion->owner[id] = GROUP_NONE;
        if (fusion->is_free[id] || is_outside(fusion, id))
            continue;
        if (node->op == OP_RESULT) {
            Group *group = &fusion->groups[fusion->owner[node->sources[0]]];
            fusion->owner[id] = fusion->owner[node->sources[0]];
            group->members[group->count++] = id;
            continue;
        }
        Group *group = &fusion->groups[fusion->group_count];
        fusion->owner[id] = fusion->group_count++;
        group->members = arena_array(fusion->arena, 4, sizeof *group->members); /* a node and its results */
        group->members[group->count++] = id;
        group->loops = !is_attention(node->op) && !is_product(fusion, id);
    }
}

static void users_find(Fusion *fusion) {
    const Function *function = fusion->function;
    uint32_t edges = 0;
    for (NodeId id = 0; id < function->node_count; id++) {
        edges += function->nodes[id].source_count;
        for (uint32_t i = 0; i < function->nodes[id].source_count; i++)
            fusion->user_start[function->nodes[id].sources[i] + 1]++;
    }
    for (NodeId id = 0; id < function->node_count; id++)
        fusion->user_start[id + 1] += fusion->user_start[id];
    fusion->users = arena_array(fusion->arena, edges, sizeof *fusion->users);
    uint32_t *next = arena_array(fusion->arena, function->node_count + 1, sizeof *next);
    memcpy(next, fusion->user_start, (function->node_count + 1) * sizeof *next);
    for (NodeId id = 0; id < function->node_count; id++)
        for (uint32_t i = 0; i < function->nodes[id].source_count; i++)
            fusion->users[next[function->nodes[id].sources[i]]++] = id;
    for (uint32_t i = 0; i < function->output_count; i++)
        fusion->is_output[function->outputs[i].node] = true;
}

/* --- bodies --- */

/* Adds the free nodes that members read, and sorts. */
static NodeId *with_free_nodes(Fusion *fusion, const NodeId *members, uint32_t count,
                               uint32_t *all_count) {
    const Function *function = fusion->function;
    NodeId *all = fusion->listed;
    uint32_t search = ++fusion->search;
    *all_count = 0;
    for (uint32_t i = 0; i < count; i++) {
        fusion->seen[members[i]] = search;
        all[(*all_count)++] = members[i];
    }
    for (uint32_t i = 0; i < *all_count; i++) { /* the list grows while it is walked */
        const Node *node = graph_node(function, all[i]);
        for (uint32_t j = 0; j < node->source_count; j++)
            if (fusion->is_free[node->sources[j]] && fusion->seen[node->sources[j]] != search) {
                fusion->seen[node->sources[j]] = search;
                all[(*all_count)++] = node->sources[j];
            }
    }
    for (uint32_t i = 1; i < *all_count; i++) { /* nearly in order */
        NodeId moved = all[i];
        uint32_t at = i;
        for (; at > 0 && all[at - 1] > moved; at--)
            all[at] = all[at - 1];
        all[at] = moved;
    }
    size_t size = *all_count * sizeof *all;
    return arena_grow(fusion->arena, all, size, size);
}

/* Whether somebody outside of the members reads it. */
static bool is_stored(const Fusion *fusion, NodeId id, GroupId a, GroupId b) {
    if (graph_node(fusion->function, id)->dtype == DTYPE_NONE)
        return false;
    if (fusion->is_output[id])
        return true;
    for (uint32_t i = fusion->user_start[id]; i < fusion->user_start[id + 1]; i++) {
        GroupId user = fusion->owner[fusion->users[i]];
        if (user == GROUP_NONE || (user != a && user != b))
            return true;
    }
    return false;
}

static bool nest_exists(Fusion *fusion, const NodeId *members, uint32_t count, GroupId a, GroupId b) {
    uint32_t all_count, output_count = 0;
    NodeId *all = with_free_nodes(fusion, members, count, &all_count);
    NodeId *outputs = arena_array(fusion->arena, count, sizeof *outputs);
    for (uint32_t i = 0; i < count; i++)
        if (is_stored(fusion, members[i], a, b))
            outputs[output_count++] = members[i];
    for (uint32_t i = 0; i < all_count; i++)
        fusion->position[all[i]] = i;
    NestView view = {fusion->function, all, all_count, fusion->position, outputs, output_count};
    Nest nest = {.nodes = arena_array(fusion->arena, all_count, sizeof *nest.nodes)};
    const char *fault = nest_build(&view, &nest);
    for (uint32_t i = 0; i < all_count; i++)
        fusion->position[all[i]] = NEST_OPERAND;
    return !fault;
}

/* --- joining --- */

/* Whether something outside of both groups depends on `a` and is needed by `b`. */
static bool path_between(Fusion *fusion, GroupId a, GroupId b, NodeId *stack) {
    const Function *function = fusion->function;
    NodeId first = fusion->groups[a].members[0];
    uint32_t depth = 0, search = ++fusion->search;
    for (uint32_t i = 0; i < fusion->groups[b].count; i++)
        stack[depth++] = fusion->groups[b].members[i];
    while (depth) {
        NodeId id = stack[--depth];
        const Node *node = graph_node(function, id);
        for (uint32_t i = 0; i < node->source_count; i++) {
            NodeId source = node->sources[i];
            GroupId group = fusion->owner[source];
            if (source < first || fusion->seen[source] == search || (group == b && group != GROUP_NONE))
                continue;
            if (group == a) {
                if (fusion->owner[id] != b)
                    return true;
                continue;
            }
            fusion->seen[source] = search;
            stack[depth++] = source;
            for (uint32_t j = 0; group != GROUP_NONE && j < fusion->groups[group].count; j++) {
                NodeId member = fusion->groups[group].members[j];
                if (fusion->seen[member] != search && member >= first) {
                    fusion->seen[member] = search;
                    stack[depth++] = member;
                }
            }
        }
    }
    return false;
}

static void try_to_join(Fusion *fusion, GroupId from, GroupId into, NodeId *stack) {
    Group *a = &fusion->groups[from], *b = &fusion->groups[into];
    if (from == into || !a->loops || !b->loops || path_between(fusion, from, into, stack))
        return;
    NodeId *members = arena_array(fusion->arena, a->count + b->count, sizeof *members);
    uint32_t i = 0, j = 0, count = 0;
    while (i < a->count || j < b->count)
        members[count++] = j == b->count || (i < a->count && a->members[i] < b->members[j])
                               ? a->members[i++]
                               : b->members[j++];
    if (!nest_exists(fusion, members, count, from, into))
        return;
    for (i = 0; i < a->count; i++)
        fusion->owner[a->members[i]] = into;
    *b = (Group){members, count, true};
    *a = (Group){0};
}

static void join_groups(Fusion *fusion) {
    const Function *function = fusion->function;
    NodeId *stack = arena_array(fusion->arena, 2 * (size_t)function->node_count + 1, sizeof *stack);
    for (NodeId id = 0; id < function->node_count; id++) {
        const Node *node = graph_node(function, id);
        for (uint32_t i = 0; i < node->source_count && fusion->owner[id] != GROUP_NONE; i++)
            if (fusion->owner[node->sources[i]] != GROUP_NONE)
                try_to_join(fusion, fusion->owner[node->sources[i]], fusion->owner[id], stack);
    }
}

/* --- the new function --- */

typedef struct Outlining {
    Fusion *fusion;
    Function *to;
    NodeId *map;  /* by old node: what it is in the new function; NODE_NONE: not yet */
    NodeId *inner; /* by old node: what it is in the body under way; NODE_NONE between uses */
    bool *inside;  /* by old node: a member of the body under way; false between uses */
} Outlining;

/* The kernel that computes `outputs` from `members`; its results in the new function. */
static void kernel_add(Outlining *outlining, const NodeId *members, uint32_t count, const NodeId *outputs,
                       uint32_t output_count, NodeId *results) {
    const Function *function = outlining->fusion->function;
    Arena *arena = outlining->fusion->arena;
    Function *body = function_create(arena, arena_printf(arena, "kernel_%u", outlining->to->node_count));
    function_copy_axes(body, function);
    NodeId *inner = outlining->inner, *read = outlining->fusion->listed;
    bool *inside = outlining->inside;
    uint32_t source_count = 0;
    const SpanSet *spans = NULL;
    for (uint32_t i = 0; i < count; i++)
        inside[members[i]] = true;
    /* inputs first, in the order of the nodes that read them */
    for (uint32_t i = 0; i < count + output_count; i++) {
        NodeId reader = i < count ? members[i] : outputs[i - count];
        const Node *node = graph_node(function, reader);
        uint32_t reads = i < count ? node->source_count : 1;
        for (uint32_t j = 0; j < reads; j++) {
            NodeId source = i < count ? node->sources[j] : reader;
            if (inside[source] || inner[source] != NODE_NONE)
                continue;
            const Node *operand = graph_node(function, source);
            inner[source] = graph_add(
                body, (Node){.op = OP_INPUT,
                             .dtype = operand->dtype,
                             .axes = operand->axes,
                             .attributes.name = arena_printf(arena, "x%u", source_count)});
            assert(outlining->map[source] != NODE_NONE);
            read[source_count++] = source;
        }
    }
    for (uint32_t i = 0; i < count; i++) {
        Node node = *graph_node(function, members[i]);
        NodeId *inner_sources = arena_array(arena, node.source_count, sizeof *inner_sources);
        for (uint32_t j = 0; j < node.source_count; j++)
            inner_sources[j] = inner[node.sources[j]];
        spans = spans_union(arena, spans, node.spans);
        node.sources = inner_sources;
        node.spans = NULL;
        inner[members[i]] = graph_add(body, node);
    }
    for (uint32_t i = 0; i < output_count; i++)
        function_output(body, arena_printf(arena, "y%u", i), inner[outputs[i]], NULL);
    NodeId *sources = arena_array(arena, source_count, sizeof *sources);
    for (uint32_t i = 0; i < source_count; i++) {
        sources[i] = outlining->map[read[i]];
        inner[read[i]] = NODE_NONE;
    }
    for (uint32_t i = 0; i < count; i++) {
        inner[members[i]] = NODE_NONE;
        inside[members[i]] = false;
    }
    NodeId kernel = graph_add(outlining->to, (Node){.op = OP_KERNEL,
                                                    .source_count = source_count,
                                                    .sources = sources,
                                                    .attributes.body = body,
                                                    .spans = spans});
    for (uint32_t i = 0; i < output_count; i++)
        results[i] = graph_add(outlining->to, (Node){.op = OP_RESULT,
                                                     .source_count = 1,
                                                     .sources = &kernel,
                                                     .attributes.amount = i,
                                                     .spans = graph_node(function, outputs[i])->spans});
}

static void group_outline(Outlining *outlining, GroupId id) {
    Fusion *fusion = outlining->fusion;
    const Group *group = &fusion->groups[id];
    uint32_t all_count, output_count = 0;
    NodeId *all = with_free_nodes(fusion, group->members, group->count, &all_count);
    NodeId *outputs = arena_array(fusion->arena, group->count, sizeof *outputs);
    for (uint32_t i = 0; i < group->count; i++)
        if (is_stored(fusion, group->members[i], id, id))
            outputs[output_count++] = group->members[i];
    if (!output_count)
        return; /* nothing reads it */
    NodeId *results = arena_array(fusion->arena, output_count, sizeof *results);
    kernel_add(outlining, all, all_count, outputs, output_count, results);
    for (uint32_t i = 0; i < output_count; i++)
        outlining->map[outputs[i]] = results[i];
}

/* Makes the node, and before it all that it needs. Depth is bounded by an own stack. */
static void node_make(Outlining *outlining, NodeId wanted, NodeId *stack) {
    const Fusion *fusion = outlining->fusion;
    const Function *function = fusion->function;
    uint32_t depth = 0;
    stack[depth++] = wanted;
    while (depth) {
        NodeId id = stack[depth - 1];
        GroupId owner = fusion->owner[id];
        if (outlining->map[id] != NODE_NONE || fusion->is_free[id]) {
            depth--;
            continue;
        }
        const Node *own = graph_node(function, id);
        const NodeId *members = owner == GROUP_NONE ? &id : fusion->groups[owner].members;
        uint32_t count = owner == GROUP_NONE ? 1 : fusion->groups[owner].count, before = depth;
        for (uint32_t i = 0; i < count; i++) {
            const Node *node = graph_node(function, members[i]);
            for (uint32_t j = 0; j < node->source_count; j++) {
                NodeId source = node->sources[j];
                bool within = owner != GROUP_NONE && fusion->owner[source] == owner;
                if (!within && !fusion->is_free[source] && outlining->map[source] == NODE_NONE)
                    stack[depth++] = source;
            }
        }
        if (depth > before)
            continue;
        depth--;
        if (owner != GROUP_NONE) {
            group_outline(outlining, owner);
        } else { /* a rename */
            Node copy = *own;
            copy.sources = &outlining->map[own->sources[0]];
            outlining->map[id] = graph_add(outlining->to, copy);
        }
    }
}

/* The memory that a node of the new function is: through renames. */
static NodeId memory_of(const Function *function, NodeId id) {
    while (graph_node(function, id)->op == OP_RENAME)
        id = graph_node(function, id)->sources[0];
    return id;
}

/* Outputs are results of their own: what is an input, free, or an output already is copied. */
static void outputs_add(Outlining *outlining) {
    Fusion *fusion = outlining->fusion;
    const Function *function = fusion->function;
    bool *claimed = arena_array(fusion->arena, function->node_count * 4 + function->output_count * 2 + 16,
                                sizeof *claimed);
    for (uint32_t i = 0; i < function->output_count; i++) {
        const Output *output = &function->outputs[i];
        NodeId made = outlining->map[output->node];
        NodeId memory = made == NODE_NONE ? NODE_NONE : memory_of(outlining->to, made);
        bool own = memory != NODE_NONE && graph_node(outlining->to, memory)->op == OP_RESULT &&
                   !claimed[memory];
        if (!own) {
            uint32_t count = 0;
            NodeId *all = &count;
            if (fusion->is_free[output->node])
                all = with_free_nodes(fusion, &output->node, 1, &count);
            kernel_add(outlining, all, count, &output->node, 1, &made);
            memory = made;
        }
        claimed[memory] = true;
        function_output(outlining->to, output->name, made, output->donated);
    }
}

static Function *outline(Fusion *fusion) {
    const Function *function = fusion->function;
    Function *to = function_create(function->arena, function->name);
    function_copy_axes(to, function);
    Outlining outlining = {.fusion = fusion, .to = to};
    outlining.map = arena_array(fusion->arena, function->node_count, sizeof *outlining.map);
    outlining.inner = arena_array(fusion->arena, function->node_count, sizeof *outlining.inner);
    outlining.inside = arena_array(fusion->arena, function->node_count, sizeof *outlining.inside);
    uint32_t edges = 2;
    for (NodeId id = 0; id < function->node_count; id++) {
        outlining.map[id] = outlining.inner[id] = NODE_NONE;
        edges += function->nodes[id].source_count;
        if (is_binding(function->nodes[id].op))
            outlining.map[id] = graph_add(to, function->nodes[id]);
    }
    NodeId *stack = arena_array(fusion->arena, 4 * (size_t)edges, sizeof *stack);
    for (NodeId id = 0; id < function->node_count; id++)
        if (is_stored(fusion, id, GROUP_NONE, GROUP_NONE) && !is_binding(function->nodes[id].op))
            node_make(&outlining, id, stack);
    outputs_add(&outlining);
    return to;
}

Function *pass_fuse(const Function *function, PassContext *context) {
    (void)context;
    Arena *arena = function->arena;
    uint32_t nodes = function->node_count;
    Fusion fusion = {
        .function = function,
        .arena = arena,
        .groups = arena_array(arena, nodes, sizeof *fusion.groups),
        .owner = arena_array(arena, nodes, sizeof *fusion.owner),
        .is_free = arena_array(arena, nodes, sizeof *fusion.is_free),
        .user_start = arena_array(arena, nodes + 2, sizeof *fusion.user_start),
        .is_output = arena_array(arena, nodes, sizeof *fusion.is_output),
        .position = arena_array(arena, nodes, sizeof *fusion.position),
        .seen = arena_array(arena, nodes, sizeof *fusion.seen),
        .listed = arena_array(arena, nodes, sizeof *fusion.listed),
    };
    for (uint32_t i = 0; i < nodes; i++)
        fusion.position[i] = NEST_OPERAND;
    classify(&fusion);
    groups_begin(&fusion);
    users_find(&fusion);
    join_groups(&fusion);
    return outline(&fusion);
}
