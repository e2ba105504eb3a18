/* A fused kernel is found again in the plan by the name of its body, which every later pass keeps,
 * and the plan's steps are the kernels of the functions that it was made from, in their order. */
#include "passes/explain.h"

#include "ir/names.h"
#include "passes/emit/contract.h"
#include "passes/emit/rows_plan.h"
#include "passes/rewrite.h"

#include <string.h>

typedef struct Explaining {
    Explanation *explanation;
    NameTable *names;             /* of fused kernels: number in the two lists */
    const FusionRecord **records; /* by number */
    const FusedKernel **kernels;
    int64_t chunks;
} Explaining;

static void list_kernels(Explaining *explaining) {
    Explanation *explanation = explaining->explanation;
    uint32_t count = 0;
    for (const FusionRecord *record = explanation->records.first; record; record = record->next)
        count += record->kernel_count;
    explaining->names = name_table_create(explanation->arena);
    explaining->records = arena_array(explanation->arena, count, sizeof *explaining->records);
    explaining->kernels = arena_array(explanation->arena, count, sizeof *explaining->kernels);
    count = 0;
    for (const FusionRecord *record = explanation->records.first; record; record = record->next)
        for (uint32_t i = 0; i < record->kernel_count; i++, count++) {
            name_table_add(explaining->names, record->kernels[i].name, count);
            explaining->records[count] = record;
            explaining->kernels[count] = &record->kernels[i];
        }
}

/* --- steps --- */

/* By node: whether the loss depends on it. */
static bool *find_forward(const Function *function) {
    bool *forward = arena_array(function->arena, function->node_count, sizeof *forward);
    NodeId loss = function_find_output(function, "loss");
    if (loss != NODE_NONE)
        forward[loss] = true;
    for (NodeId id = function->node_count; id-- > 0;)
        for (uint32_t i = 0; forward[id] && i < graph_node(function, id)->source_count; i++)
            forward[graph_node(function, id)->sources[i]] = true;
    return forward;
}

static ExplainPart part_of(const Function *function, const Node *kernel, bool forward) {
    const bool trains = !strcmp(function->name, "grad") || !strcmp(function->name, "grad_add") ||
                        !strcmp(function->name, "step");
    if (kernel->attributes.amount == KERNEL_UPDATE || !strcmp(function->name, "update"))
        return EXPLAIN_UPDATE;
    if (!trains)
        return EXPLAIN_WHOLE;
    if (kernel->attributes.amount == KERNEL_AGAIN)
        return EXPLAIN_AGAIN;
    return forward ? EXPLAIN_FORWARD : EXPLAIN_BACKWARD;
}

static void describe_body(const Function *body, ExplainStep *step) {
    NodeId anchor = kernel_anchor(body);
    if (anchor == NODE_NONE)
        return;
    const Node *node = graph_node(body, anchor);
    switch (node->op) {
    case OP_CONTRACT:
        step->kind = contract_accepts(body) ? EXPLAIN_PRODUCT : EXPLAIN_LOOPS;
        break;
    case OP_ATTENTION:
    case OP_ATTENTION_GRAD:
        step->kind = EXPLAIN_ATTENTION;
        break;
    case OP_CALL:
    case OP_CALL_GRAD:
        step->kind = EXPLAIN_CALL;
        return;
    default:
        return;
    }
    step->bf16 = graph_node(body, node->sources[0])->dtype == DTYPE_BF16;
}

static const ExplainStep *steps_of(const Explaining *explaining, const Function *function,
                                   const PlanFunction *plan) {
    const bool *forward = find_forward(function);
    ExplainStep *steps =
        arena_array(explaining->explanation->arena, plan->step_count, sizeof *steps);
    uint32_t count = 0;
    for (NodeId id = 0; id < function->node_count; id++) {
        const Node *node = graph_node(function, id);
        if (node->op != OP_KERNEL)
            continue;
        ExplainStep *step = &steps[count];
        step->step = &plan->steps[count++];
        step->kernel = &explaining->explanation->plan->kernels[step->step->kernel];
        step->part = part_of(function, node, forward[id]);
        describe_body(node->attributes.body, step);
        uint32_t number = name_table_find(explaining->names, node->attributes.body->name);
        if (number != NAME_ABSENT) {
            step->record = explaining->records[number];
            step->fused = explaining->kernels[number];
        }
    }
    return steps;
}

static uint32_t input_count(const ExplainStep *step) {
    return step->step->operand_count - step->kernel->output_count;
}

/* Who writes and who reads each buffer. */
static void find_traffic(Arena *arena, ExplainFunction *function) {
    const PlanFunction *plan = function->plan;
    uint32_t *writer = arena_array(arena, plan->buffer_count, sizeof *writer), reads = 0;
    uint32_t *first = arena_array(arena, plan->buffer_count + 1, sizeof *first);
    memset(writer, 0xff, plan->buffer_count * sizeof *writer);
    for (uint32_t i = 0; i < plan->step_count; i++) {
        const PlanStep *step = &plan->steps[i];
        const uint32_t inputs = input_count(&function->steps[i]);
        reads += inputs;
        for (uint32_t k = 0; k < step->operand_count; k++)
            if (k < inputs)
                first[step->operands[k] + 1]++;
            else
                writer[step->operands[k]] = i;
    }
    for (uint32_t i = 0; i < plan->buffer_count; i++)
        first[i + 1] += first[i];
    uint32_t *readers = arena_array(arena, reads, sizeof *readers);
    uint32_t *next = arena_array(arena, plan->buffer_count + 1, sizeof *next);
    memcpy(next, first, plan->buffer_count * sizeof *next);
    for (uint32_t i = 0; i < plan->step_count; i++)
        for (uint32_t k = 0; k < input_count(&function->steps[i]); k++)
            readers[next[plan->steps[i].operands[k]]++] = i;
    function->writer = writer;
    function->first_reader = first;
    function->readers = readers;
}

