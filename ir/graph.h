/* The tensor IR: modules of pure functions in SSA form over arrays of nodes.
 *
 * A node is referred to by its index in its function; its sources come before it. Axes are named
 * and align by name: an elementwise node has the union of its sources' axes, and there is no
 * reshape and no transpose. The order of a node's axes is its order in memory (outermost first) and
 * nothing else. ir/README.md is the definition of the IR; ir/ops.def is the table of its ops.
 *
 * Everything is owned by the module's arena. Passes do not edit functions: they build new ones.
 */
#ifndef SCANLINE_IR_GRAPH_H
#define SCANLINE_IR_GRAPH_H

#include "ir/arena.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum OpCode {
#define OP(ID, ...) OP_##ID,
#include "ir/ops.def"
#undef OP
    OP_COUNT
} OpCode;

/* A tensor's element. A bool is a byte, 0 or 1, in memory. */
typedef enum DType { DTYPE_F32, DTYPE_BF16, DTYPE_I32, DTYPE_BOOL, DTYPE_NONE } DType;

enum { MAX_AXES = 8, VARIADIC = -1, MAX_DEPTH = 8 };

#define MAX_EXTENT INT32_MAX

/* No tensor has more elements, so sizes in bytes fit in an int64_t. */
#define MAX_ELEMENTS (INT64_MAX / 16)

typedef uint32_t NodeId;
typedef uint16_t AxisId;
#define NODE_NONE UINT32_MAX
#define AXIS_NONE UINT16_MAX

typedef struct Axis {
    const char *name; /* unique in its function */
    int64_t extent;   /* 1 to MAX_EXTENT, so that positions are i32 */
} Axis;

/* An ordered list of axes. As a set where order means nothing. */
typedef struct Axes {
    uint8_t count;
    AxisId at[MAX_AXES];
} Axes;

/* A place in a spec; line and column count from 1, in bytes. Two are equal where these are: the
 * call is told for people, and is not of the text form. */
typedef struct Span {
    const char *file;
    uint32_t line, column;
    const char *call; /* the path of the call that it was met in, "block.3.attn"; NULL: outside of
                         all, or of several */
} Span;

/* The places that a node came from; fused nodes have several. Immutable, shared. */
typedef struct SpanSet {
    uint32_t count;
    Span at[];
} SpanSet;

struct Function;
struct NameTable;

/* Why a kernel runs, where the order in which kernels run is settled. */
typedef enum KernelRole {
    KERNEL_ONCE,
    KERNEL_AGAIN, /* what ran before, so that this needs no memory in between */
    KERNEL_UPDATE /* as early as can be: it replaces inputs of the function, or leads to what does
                   */
} KernelRole;

typedef struct Attributes {
    double value;     /* const; its dtype is the node's */
    int64_t amount;   /* shift: by how many positions; result: which one; kernel: its KernelRole */
    uint64_t key;     /* random, random_normal: hash of the call path */
    const char *name; /* param, input: the name it is bound by */
    Axes axes;        /* the op's own axes, [x, y...] in ops.def; of random and random_normal:
                       * the axes of an image's element, in the order that numbers them */
    const struct Function *body;     /* kernel, attention, attention_grad */
    const struct External *external; /* call, call_grad: see ir/external.h */
} Attributes;

typedef struct Node {
    OpCode op;
    DType dtype; /* DTYPE_NONE for a node with several results: read them through `result` nodes */
    Axes axes;
    uint32_t source_count;
    const NodeId *sources;
    Attributes attributes;
    const SpanSet *spans; /* NULL: of no place */
} Node;

typedef struct Output {
    const char *name; /* unique among the outputs */
    NodeId node;
    const char *donated; /* name of the param or input whose buffer it may take; NULL: none */
} Output;

/* A pure function: its params and inputs are its PARAM and INPUT nodes, in node order. */
typedef struct Function {
    Arena *arena;
    const char *name;
    Axis *axes;
    uint32_t axis_count, axis_capacity;
    Node *nodes;
    uint32_t node_count, node_capacity;
    Output *outputs;
    uint32_t output_count, output_capacity;
    uint32_t depth; /* how deep bodies nest in it; 0: none */
    struct NameTable *axis_names, *binding_names, *output_names;
} Function;

typedef struct Module {
    Arena *arena;
    Function **functions;
    uint32_t function_count, function_capacity;
} Module;

/* --- the op table --- */

typedef struct OpInfo {
    const char *name;
    int arity;
    const char *doc;
} OpInfo;

