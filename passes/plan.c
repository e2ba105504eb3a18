#include "passes/plan.h"

#include "passes/canonical.h"
#include "passes/decode.h"
#include "passes/emit/call.h"
#include "passes/memory.h"
#include "passes/rewrite.h"

#include <assert.h>
#include <string.h>
#include <xxhash.h>

/* What each thread of a team computes for itself: see is_little. */
enum { OWN_MOST_BYTES = 32 << 10, OWN_MOST_FLOPS = 32 << 10 };

typedef struct Kernel {
    const Function *body;
    CanonicalForm form;
    uint64_t hash;
} Kernel;

struct PlanBuilder {
    Arena *arena;
    const Target *target;
    Plan *plan;
    uint64_t seed; /* of the hashes in symbols: kernels for several targets go into one program */
    uint32_t kernel_capacity, function_capacity;
    Kernel *kernels;             /* parallel to plan->kernels */
    const Function **bodies;     /* the same */
    uint32_t *slots, slot_count; /* open addressing: kernel number + 1, or 0 */
};

/* One function under way. */
typedef struct Planner {
    PlanBuilder *builder;
    Arena *arena;
    const Function *function;
    PlanFunction *plan;
    uint32_t *first_buffer;  /* by node: its buffer, or its first of several */
    uint32_t *birth, *death; /* by buffer: steps */
} Planner;

PlanBuilder *plan_begin(Arena *arena, const Target *target) {
    PlanBuilder *builder = arena_alloc(arena, sizeof *builder);
    builder->arena = arena;
    builder->target = target;
    builder->seed = XXH3_64bits(target->name, strlen(target->name));
    builder->plan = arena_alloc(arena, sizeof *builder->plan);
    builder->plan->target = arena_string(arena, target->name, strlen(target->name));
    builder->plan->table = arena_alloc(arena, HASH_SIZE);
    choices_hash(&target->choices, builder->plan->table);
    return builder;
}

const Function *const *plan_bodies(const PlanBuilder *builder) { return builder->bodies; }

Plan *plan_end(PlanBuilder *builder) { return builder->plan; }

/* --- kernels --- */

static void kernels_rehash(PlanBuilder *builder) {
    builder->slot_count = builder->slot_count ? builder->slot_count * 2 : 256;
    builder->slots = arena_array(builder->arena, builder->slot_count, sizeof *builder->slots);
    for (uint32_t i = 0; i < builder->plan->kernel_count; i++) {
        uint32_t slot = (uint32_t)builder->kernels[i].hash & (builder->slot_count - 1);
        while (builder->slots[slot])
            slot = (slot + 1) & (builder->slot_count - 1);
        builder->slots[slot] = i + 1;
    }
}

static void kernels_reserve(PlanBuilder *builder) {
    uint32_t count = builder->plan->kernel_count;
    if (count < builder->kernel_capacity)
        return;
    uint32_t capacity = count ? 2 * count : 64;
    Arena *arena = builder->arena;
    builder->plan->kernels = arena_grow(arena, builder->plan->kernels, count * sizeof(PlanKernel),
                                        capacity * sizeof(PlanKernel));
    builder->kernels =
        arena_grow(arena, builder->kernels, count * sizeof(Kernel), capacity * sizeof(Kernel));
    builder->bodies = arena_grow(arena, builder->bodies, count * sizeof *builder->bodies,
                                 capacity * sizeof *builder->bodies);
    builder->kernel_capacity = capacity;
}

static PlanType plan_type(DType dtype) {
    switch (dtype) {
    case DTYPE_F32:
        return PLAN_F32;
    case DTYPE_BF16:
        return PLAN_BF16;
    case DTYPE_I32:
        return PLAN_I32;
    case DTYPE_BOOL:
        return PLAN_BOOL;
    case DTYPE_NONE:
        break;
    }
    assert(!"a buffer holds one tensor");
    return PLAN_F32;
}

