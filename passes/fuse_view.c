/* What some groups would be as one kernel. */
#include "passes/fuse.h"

#include <stdlib.h>

enum {
    MAX_MEMBERS = 128,
    LARGE_ELEMENTS = 1 << 16, /* a kernel with fewer needs no tiles */
};

static void list_node(Fusion *fusion, NodeId id, NestView *view) {
    if (fusion->position[id] != NEST_OPERAND)
        return;
    fusion->position[id] = 0;
    fusion->listed[view->member_count++] = id;
    const Node *node = fuse_node(fusion, id);
    for (uint32_t i = 0; i < node->source_count; i++)
        if (fuse_computes(fusion, id, node->sources[i]))
            list_node(fusion, node->sources[i], view);
}

static void list_group(Fusion *fusion, GroupId id, const Trial *trial, NestView *view) {
    if (id == GROUP_NONE)
        return;
    const Group *group = &fusion->groups[id];
    for (uint32_t i = 0; i < group->count; i++) {
        NodeId node = group->members[i];
        list_node(fusion, node, view);
        if (fusion->owner[node] == id && fuse_node(fusion, node)->dtype != DTYPE_NONE &&
            fuse_read_outside(fusion, node, trial->a, trial->b))
            fusion->results[view->output_count++] = node;
    }
}

static int ascending(const void *a, const void *b) {
    NodeId x = *(const NodeId *)a, y = *(const NodeId *)b;
    return (x > y) - (x < y);
}

NestView fuse_view_open(Fusion *fusion, const Trial *trial) {
    NestView view = {.function = fusion->function,
                     .members = fusion->listed,
                     .position = fusion->position,
                     .outputs = fusion->results};
    list_group(fusion, trial->a, trial, &view);
    list_group(fusion, trial->b, trial, &view);
    for (uint32_t i = 0; i < trial->extra_count; i++)
        list_node(fusion, trial->extra[i], &view);
    qsort(fusion->listed, view.member_count, sizeof *fusion->listed, ascending);
    qsort(fusion->results, view.output_count, sizeof *fusion->results, ascending);
    for (uint32_t i = 0; i < view.member_count; i++)
        fusion->position[fusion->listed[i]] = i;
    return view;
}

void fuse_view_close(Fusion *fusion, const NestView *view) {
    for (uint32_t i = 0; i < view->member_count; i++)
        fusion->position[view->members[i]] = NEST_OPERAND;
}

/* A row that is reduced along, or that an output lacks, cannot be cut into tiles. */
static bool is_serial(const NestView *view, const Nest *nest) {
    bool can_cut = nest->row && !(nest->row & (nest->row - 1));
    for (uint32_t p = 0; p < view->member_count; p++)
        can_cut = can_cut && !(nest->nodes[p].over & nest->row);
    for (uint32_t i = 0; i < view->output_count; i++)
        can_cut =
            can_cut && nest_set(nest, &view->function->nodes[view->outputs[i]].axes) & nest->row;
    return !can_cut && nest_extent(nest, nest->kept) < 2;
}

Verdict fuse_judge(Fusion *fusion, const Trial *trial) {
    NestView view = fuse_view_open(fusion, trial);
    Nest nest = {.nodes = fusion->nest_nodes};
    Verdict verdict = {0};
    verdict.fault = view.member_count > MAX_MEMBERS ? "it would be too large for one kernel"
                                                    : nest_build(&view, &nest);
    verdict.possible = !verdict.fault;
    if (verdict.possible) {
        verdict.elements = nest_extent(&nest, nest.kept | nest.reduced | nest.row);
        verdict.strided = nest.is_strided;
        verdict.serial = verdict.elements >= LARGE_ELEMENTS && is_serial(&view, &nest);
    }
    fuse_view_close(fusion, &view);
    return verdict;
}

bool fuse_is_sound(Fusion *fusion) {
    for (GroupId id = 0; id < fusion->group_count; id++) {
        const Group *group = &fusion->groups[id];
        if (group->kind == GROUP_LOOPS && group->count &&
            !fuse_judge(fusion, &(Trial){.a = id, .b = GROUP_NONE}).possible)
            return false;
    }
    return true;
}