extern const OpInfo op_table[OP_COUNT];

/* OP_COUNT when there is no such op. */
OpCode op_by_name(const char *name);
/* Computes each element from the elements of its sources at the same place: casts, unary, binary,
 * select. */
bool op_is_elementwise(OpCode op);
/* Ops of what is kept a second time, compressed or in tiles: who makes that of a whole tensor; who
 * brings it up to date; the tensor with both. */
bool op_is_pack(OpCode op);
bool op_is_pack_slice(OpCode op);
bool op_is_packed(OpCode op);
/* Axes of its first source that a node reads at other positions than its own: of gather, shift,
 * rename, split, merge. */
Axes op_moved_axes(const Node *node);
const char *dtype_name(DType dtype);
DType dtype_by_name(const char *name); /* DTYPE_NONE when there is none */
size_t dtype_size(DType dtype);        /* bytes */

/* --- building --- */

Module *module_create(Arena *arena);
Function *module_function(const Module *module, const char *name); /* NULL when there is none */
void module_add(Module *module, Function *function);
/* The same functions, not to be changed, from which passes build new ones in another arena. */
Module *module_within(const Module *module, Arena *arena);

Function *function_create(Arena *arena, const char *name);

/* The axis of that name, made if new. AXIS_NONE when it exists with another extent. */
AxisId function_axis(Function *function, const char *name, int64_t extent);
AxisId function_find_axis(const Function *function, const char *name); /* AXIS_NONE if absent */
/* A name that no axis has yet, made from `stem`. */
AxisId function_fresh_axis(Function *function, const char *stem, int64_t extent);

/* Copies the axis table of another function, so that AxisIds mean the same in both. */
void function_copy_axes(Function *function, const Function *from);

void function_output(Function *function, const char *name, NodeId node, const char *donated);
NodeId function_find_output(const Function *function, const char *name);  /* NODE_NONE if absent */
NodeId function_find_binding(const Function *function, const char *name); /* PARAM or INPUT */

/* Adds a node; dtype and axes are computed by the op's shape rule, which also checks it. A request
 * that breaks the rule is a bug of the caller: it is asserted. Use graph_check first on input that
 * is not trusted. When `node.axes.count` is not 0 for a node with sources, its order is taken as
 * the memory order wanted (the same set as the rule gives). */
NodeId graph_add(Function *function, Node node);

/* What the shape rule says of a node: NULL and its dtype and axes filled in, or the fault in words
 * (from the function's arena). Sources must exist. */
const char *graph_check(Function *function, Node *node);

const Node *graph_node(const Function *function, NodeId id);
const Axis *graph_axis(const Function *function, AxisId id);

/* Elements of a node's result: the product of its axes' extents (1 for a scalar). */
int64_t graph_elements(const Function *function, const Node *node);

/* Number of results of a node: 1, or as many as attention, attention_grad, call_grad and kernel
 * have. */
uint32_t graph_result_count(const Node *node);

/* dtype and axes of result number `which` of a node; false when it has no such result. */
bool graph_result_type(const Function *function, const Node *node, uint32_t which, DType *dtype,
                       Axes *axes);

/* Of a dense tensor with these axes: elements in all, and from one position along an axis to the
 * next (0 when it lacks the axis). */
int64_t axes_elements(const Function *function, const Axes *axes);
int64_t axes_stride(const Function *function, const Axes *axes, AxisId axis);

/* --- sets of axes --- */

bool axes_has(const Axes *axes, AxisId axis);
int axes_find(const Axes *axes, AxisId axis); /* its place, or -1 */
void axes_append(Axes *axes, AxisId axis);    /* must be absent, and fit */
Axes axes_of(const AxisId *at, size_t count);
Axes axes_union(const Axes *a, const Axes *b); /* a's order, then what is new in b */
Axes axes_minus(const Axes *a, const Axes *b);
Axes axes_intersection(const Axes *a, const Axes *b);
bool axes_same_set(const Axes *a, const Axes *b);
bool axes_equal(const Axes *a, const Axes *b); /* the same in the same order */
bool axes_subset(const Axes *part, const Axes *whole);

/* "[b, n, d]", in the arena. */
char *axes_text(Arena *arena, const Function *function, const Axes *axes);

/* Union of two sets of places; one that was met in two calls is of none. */
const SpanSet *spans_union(Arena *arena, const SpanSet *a, const SpanSet *b);
const SpanSet *spans_one(Arena *arena, Span span);

#endif
