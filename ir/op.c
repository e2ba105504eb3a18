/* The table of ops and the names of element types, expanded from ir/ops.def. */
#include "ir/graph.h"

#include <string.h>

const OpInfo op_table[OP_COUNT] = {
#define OP(ID, name, arity, shape, gradient, value, emit, sample, doc) {name, arity, doc},
#include "ir/ops.def"
#undef OP
};

/* Which shape rules are those of elementwise ops. */
enum {
    elementwise_constant = 0,
    elementwise_declared = 0,
    elementwise_index = 0,
    elementwise_random = 0,
    elementwise_to_f32 = 1,
    elementwise_to_bf16 = 1,
    elementwise_to_i32 = 1,
    elementwise_unary = 1,
    elementwise_unary_f32 = 1,
    elementwise_unary_bool = 1,
    elementwise_binary = 1,
    elementwise_binary_f32 = 1,
    elementwise_binary_i32 = 1,
    elementwise_binary_bool = 1,
    elementwise_compare = 1,
    elementwise_select = 1,
    elementwise_reduce = 0,
    elementwise_argmax = 0,
    elementwise_contract = 0,
    elementwise_along = 0,
    elementwise_cross_entropy = 0,
    elementwise_gather = 0,
    elementwise_scatter_add = 0,
    elementwise_shift = 0,
    elementwise_update_slice = 0,
    elementwise_rename = 0,
    elementwise_pack = 0,
    elementwise_pack_slice = 0,
    elementwise_packed = 0,
    elementwise_split = 0,
    elementwise_merge = 0,
    elementwise_attention = 0,
    elementwise_attention_grad = 0,
    elementwise_call = 0,
    elementwise_call_grad = 0,
    elementwise_kernel = 0,
    elementwise_result = 0,
};

static const bool op_elementwise[OP_COUNT] = {
#define OP(ID, name, arity, shape, gradient, value, emit, sample, doc) elementwise_##shape,
#include "ir/ops.def"
#undef OP
};

bool op_is_elementwise(OpCode op) { return op_elementwise[op]; }

bool op_is_pack(OpCode op) { return op == OP_COMPRESS || op == OP_TILE; }

bool op_is_pack_slice(OpCode op) { return op == OP_COMPRESS_SLICE || op == OP_TILE_SLICE; }

bool op_is_packed(OpCode op) { return op == OP_COMPRESSED || op == OP_TILED; }

Axes op_moved_axes(const Node *node) {
    const Axes *own = &node->attributes.axes;
    switch (node->op) {
    case OP_GATHER:
    case OP_SHIFT:
    case OP_RENAME:
    case OP_SPLIT:
        return axes_of(own->at, 1);
    case OP_MERGE:
        return axes_of(own->at, 2);
    default:
        return (Axes){0};
    }
}

OpCode op_by_name(const char *name) {
    for (int op = 0; op < OP_COUNT; op++)
        if (strcmp(op_table[op].name, name) == 0)
            return (OpCode)op;
    return OP_COUNT;
}

static const struct {
    const char *name;
    size_t size;
} dtypes[] = {
    [DTYPE_F32] = {"f32", 4},   [DTYPE_BF16] = {"bf16", 2}, [DTYPE_I32] = {"i32", 4},
    [DTYPE_BOOL] = {"bool", 1}, [DTYPE_NONE] = {"none", 0},
};

const char *dtype_name(DType dtype) { return dtypes[dtype].name; }

DType dtype_by_name(const char *name) {
    for (int dtype = 0; dtype < DTYPE_NONE; dtype++)
        if (strcmp(dtypes[dtype].name, name) == 0)
            return (DType)dtype;
    return DTYPE_NONE;
}

size_t dtype_size(DType dtype) { return dtypes[dtype].size; }
