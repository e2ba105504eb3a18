/* From groups to kernels: bodies, and the function that is left. Kernels stand where the first of
 * their results stood, or before whatever needs them. */
#include "passes/fuse.h"
#include "passes/rewrite.h"

#include <assert.h>

/* --- bodies --- */

typedef struct Outlining {
    Fusion *fusion;
    const NestView *view;
    Outline *outline;
} Outlining;

static Axes inner_axes(const Outlining *outlining, const Axes *axes) {
    Axes inner = {0};
    for (int i = 0; i < axes->count; i++) {
        const Axis *axis = graph_axis(outlining->fusion->function, axes->at[i]);
        axes_append(&inner, function_axis(outlining->outline->body, axis->name, axis->extent));
    }
    return inner;
}

static NodeId add_input(Outlining *outlining, NodeId id) {
    Outline *outline = outlining->outline;
    const Node *node = fuse_node(outlining->fusion, id);
    const char *name = arena_printf(outline->body->arena, "x%u", outline->source_count);
    outline->sources[outline->source_count++] = id;
    return graph_add(outline->body, (Node){.op = OP_INPUT,
                                           .dtype = node->dtype,
                                           .axes = inner_axes(outlining, &node->axes),
                                           .attributes.name = name});
}

/* A body has few nodes, so this does not go deep. */
static NodeId add_inner(Outlining *outlining, NodeId id) {
    Fusion *fusion = outlining->fusion;
    Outline *outline = outlining->outline;
    if (fusion->inner[id] != NODE_NONE)
        return fusion->inner[id];
    if (outlining->view->position[id] == NEST_OPERAND)
        return fusion->inner[id] = add_input(outlining, id);
    Node node = *fuse_node(fusion, id);
    NodeId *sources = arena_array(fusion->arena, node.source_count, sizeof *sources);
    for (uint32_t i = 0; i < node.source_count; i++)
        sources[i] = add_inner(outlining, node.sources[i]);
    outline->spans = spans_union(fusion->arena, outline->spans, node.spans);
    node.sources = sources;
    node.axes = inner_axes(outlining, &node.axes);
    node.attributes.axes = inner_axes(outlining, &node.attributes.axes);
    return fusion->inner[id] = graph_add(outline->body, node);
}

Outline fuse_outline(Fusion *fusion, const NestView *view) {
    Arena *arena = fusion->arena;
    Outline outline = {.body = function_create(arena, "kernel")};
    Outlining outlining = {fusion, view, &outline};
    uint32_t reads = view->output_count;
    for (uint32_t i = 0; i < view->member_count; i++)
        reads += fuse_node(fusion, view->members[i])->source_count;
    outline.sources = arena_array(arena, reads, sizeof *outline.sources);
    for (uint32_t i = 0; i < view->output_count; i++) {
        NodeId made = add_inner(&outlining, view->outputs[i]);
        function_output(outline.body, arena_printf(arena, "y%u", i), made, NULL);
    }
    for (uint32_t i = 0; i < view->member_count; i++)
        fusion->inner[view->members[i]] = NODE_NONE;
    for (uint32_t i = 0; i < outline.source_count; i++)
        fusion->inner[outline.sources[i]] = NODE_NONE;
    return outline;
}

/* --- the function of kernels --- */

typedef struct Ending {
    Fusion *fusion;
    Function *to;
    NodeId *map; /* by old node; NODE_NONE: not made, or within a kernel alone */
    NodeId *stack;
    uint32_t kernel_count;
} Ending;

/* Adds the kernel of a view; results[i] is its output i. */
static void add_kernel(Ending *ending, const NestView *view, NodeId *results) {
    Function *to = ending->to;
    Outline outline = fuse_outline(ending->fusion, view);
    outline.body->name = arena_printf(to->arena, "%s.%u", to->name, ending->kernel_count++);
    fusion_record_kernel(ending->fusion->record, (FusedKernel){.name = outline.body->name,
                                                               .nodes = view->members,
                                                               .count = view->member_count,
                                                               .outputs = view->outputs,
                                                               .output_count = view->output_count});
    NodeId *sources = arena_array(to->arena, outline.source_count, sizeof *sources);
    for (uint32_t i = 0; i < outline.source_count; i++)
        sources[i] = ending->map[outline.sources[i]];
    NodeId kernel = graph_add(to, (Node){.op = OP_KERNEL,
                                         .source_count = outline.source_count,
                                         .sources = sources,
                                         .attributes.body = outline.body,
                                         .spans = outline.spans});
    for (uint32_t i = 0; i < view->output_count; i++)
        results[i] =
            graph_add(to, (Node){.op = OP_RESULT,
                                 .source_count = 1,
                                 .sources = &kernel,
                                 .attributes.amount = i,
                                 .spans = fuse_node(ending->fusion, view->outputs[i])->spans});
}

static void make_group(Ending *ending, GroupId group) {
    Fusion *fusion = ending->fusion;
    NestView view = fuse_view_open(fusion, &(Trial){.a = group, .b = GROUP_NONE});
    NodeId *results = arena_array(fusion->arena, view.output_count, sizeof *results);
    add_kernel(ending, &view, results);
    for (uint32_t i = 0; i < view.output_count; i++)
        ending->map[view.outputs[i]] = results[i];
    fuse_view_close(fusion, &view);
}

