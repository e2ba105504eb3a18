#include "passes/fusion_record.h"

#include <string.h>

FusionRecord *fusion_record_create(const Function *function) {
    Arena *arena = function->arena;
    FusionRecord *record = arena_alloc(arena, sizeof *record);
    uint32_t *first = arena_array(arena, function->node_count, sizeof *first), edges = 0;
    for (NodeId id = 0; id < function->node_count; id++) {
        first[id] = edges;
        edges += graph_node(function, id)->source_count;
    }
    *record = (FusionRecord){
        .function = function,
        .first_edge = first,
        .refused = arena_array(arena, edges, sizeof *record->refused),
        .stored = arena_array(arena, function->node_count, sizeof *record->stored),
    };
    return record;
}

void fusion_records_add(FusionRecords *records, FusionRecord *record) {
    if (records->last)
        records->last->next = record;
    else
        records->first = record;
    records->last = record;
}

static const NodeId *copy_nodes(Arena *arena, const NodeId *nodes, uint32_t count) {
    NodeId *copy = arena_array(arena, count, sizeof *copy);
    if (count)
        memcpy(copy, nodes, count * sizeof *copy);
    return copy;
}

void fusion_record_kernel(FusionRecord *record, FusedKernel kernel) {
    if (!record)
        return;
    Arena *arena = record->function->arena;
    if (record->kernel_count == record->kernel_capacity) {
        uint32_t larger = 2 * record->kernel_capacity + 32;
        record->kernels =
            arena_grow(arena, record->kernels, record->kernel_count * sizeof *record->kernels,
                       larger * sizeof *record->kernels);
        record->kernel_capacity = larger;
    }
    kernel.nodes = copy_nodes(arena, kernel.nodes, kernel.count);
    kernel.outputs = copy_nodes(arena, kernel.outputs, kernel.output_count);
    record->kernels[record->kernel_count++] = kernel;
}

void fusion_record_refuse(FusionRecord *record, NodeId reader, NodeId source, const char *why) {
    if (!record)
        return;
    const Node *node = graph_node(record->function, reader);
    for (uint32_t i = 0; i < node->source_count; i++)
        if (node->sources[i] == source)
            record->refused[record->first_edge[reader] + i] = why;
}

void fusion_record_store(FusionRecord *record, NodeId node, const char *why) {
    if (record)
        record->stored[node] = why;
}
