#include "passes/emit/call.h"

#include <assert.h>
#include <string.h>

NodeId call_node(const Function *body) {
    for (NodeId id = 0; id < body->node_count; id++) {
        OpCode op = graph_node(body, id)->op;
        if (op == OP_CALL || op == OP_CALL_GRAD)
            return id;
    }
    return NODE_NONE;
}

static const ExternalType *result_type(const External *external, bool is_gradient, uint32_t which) {
    if (!is_gradient)
        return &external->result;
    return &external->parameters[external_gradient_parameter(external, which)].type;
}

/* Which output of the body a result of the call is, as an operand of the kernel; -1: none. */
static int64_t output_operand(const Function *body, NodeId call, uint32_t which) {
    for (uint32_t i = 0; i < body->output_count; i++) {
        const NodeId id = body->outputs[i].node;
        const Node *node = graph_node(body, id);
        const bool is_result =
            node->op == OP_RESULT && node->sources[0] == call && node->attributes.amount == which;
        if (id == call || is_result)
            return kernel_input_count(body) + i;
    }
    return -1;
}

bool call_is_ordered(const Function *body) {
    const Node *call = graph_node(body, call_node(body));
    bool ordered = true;
    for (uint32_t i = 0; i < call->source_count && ordered; i++) {
        const Axes order = external_source_order(body, call, i);
        ordered = axes_equal(&order, &graph_node(body, call->sources[i])->axes);
    }
    return ordered;
}

/* --- what it takes --- */

static int64_t extent_of(const Function *body, AxisId axis) {
    return graph_axis(body, axis)->extent;
}

/* As plan_call_scratch_bytes. */
static int64_t scratch_bytes(const Function *body) {
    const NodeId id = call_node(body);
    const Node *call = graph_node(body, id);
    int64_t bytes = 0;
    for (uint32_t i = 0; i < graph_result_count(call); i++) {
        const ExternalType *type =
            result_type(call->attributes.external, call->op == OP_CALL_GRAD, i);
        Axes declared;
        external_axes(body, type, &declared);
        const int64_t own = axes_elements(body, &declared) * (int64_t)dtype_size(type->dtype);
        if (output_operand(body, id, i) < 0)
            bytes += (own + PLAN_ALIGNMENT - 1) / PLAN_ALIGNMENT * PLAN_ALIGNMENT;
    }
    return bytes;
}

void call_measure(const Function *body, KernelShape *shape) {
    const Node *call = graph_node(body, call_node(body));
    Axes carried;
    external_carried(body, call, &carried);
    *shape = (KernelShape){.tiles = 1};
    for (int i = 0; i < carried.count; i++)
        shape->tiles *= extent_of(body, carried.at[i]);
    for (uint32_t i = 0; i < call->source_count; i++) {
        const Node *source = graph_node(body, call->sources[i]);
        shape->bytes += (double)graph_elements(body, source) * (double)dtype_size(source->dtype);
    }
    for (uint32_t i = 0; i < body->output_count; i++) {
        const Node *output = graph_node(body, body->outputs[i].node);
        shape->bytes += (double)graph_elements(body, output) * (double)dtype_size(output->dtype);
    }
    shape->scratch_bytes = scratch_bytes(body);
}

/* --- what the runtime is told --- */

static PlanType plan_type(DType dtype) {
    return dtype == DTYPE_F32 ? PLAN_F32 : dtype == DTYPE_I32 ? PLAN_I32 : PLAN_BOOL;
}

static char *copy_text(Arena *arena, const char *text) {
    return arena_string(arena, text, strlen(text));
}

/* All but extents, carried axes and arguments. */
static PlanCall *call_begin(Arena *arena, const External *external, bool is_gradient) {
    const char *symbol = is_gradient ? external->gradient : external->name;
    const char *file = external->place.file ? external->place.file : "";
    const uint32_t most = 2 * EXTERNAL_MAX_PARAMETERS + 1;
    PlanCall *call = arena_alloc(arena, sizeof *call);
    *call = (PlanCall){
        .library = copy_text(arena, external->library),
        .name = copy_text(arena, external->name),
        .symbol = copy_text(arena, symbol),
        .signature = external_signature(external, arena),
        .place = {copy_text(arena, file), external->place.line},
        .arguments = arena_array(arena, most, sizeof *call->arguments),
    };
    return call;
}

/* An argument whose blocks are those of a tensor with these axes, which begin with carried ones. */
static void argument_add(PlanCall *call, const Function *body, const ExternalType *type,
                         const Axes *axes, const Axes *carried, int64_t operand,
                         bool is_parameter) {
    PlanCallArgument *argument = &call->arguments[call->argument_count++];
    Axes declared;
    external_axes(body, type, &declared);
    *argument = (PlanCallArgument){.operand = operand,
                                   .type = plan_type(type->dtype),
                                   .is_value = is_parameter && type->axis_count == 0,
                                   .elements = axes_elements(body, &declared)};
    for (int i = 0; i < declared.count; i++) /* dense, in the declared order */
        assert(axes->at[axes->count - declared.count + i] == declared.at[i]);
    for (int i = 0; i < carried->count; i++)
        argument->strides[i] = axes_stride(body, axes, carried->at[i]);
}

PlanCall *call_plan(Arena *arena, const Function *body) {
    const NodeId id = call_node(body);
    const Node *node = graph_node(body, id);
    const External *external = node->attributes.external;
    const bool is_gradient = node->op == OP_CALL_GRAD;
    PlanCall *call = call_begin(arena, external, is_gradient);
    const char *dims[EXTERNAL_MAX_DIMS];
    Axes carried;
    call->extent_count = external_dims(external, dims);
    for (uint32_t i = 0; i < call->extent_count; i++)
        call->extents[i] = extent_of(body, function_find_axis(body, dims[i]));
    external_carried(body, node, &carried);
    call->carried_count = carried.count;
    for (int i = 0; i < carried.count; i++)
        call->carried[i] = extent_of(body, carried.at[i]);
    for (uint32_t i = 0; i < node->source_count; i++)
        argument_add(call, body, external_source_type(external, i),
                     &graph_node(body, node->sources[i])->axes, &carried,
                     kernel_input_number(body, node->sources[i]), i < external->parameter_count);
    for (uint32_t i = 0; i < graph_result_count(node); i++) {
        DType dtype;
        Axes axes;
        graph_result_type(body, node, i, &dtype, &axes);
        argument_add(call, body, result_type(external, is_gradient, i), &axes, &carried,
                     output_operand(body, id, i), false);
    }
    return call;
}

PlanCall *call_plan_alone(Arena *arena, const External *external, bool is_gradient,
                          const int64_t *extents) {
    PlanCall *call = call_begin(arena, external, is_gradient);
    const uint32_t results = is_gradient ? external_gradient_count(external) : 1;
    const uint32_t sources = external->parameter_count + is_gradient;
    const char *dims[EXTERNAL_MAX_DIMS];
    Function *body = function_create(arena, external->name);
    const Axes none = {0};
    call->extent_count = external_dims(external, dims);
    for (uint32_t i = 0; i < call->extent_count; i++) {
        call->extents[i] = extents[i];
        function_axis(body, dims[i], extents[i]);
    }
    for (uint32_t i = 0; i < sources + results; i++) {
        const ExternalType *type = i < sources ? external_source_type(external, i)
                                               : result_type(external, is_gradient, i - sources);
        Axes axes;
        external_axes(body, type, &axes);
        argument_add(call, body, type, &axes, &none, i, i < external->parameter_count);
    }
    return call;
}