/* What a kernel mostly does, for its symbol: the op that decides which emitter takes it. */
static const char *kernel_kind(const Function *body) {
    const NodeId call = call_node(body);
    if (call != NODE_NONE)
        return arena_printf(body->arena, "%s_%s", op_table[body->nodes[call].op].name,
                            body->nodes[call].attributes.external->name);
    for (uint32_t i = 0; i < body->node_count; i++) {
        OpCode op = body->nodes[i].op;
        if (op == OP_CONTRACT || op == OP_ATTENTION || op == OP_ATTENTION_GRAD ||
            op == OP_UPDATE_SLICE || op == OP_SCATTER_ADD || op_is_pack(op) ||
            op_is_pack_slice(op))
            return op_table[op].name;
    }
    return "loop";
}

static PlanOperand operand_of(const Function *body, const Node *node) {
    return (PlanOperand){plan_type(node->dtype), graph_elements(body, node)};
}

/* The body's inputs, then its outputs; and how many random draws it makes. */
static void kernel_operands(Arena *arena, const Function *body, PlanKernel *kernel) {
    uint32_t inputs = 0;
    for (NodeId id = 0; id < body->node_count; id++)
        inputs += body->nodes[id].op == OP_INPUT;
    kernel->output_count = body->output_count;
    kernel->operands = arena_array(arena, inputs + body->output_count, sizeof *kernel->operands);
    for (NodeId id = 0; id < body->node_count; id++)
        if (body->nodes[id].op == OP_INPUT)
            kernel->operands[kernel->operand_count++] = operand_of(body, &body->nodes[id]);
    for (uint32_t i = 0; i < body->output_count; i++)
        kernel->operands[kernel->operand_count++] =
            operand_of(body, &body->nodes[body->outputs[i].node]);
    int64_t *keys;
    kernel->immediate_count = canonical_keys(arena, body, &keys);
}

static uint32_t kernel_number(PlanBuilder *builder, const Function *body) {
    CanonicalForm form = canonical_form(body->arena, body);
    uint64_t hash = XXH3_64bits_withSeed(form.bytes, form.length, builder->seed);
    if (builder->plan->kernel_count * 2 >= builder->slot_count)
        kernels_rehash(builder);
    uint32_t slot = (uint32_t)hash & (builder->slot_count - 1);
    for (; builder->slots[slot]; slot = (slot + 1) & (builder->slot_count - 1)) {
        const Kernel *kernel = &builder->kernels[builder->slots[slot] - 1];
        if (kernel->hash == hash && kernel->form.length == form.length &&
            memcmp(kernel->form.bytes, form.bytes, form.length) == 0)
            return builder->slots[slot] - 1;
    }
    kernels_reserve(builder);
    uint32_t number = builder->plan->kernel_count++;
    builder->slots[slot] = number + 1;
    builder->kernels[number] = (Kernel){body, form, hash};
    builder->bodies[number] = body;
    KernelShape shape = {0};
    kernel_measure(body, builder->target, &shape);
    builder->plan->kernels[number] = (PlanKernel){
        .symbol =
            arena_printf(builder->arena, "%s_%016llx", kernel_kind(body), (unsigned long long)hash),
        .tiles = shape.tiles,
        .scratch_bytes = shape.scratch_bytes,
        .flops = shape.flops,
        .bytes = shape.bytes,
    };
    kernel_operands(builder->arena, body, &builder->plan->kernels[number]);
    if (call_node(body) != NODE_NONE)
        builder->plan->kernels[number].call = call_plan(builder->arena, body);
    return number;
}

/* --- bindings and buffers --- */

static PlanBinding binding_of(const Planner *planner, const char *name, const Node *node) {
    PlanBinding binding = {
        .name = arena_string(planner->arena, name, strlen(name)),
        .type = plan_type(node->dtype),
        .axis_count = node->axes.count,
        .elements = graph_elements(planner->function, node),
        .donated = -1,
    };
    for (int i = 0; i < node->axes.count; i++) {
        const Axis *axis = graph_axis(planner->function, node->axes.at[i]);
        binding.axes[i] = arena_string(planner->arena, axis->name, strlen(axis->name));
        binding.extents[i] = axis->extent;
    }
    return binding;
}

