/* Open addressing with linear probing. The table is only asked for equal nodes, never walked, so
 * the order in it shows nowhere. */
#include "passes/node_table.h"

#include "ir/external.h"

#include <string.h>

struct NodeTable {
    const Function *function;
    NodeId *slots; /* NODE_NONE: empty */
    uint32_t count, capacity;
};

enum { FIRST_CAPACITY = 256 };

static NodeId *slots_create(Arena *arena, uint32_t capacity) {
    NodeId *slots = arena_array(arena, capacity, sizeof(NodeId));
    for (uint32_t i = 0; i < capacity; i++)
        slots[i] = NODE_NONE;
    return slots;
}

NodeTable *node_table_create(const Function *function) {
    NodeTable *table = arena_alloc(function->arena, sizeof *table);
    table->function = function;
    table->capacity = FIRST_CAPACITY;
    table->slots = slots_create(function->arena, table->capacity);
    return table;
}

/* The order of its two sources does not matter to a bit of the result. */
static bool commutes(OpCode op) {
    return op == OP_ADD || op == OP_MUL || op == OP_EQUAL || op == OP_AND || op == OP_OR ||
           op == OP_CONTRACT;
}

/* The finalizer of MurmurHash3. */
static uint64_t mix(uint64_t hash, uint64_t word) {
    hash ^= word;
    hash = (hash ^ (hash >> 33)) * UINT64_C(0xff51afd7ed558ccd);
    hash = (hash ^ (hash >> 33)) * UINT64_C(0xc4ceb9fe1a85ec53);
    return hash ^ (hash >> 33);
}

static uint64_t bits_of(double value) {
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static uint64_t mix_axes(uint64_t hash, const Axes *axes) {
    hash = mix(hash, axes->count);
    for (int i = 0; i < axes->count; i++)
        hash = mix(hash, axes->at[i]);
    return hash;
}

static uint64_t node_hash(const Node *node) {
    uint64_t hash = mix(UINT64_C(0x9e3779b97f4a7c15), ((uint64_t)node->op << 8) | node->dtype);
    hash = mix_axes(hash, &node->axes);
    hash = mix_axes(hash, &node->attributes.axes);
    hash = mix(hash, bits_of(node->attributes.value));
    hash = mix(hash, (uint64_t)node->attributes.amount);
    hash = mix(hash, node->attributes.key);
    const External *external = node->attributes.external;
    for (const char *c = external ? external->name : node->attributes.name; c && *c; c++)
        hash = mix(hash, (unsigned char)*c);
    uint64_t sources = 0; /* a sum: sources that swap give the same */
    for (uint32_t i = 0; i < node->source_count; i++)
        sources += mix(commutes(node->op) ? 0 : i, node->sources[i]);
    return mix(hash, sources);
}

static bool same_name(const char *a, const char *b) {
    return a == b || (a && b && strcmp(a, b) == 0);
}

static bool same_attributes(const Attributes *a, const Attributes *b) {
    return bits_of(a->value) == bits_of(b->value) && a->amount == b->amount && a->key == b->key &&
           a->body == b->body && external_equal(a->external, b->external) &&
           same_name(a->name, b->name) && axes_equal(&a->axes, &b->axes);
}

static bool same_sources(const Node *a, const Node *b) {
    if (a->source_count != b->source_count)
        return false;
    bool same = true;
    for (uint32_t i = 0; i < a->source_count; i++)
        same = same && a->sources[i] == b->sources[i];
    return same ||
           (commutes(a->op) && a->sources[0] == b->sources[1] && a->sources[1] == b->sources[0]);
}

static bool same_node(const Node *a, const Node *b) {
    return a->op == b->op && a->dtype == b->dtype && axes_equal(&a->axes, &b->axes) &&
           same_attributes(&a->attributes, &b->attributes) && same_sources(a, b);
}

NodeId node_table_find(const NodeTable *table, const Node *node) {
    const uint32_t mask = table->capacity - 1;
    for (uint32_t at = (uint32_t)node_hash(node) & mask;; at = (at + 1) & mask) {
        const NodeId id = table->slots[at];
        if (id == NODE_NONE || same_node(graph_node(table->function, id), node))
            return id;
    }
}

static void insert(NodeTable *table, NodeId id) {
    const uint32_t mask = table->capacity - 1;
    uint32_t at = (uint32_t)node_hash(graph_node(table->function, id)) & mask;
    while (table->slots[at] != NODE_NONE)
        at = (at + 1) & mask;
    table->slots[at] = id;
}

void node_table_add(NodeTable *table, NodeId id) {
    if (2 * (table->count + 1) > table->capacity) {
        const NodeId *old = table->slots;
        const uint32_t old_capacity = table->capacity;
        table->capacity *= 2;
        table->slots = slots_create(table->function->arena, table->capacity);
        for (uint32_t i = 0; i < old_capacity; i++)
            if (old[i] != NODE_NONE)
                insert(table, old[i]);
    }
    insert(table, id);
    table->count++;
}
