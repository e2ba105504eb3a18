/* Who emits a kernel is decided by its anchor alone, the same for measuring and emitting. */
#include "passes/emit/kernel.h"

#include "passes/emit/attention.h"
#include "passes/emit/call.h"
#include "passes/emit/contract.h"
#include "passes/emit/repack.h"
#include "passes/emit/rows.h"
#include "passes/emit/update_slice.h"

#include <assert.h>

NodeId kernel_anchor(const Function *body) {
    for (NodeId id = 0; id < body->node_count; id++) {
        OpCode op = graph_node(body, id)->op;
        if (op == OP_CONTRACT || op == OP_ATTENTION || op == OP_ATTENTION_GRAD ||
            op == OP_UPDATE_SLICE || op_is_pack(op) || op_is_pack_slice(op))
            return id;
    }
    return call_node(body);
}

static OpCode anchor_op(const Function *body) {
    NodeId anchor = kernel_anchor(body);
    if (anchor == NODE_NONE)
        return OP_COUNT;
    OpCode op = graph_node(body, anchor)->op;
    return op == OP_CONTRACT && !contract_accepts(body) ? OP_COUNT : op;
}

void kernel_measure(const Function *body, const Target *target, KernelShape *shape) {
    switch (anchor_op(body)) {
    case OP_CONTRACT:
        contract_measure(body, target, shape);
        break;
    case OP_ATTENTION:
        attention_measure(body, target, shape);
        break;
    case OP_ATTENTION_GRAD:
        attention_grad_measure(body, target, shape);
        break;
    case OP_CALL:
    case OP_CALL_GRAD:
        call_measure(body, shape);
        break;
    case OP_UPDATE_SLICE:
        update_slice_measure(body, shape);
        break;
    case OP_COMPRESS:
    case OP_COMPRESS_SLICE:
    case OP_TILE:
    case OP_TILE_SLICE:
        repack_measure(body, shape);
        break;
    default:
        rows_measure(body, target, shape);
    }
}

void emit_kernel(Emitter *emitter, const Function *body, const char *symbol) {
    switch (anchor_op(body)) {
    case OP_CONTRACT:
        emit_contract(emitter, body, symbol);
        break;
    case OP_ATTENTION:
        emit_attention(emitter, body, symbol);
        break;
    case OP_ATTENTION_GRAD:
        emit_attention_grad(emitter, body, symbol);
        break;
    case OP_CALL:
    case OP_CALL_GRAD:
        assert(!"a call is the runtime's");
        break;
    case OP_UPDATE_SLICE:
        emit_update_slice(emitter, body, symbol);
        break;
    case OP_COMPRESS:
    case OP_COMPRESS_SLICE:
    case OP_TILE:
    case OP_TILE_SLICE:
        emit_repack(emitter, body, symbol);
        break;
    default:
        emit_rows(emitter, body, symbol);
    }
}

bool kernel_in_place(const Function *body, uint32_t input, uint32_t output) {
    switch (anchor_op(body)) {
    case OP_CONTRACT:
        return contract_in_place(body, input, output);
    case OP_ATTENTION:
    case OP_ATTENTION_GRAD:
    case OP_CALL:
    case OP_CALL_GRAD:
        return false;
    case OP_UPDATE_SLICE:
        return update_slice_in_place(body, input, output);
    case OP_COMPRESS:
    case OP_COMPRESS_SLICE:
    case OP_TILE:
    case OP_TILE_SLICE:
        return repack_in_place(body, input, output);
    default:
        return rows_in_place(body, input, output);
    }
}

static bool is_input(const Function *body, NodeId id) {
    OpCode op = graph_node(body, id)->op;
    return op == OP_INPUT || op == OP_PARAM;
}

uint32_t kernel_input_number(const Function *body, NodeId input) {
    uint32_t number = 0;
    for (NodeId id = 0; id < input; id++)
        number += is_input(body, id);
    return number;
}

uint32_t kernel_input_count(const Function *body) {
    return kernel_input_number(body, body->node_count);
}

NodeId kernel_input(const Function *body, uint32_t number) {
    NodeId id = 0;
    while (number || !is_input(body, id))
        number -= is_input(body, id++);
    return id;
}