static uint32_t buffer_add(Planner *planner, PlanStorage storage, const Function *function,
                           const Node *node, int64_t binding) {
    PlanFunction *plan = planner->plan;
    plan->buffers[plan->buffer_count] = (PlanBuffer){
        .storage = storage,
        .type = plan_type(node->dtype),
        .elements = graph_elements(function, node),
        .binding = binding,
    };
    return plan->buffer_count++;
}

static uint32_t buffer_of(const Planner *planner, NodeId id) {
    const Node *node = &planner->function->nodes[id];
    if (node->op == OP_RENAME)
        return buffer_of(planner, node->sources[0]);
    if (node->op == OP_RESULT)
        return planner->first_buffer[node->sources[0]] + (uint32_t)node->attributes.amount;
    return planner->first_buffer[id];
}

static void inputs_add(Planner *planner) {
    const Function *function = planner->function;
    for (NodeId id = 0; id < function->node_count; id++) {
        const Node *node = &function->nodes[id];
        if (node->op != OP_PARAM && node->op != OP_INPUT)
            continue;
        uint32_t number = planner->plan->input_count++;
        planner->plan->inputs[number] = binding_of(planner, node->attributes.name, node);
        planner->first_buffer[id] = buffer_add(planner, PLAN_INPUT, function, node, number);
    }
}

/* The function's outputs become the buffers of the kernel results that they are. */
static const char *outputs_add(Planner *planner) {
    const Function *function = planner->function;
    PlanFunction *plan = planner->plan;
    for (uint32_t i = 0; i < function->output_count; i++) {
        const Output *output = &function->outputs[i];
        plan->outputs[i] = binding_of(planner, output->name, &function->nodes[output->node]);
        NodeId id = rename_source(function, output->node);
        PlanBuffer *buffer = &plan->buffers[buffer_of(planner, id)];
        if (function->nodes[id].op != OP_RESULT || buffer->storage == PLAN_OUTPUT)
            return arena_printf(planner->arena,
                                "output \"%s\" of @%s is not a kernel result of its own",
                                output->name, function->name);
        buffer->storage = PLAN_OUTPUT;
        buffer->binding = i;
        plan->output_count++;
    }
    return NULL;
}

/* --- steps --- */

static char *step_origin(Arena *arena, const Node *node, const char *symbol) {
    char *text = arena_printf(arena, "%s", symbol);
    for (uint32_t i = 0; node->spans && i < node->spans->count && i < 3; i++) {
        const Span *span = &node->spans->at[i];
        text = arena_printf(arena, "%s%s%s:%u:%u", text, i ? ", " : " ", span->file, span->line,
                            span->column);
    }
    return text;
}

/* Each line of the node's places once, in their order. */
static void step_places(Arena *arena, const SpanSet *spans, PlanStep *step) {
    step->places = arena_array(arena, spans ? spans->count : 0, sizeof *step->places);
    for (uint32_t i = 0; spans && i < spans->count; i++) {
        const Span *span = &spans->at[i];
        uint32_t known = 0;
        while (known < step->place_count && (step->places[known].line != span->line ||
                                             strcmp(step->places[known].file, span->file) != 0))
            known++;
        if (known == step->place_count)
            step->places[step->place_count++] =
                (PlanPlace){arena_string(arena, span->file, strlen(span->file)), span->line};
    }
}

static void results_add(Planner *planner, NodeId id) {
    const Node *node = &planner->function->nodes[id];
    const Function *body = node->attributes.body;
    uint32_t step = planner->plan->step_count;
    for (uint32_t i = 0; i < body->output_count; i++) {
        uint32_t buffer =
            buffer_add(planner, PLAN_ARENA, body, &body->nodes[body->outputs[i].node], -1);
        if (i == 0)
            planner->first_buffer[id] = buffer;
        planner->birth[buffer] = planner->death[buffer] = step;
    }
}