static void add_functions(const Explaining *explaining, const Module *compiled) {
    Explanation *explanation = explaining->explanation;
    const Plan *plan = explanation->plan;
    ExplainFunction *functions =
        arena_array(explanation->arena, plan->function_count, sizeof *functions);
    explanation->functions = functions;
    const PlanFunction *gradients = plan_gradients(plan);
    for (uint32_t i = 0; i < plan->function_count; i++) {
        const PlanFunction *planned = &plan->functions[i];
        functions[i] = (ExplainFunction){
            .plan = planned,
            .steps = steps_of(explaining, compiled->functions[i], planned),
            .runs = planned == gradients               ? (double)explaining->chunks
                    : !strcmp(planned->name, "update") ? 1
                                                       : 0,
        };
        find_traffic(explanation->arena, &functions[i]);
        if (planned == gradients)
            explanation->gradients = &functions[i];
    }
}

const Explanation *explain_module(const Module *module, const CompileOptions *options,
                                  int64_t chunks, CompileError *error) {
    Explanation *explanation = arena_alloc(module->arena, sizeof *explanation);
    *explanation = (Explanation){.arena = module->arena};
    CompileOptions recorded = *options;
    recorded.records = &explanation->records;
    const Module *compiled;
    explanation->plan = compile_plan_of(module, &recorded, &compiled, error);
    if (!explanation->plan)
        return NULL;
    Explaining explaining = {.explanation = explanation, .chunks = chunks};
    list_kernels(&explaining);
    add_functions(&explaining, compiled);
    return explanation;
}

/* --- work --- */

double explain_work(const Function *function, const Node *node) {
    switch (node->op) {
    case OP_CONST:
    case OP_PARAM:
    case OP_INPUT:
    case OP_RENAME:
    case OP_RESULT:
        return 0;
    case OP_ATTENTION:
    case OP_ATTENTION_GRAD:
    case OP_CALL:
    case OP_CALL_GRAD: /* alone in its kernel */
        return 1;
    default: {
        const Axes over = node->op == OP_CONTRACT || node->op == OP_SUM ||
                                  node->op == OP_REDUCE_MAX || node->op == OP_ARGMAX
                              ? node->attributes.axes
                              : (Axes){0};
        const Axes axes = axes_union(&node->axes, &over);
        const double rounds = (double)axes_elements(function, &axes);
        return rounds * (node->op == OP_CONTRACT ? 2 : rows_op_cost(node->op));
    }
    }
}

static bool is_at(const Span *span, const ExplainPlace *place) {
    return span->line == place->line && strcmp(span->file, place->file) == 0;
}

/* The part of a node's places that is on the line. */
static double place_share(const SpanSet *spans, const ExplainPlace *place) {
    uint32_t there = 0;
    for (uint32_t i = 0; spans && i < spans->count; i++)
        there += is_at(&spans->at[i], place);
    return there ? (double)there / (double)spans->count : 0;
}

static double share_of_places(const PlanStep *step, const ExplainPlace *place) {
    for (uint32_t i = 0; i < step->place_count; i++)
        if (step->places[i].line == place->line && !strcmp(step->places[i].file, place->file))
            return 1.0 / step->place_count;
    return 0;
}

double explain_share(const ExplainStep *step, const ExplainPlace *place) {
    if (!step->fused)
        return share_of_places(step->step, place);
    const Function *function = step->record->function;
    double all = 0, line = 0;
    for (uint32_t i = 0; i < step->fused->count; i++) {
        const Node *node = graph_node(function, step->fused->nodes[i]);
        const double work = explain_work(function, node);
        all += work;
        line += work * place_share(node->spans, place);
    }
    return all > 0 ? line / all : share_of_places(step->step, place);
}

static bool function_touches(const Function *body, const ExplainPlace *place) {
    for (NodeId id = 0; id < body->node_count; id++)
        if (place_share(graph_node(body, id)->spans, place) > 0)
            return true;
    return false;
}

bool explain_touches(const ExplainStep *step, const ExplainPlace *place) {
    for (uint32_t i = 0; step->fused && i < step->fused->count; i++) {
        const Node *node = graph_node(step->record->function, step->fused->nodes[i]);
        const bool attention = node->op == OP_ATTENTION || node->op == OP_ATTENTION_GRAD;
        if ((node->op != OP_CONST && place_share(node->spans, place) > 0) ||
            (attention && function_touches(node->attributes.body, place)))
            return true;
    }
    return !step->fused && share_of_places(step->step, place) > 0;
}

double explain_seconds(const ExplainStep *step, const ExplainPeaks *peaks, bool *by_memory) {
    double peak = step->bf16 && peaks->bf16_flops > 0 ? peaks->bf16_flops : peaks->flops;
    if (by_memory)
        *by_memory = false;
    if (!(peak > 0) || !(peaks->bytes > 0) || step->kind == EXPLAIN_CALL)
        return 0;
    const double flops = step->kernel->flops * (step->kind == EXPLAIN_LOOPS ? 2 : 1);
    const double arithmetic = flops / peak, memory = step->kernel->bytes / peaks->bytes;
    if (by_memory)
        *by_memory = memory > arithmetic;
    return memory > arithmetic ? memory : arithmetic;
}