/* A kernel that computes a free node, or copies what lies in memory. */
static NodeId add_copy(Ending *ending, NodeId id) {
    Fusion *fusion = ending->fusion;
    NodeId made;
    if (fusion->is_free[id]) {
        Trial trial = {.a = GROUP_NONE, .b = GROUP_NONE, .extra = &id, .extra_count = 1};
        NestView view = fuse_view_open(fusion, &trial);
        view.outputs = &id;
        view.output_count = 1;
        add_kernel(ending, &view, &made);
        fuse_view_close(fusion, &view);
    } else {
        const NestView view = {.function = fusion->function,
                               .position = fusion->position,
                               .outputs = &id,
                               .output_count = 1};
        add_kernel(ending, &view, &made);
    }
    return made;
}

/* Pushes the source of a member that must be made first, if it is one: of what is compressed, and
 * read as it is computed, both tensors. */
static uint32_t push_source(Ending *ending, GroupId owner, NodeId member, NodeId source,
                            uint32_t depth) {
    const Fusion *fusion = ending->fusion;
    const Node *node = fuse_node(fusion, source);
    const bool within = owner != GROUP_NONE && fuse_holds(fusion, owner, source);
    const bool computed = fuse_computes(fusion, member, source);
    if (!within && !computed && ending->map[source] == NODE_NONE)
        ending->stack[depth++] = source;
    for (uint32_t i = 0; computed && op_is_packed(node->op) && i < node->source_count; i++)
        if (ending->map[node->sources[i]] == NODE_NONE)
            ending->stack[depth++] = node->sources[i];
    return depth;
}

/* Pushes what must be made before the group or outside node that `id` belongs to. */
static uint32_t push_needs(Ending *ending, NodeId id, uint32_t depth) {
    const Fusion *fusion = ending->fusion;
    GroupId owner = fusion->owner[id];
    if (fusion->is_free[id])
        return depth;
    const NodeId *members = owner == GROUP_NONE ? &id : fusion->groups[owner].members;
    uint32_t count = owner == GROUP_NONE ? 1 : fusion->groups[owner].count;
    for (uint32_t i = 0; i < count; i++) {
        const Node *node = fuse_node(fusion, members[i]);
        for (uint32_t j = 0; j < node->source_count; j++)
            depth = push_source(ending, owner, members[i], node->sources[j], depth);
    }
    return depth;
}

/* Makes the node, and before it all that it needs. */
static void make_node(Ending *ending, NodeId wanted) {
    const Fusion *fusion = ending->fusion;
    uint32_t depth = 0;
    ending->stack[depth++] = wanted;
    while (depth) {
        NodeId id = ending->stack[depth - 1];
        uint32_t needs = ending->map[id] == NODE_NONE ? push_needs(ending, id, depth) : depth;
        if (needs > depth) {
            depth = needs;
            continue;
        }
        depth--;
        if (ending->map[id] != NODE_NONE)
            continue;
        if (fusion->is_free[id]) {
            ending->map[id] = add_copy(ending, id);
        } else if (fusion->owner[id] != GROUP_NONE) {
            make_group(ending, fusion->owner[id]);
        } else { /* a rename */
            Node copy = *fuse_node(fusion, id);
            copy.sources = &ending->map[copy.sources[0]];
            ending->map[id] = graph_add(ending->to, copy);
        }
    }
}

/* --- outputs --- */

/* Each output is a result of its own: what is an input, free, or an output already is copied. */
static void add_outputs(Ending *ending) {
    const Function *function = ending->fusion->function;
    NodeId *claimed = arena_array(function->arena, function->output_count, sizeof *claimed);
    for (uint32_t i = 0; i < function->output_count; i++) {
        const Output *output = &function->outputs[i];
        NodeId made = ending->map[output->node];
        bool own = made != NODE_NONE && graph_node(ending->to, made)->op == OP_RESULT;
        for (uint32_t j = 0; j < i && own; j++)
            own = claimed[j] != made;
        if (!own)
            made = add_copy(ending, output->node);
        claimed[i] = rename_source(ending->to, made);
        function_output(ending->to, output->name, made, output->donated);
    }
}

static uint32_t users_of(const Fusion *fusion, NodeId id) {
    return fusion->user_start[id + 1] - fusion->user_start[id];
}

Function *fuse_end(Fusion *fusion) {
    const Function *function = fusion->function;
    Arena *arena = fusion->arena;
    Ending ending = {.fusion = fusion, .to = function_create(arena, function->name)};
    function_copy_axes(ending.to, function);
    ending.map = arena_array(arena, function->node_count, sizeof *ending.map);
    size_t edges = 1; /* each group, and each node outside, is waited for once a source */
    for (GroupId group = 0; group < fusion->group_count; group++)
        for (uint32_t i = 0; i < fusion->groups[group].count; i++)
            edges += fuse_node(fusion, fusion->groups[group].members[i])->source_count;
    for (NodeId id = 0; id < function->node_count; id++) {
        const Node *node = fuse_node(fusion, id);
        bool binding = node->op == OP_PARAM || node->op == OP_INPUT;
        edges += fusion->owner[id] == GROUP_NONE ? node->source_count + 1 : 1;
        edges += op_is_packed(node->op) ? node->source_count * users_of(fusion, id) : 0;
        ending.map[id] = binding ? graph_add(ending.to, *node) : NODE_NONE;
    }
    ending.stack = arena_array(arena, edges, sizeof *ending.stack);
    for (NodeId id = 0; id < function->node_count; id++)
        if (!fusion->is_free[id] && ending.map[id] == NODE_NONE &&
            fuse_node(fusion, id)->dtype != DTYPE_NONE && fuse_is_stored(fusion, id))
            make_node(&ending, id);
    add_outputs(&ending);
    return ending.to;
}