static void step_add(Planner *planner, NodeId id) {
    const Node *node = &planner->function->nodes[id];
    const Function *body = node->attributes.body;
    results_add(planner, id);
    PlanStep *step = &planner->plan->steps[planner->plan->step_count];
    step->kernel = kernel_number(planner->builder, body);
    step->origin =
        step_origin(planner->arena, node, planner->builder->plan->kernels[step->kernel].symbol);
    step_places(planner->arena, node->spans, step);
    step->immediate_count = canonical_keys(planner->arena, body, &step->immediates);
    step->is_again = node->attributes.amount == KERNEL_AGAIN;
    step->operands = arena_array(planner->arena, node->source_count + body->output_count,
                                 sizeof *step->operands);
    for (uint32_t i = 0; i < node->source_count; i++) {
        uint32_t buffer = buffer_of(planner, node->sources[i]);
        planner->death[buffer] = planner->plan->step_count;
        step->operands[step->operand_count++] = buffer;
    }
    for (uint32_t i = 0; i < body->output_count; i++)
        step->operands[step->operand_count++] = planner->first_buffer[id] + i;
    planner->plan->step_count++;
}

/* --- donation --- */

static bool donation_holds(const Planner *planner, uint32_t input, uint32_t output) {
    const PlanFunction *plan = planner->plan;
    const Function *function = planner->function;
    NodeId result = rename_source(function, function->outputs[output].node);
    const Node *kernel = &function->nodes[function->nodes[result].sources[0]];
    uint32_t written = buffer_of(planner, result), read = UINT32_MAX;
    for (uint32_t i = 0; i < plan->buffer_count; i++)
        if (plan->buffers[i].storage == PLAN_INPUT && plan->buffers[i].binding == input)
            read = i;
    if (read == UINT32_MAX || planner->death[read] > planner->birth[written] ||
        plan->buffers[read].elements != plan->buffers[written].elements)
        return false;
    for (uint32_t i = 0; i < kernel->source_count; i++)
        if (buffer_of(planner, kernel->sources[i]) == read &&
            !kernel_in_place(kernel->attributes.body, i,
                             (uint32_t)function->nodes[result].attributes.amount))
            return false;
    return true;
}

static void donations_settle(Planner *planner) {
    PlanFunction *plan = planner->plan;
    for (uint32_t i = 0; i < plan->output_count; i++) {
        const char *donated = planner->function->outputs[i].donated;
        int64_t input = donated ? plan_find_input(plan, donated) : -1;
        if (input >= 0 && donation_holds(planner, (uint32_t)input, i))
            plan->outputs[i].donated = input;
    }
}

/* --- temporaries --- */

static uint32_t first_result(const Planner *planner, const PlanStep *step) {
    return step->operand_count - planner->builder->plan->kernels[step->kernel].output_count;
}

/* Whether a step takes less than the wait for it would, and the transfer of what it writes from one
 * core to others: about 2 us. What it writes must be temporaries. */
static bool is_little(const Planner *planner, const PlanStep *step) {
    const PlanKernel *kernel = &planner->builder->plan->kernels[step->kernel];
    if (kernel->tiles != 1 || kernel->call || kernel->bytes > OWN_MOST_BYTES ||
        kernel->flops > OWN_MOST_FLOPS)
        return false;
    for (uint32_t i = first_result(planner, step); i < step->operand_count; i++)
        if (planner->plan->buffers[step->operands[i]].storage != PLAN_ARENA)
            return false;
    return true;
}

static void steps_own(Planner *planner) {
    PlanFunction *plan = planner->plan;
    for (uint32_t i = 0; i < plan->step_count; i++) {
        const PlanStep *step = &plan->steps[i];
        const uint32_t first =
            is_little(planner, step) ? first_result(planner, step) : step->operand_count;
        for (uint32_t k = first; k < step->operand_count; k++)
            plan->buffers[step->operands[k]].storage = PLAN_OWN;
    }
}

/* Gives those of one storage their offsets; returns the bytes that it takes. */
static int64_t temporaries_place(Planner *planner, PlanStorage storage) {
    PlanFunction *plan = planner->plan;
    Arena *arena = planner->function->arena;
    Lifetime *lifetimes = arena_array(arena, plan->buffer_count, sizeof *lifetimes);
    uint32_t count = 0;
    for (uint32_t i = 0; i < plan->buffer_count; i++)
        if (plan->buffers[i].storage == storage)
            lifetimes[count++] = (Lifetime){
                .bytes = plan->buffers[i].elements * (int64_t)plan_type_size(plan->buffers[i].type),
                .birth = planner->birth[i],
                .death = planner->death[i],
            };
    const int64_t bytes = memory_place(arena, lifetimes, count, PLAN_ALIGNMENT);
    count = 0;
    for (uint32_t i = 0; i < plan->buffer_count; i++)
        if (plan->buffers[i].storage == storage)
            plan->buffers[i].offset = lifetimes[count++].offset;
    return bytes;
}

static PlanFunction *function_reserve(PlanBuilder *builder, const Function *function) {
    Plan *plan = builder->plan;
    if (plan->function_count == builder->function_capacity) {
        uint32_t capacity = plan->function_count ? 2 * plan->function_count : 8;
        plan->functions = arena_grow(builder->arena, plan->functions,
                                     plan->function_count * sizeof *plan->functions,
                                     capacity * sizeof *plan->functions);
        builder->function_capacity = capacity;
    }
    PlanFunction *new = &plan->functions[plan->function_count++];
    uint32_t inputs = 0, steps = 0, buffers = 0;
    for (NodeId id = 0; id < function->node_count; id++) {
        const Node *node = &function->nodes[id];
        inputs += node->op == OP_PARAM || node->op == OP_INPUT;
        steps += node->op == OP_KERNEL;
        buffers += node->op == OP_KERNEL ? node->attributes.body->output_count : 0;
    }
    Arena *arena = builder->arena;
    *new = (PlanFunction){
        .name = arena_string(arena, function->name, strlen(function->name)),
        .inputs = arena_array(arena, inputs, sizeof *new->inputs),
        .outputs = arena_array(arena, function->output_count, sizeof *new->outputs),
        .buffers = arena_array(arena, inputs + buffers, sizeof *new->buffers),
        .steps = arena_array(arena, steps, sizeof *new->steps),
    };
    return new;
}

/* Libraries take their arguments in one order alone. */
static const char *calls_check(const Function *fused) {
    for (NodeId id = 0; id < fused->node_count; id++) {
        const Function *body = fused->nodes[id].attributes.body;
        if (body && call_node(body) != NODE_NONE && !call_is_ordered(body))
            return arena_printf(fused->arena,
                                "%s of @%s does not lie in memory as the library takes it (the "
                                "pass layout sees to that)",
                                graph_node(body, call_node(body))->attributes.external->name,
                                fused->name);
    }
    return NULL;
}

const char *plan_add(PlanBuilder *builder, const Function *fused) {
    Arena *arena = fused->arena;
    PlanFunction *plan = function_reserve(builder, fused);
    uint32_t most_buffers = 0;
    for (NodeId id = 0; id < fused->node_count; id++) {
        const Node *node = &fused->nodes[id];
        most_buffers += node->op == OP_KERNEL ? node->attributes.body->output_count : 1;
    }
    Planner planner = {
        .builder = builder,
        .arena = builder->arena,
        .function = fused,
        .plan = plan,
        .first_buffer = arena_array(arena, fused->node_count, sizeof *planner.first_buffer),
        .birth = arena_array(arena, most_buffers, sizeof *planner.birth),
        .death = arena_array(arena, most_buffers, sizeof *planner.death),
    };
    inputs_add(&planner);
    const char *fault = calls_check(fused);
    if (fault)
        return fault;
    for (NodeId id = 0; id < fused->node_count; id++)
        if (fused->nodes[id].op == OP_KERNEL)
            step_add(&planner, id);
    fault = outputs_add(&planner);
    if (fault)
        return fault;
    donations_settle(&planner);
    if (decode_is_step(fused))
        steps_own(&planner);
    plan->arena_bytes = temporaries_place(&planner, PLAN_ARENA);
    plan->own_bytes = temporaries_place(&planner, PLAN_OWN);
    return NULL;
}
