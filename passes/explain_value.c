/* Values that pass from one kernel to the next through memory, and why. */
#include "passes/explain.h"

#include "passes/rewrite.h"

#include <string.h>

static bool computes(const ExplainStep *step, NodeId node) {
    for (uint32_t i = 0; i < step->fused->count; i++)
        if (step->fused->nodes[i] == node)
            return true;
    return false;
}

/* Why the step that computes `user` of a value did not compute the value, too. */
static const char *reason_of(const ExplainStep *from, const ExplainStep *to, NodeId user,
                             const char *refused) {
    const OpCode op = graph_node(to->record->function, user)->op;
    if (op == OP_ATTENTION || op == OP_ATTENTION_GRAD)
        return "attention reads it block by block, more than once";
    if (op == OP_CALL || op == OP_CALL_GRAD)
        return "a function of a library is given it in memory";
    if (from->kind == EXPLAIN_CALL)
        return "a function of a library leaves its results in memory";
    if (op == OP_CONTRACT && to->kind == EXPLAIN_PRODUCT)
        return "a matrix product packs what it reads, once for many uses";
    if (computes(from, user))
        return "what is computed here once more is made of it";
    if (refused)
        return refused;
    if (from->kind == EXPLAIN_ATTENTION)
        return "nothing is fused to the end of an attention";
    return "its reader has to wait for another matrix product, attention or library";
}

/* Why the step that reads a value is not the one that made it. What was refused says most. */
static const char *why_apart(const ExplainStep *from, const ExplainStep *to, NodeId value) {
    const char *why = NULL;
    bool refusal = false;
    if (!to->fused)
        return "it was added behind the other kernels: it sums chunks, or looks for NaN";
    if (to->record != from->record)
        return "the update is fused by itself; it comes right after the gradient";
    const FusionRecord *record = to->record;
    for (uint32_t i = 0; i < to->fused->count && !refusal; i++) {
        const NodeId user = to->fused->nodes[i];
        const Node *node = graph_node(record->function, user);
        for (uint32_t k = 0; k < node->source_count && !refusal; k++) {
            if (rename_source(record->function, node->sources[k]) != value)
                continue;
            const char *refused = record->refused[record->first_edge[user] + k];
            const char *reason = reason_of(from, to, user, refused);
            refusal = reason == refused;
            why = refusal || !why ? reason : why;
        }
    }
    return why ? why : "it is copied, as outputs have memory of their own";
}

static uint32_t buffer_of(const ExplainStep *step, uint32_t result) {
    return step->step->operands[step->step->operand_count - step->kernel->output_count + result];
}

bool explain_is_kept(const ExplainFunction *function, const ExplainStep *step, uint32_t result) {
    const uint32_t buffer = buffer_of(step, result);
    for (uint32_t i = function->first_reader[buffer]; i < function->first_reader[buffer + 1]; i++)
        if (step->part == EXPLAIN_FORWARD &&
            function->steps[function->readers[i]].part != EXPLAIN_FORWARD)
            return true;
    return false;
}

/* The same for a person: one kernel, one part, one reason. */
static bool is_alike(const ExplainReader *reader, const ExplainStep *step, const char *why) {
    return reader->step->step->kernel == step->step->kernel && reader->step->part == step->part &&
           strcmp(reader->why, why) == 0;
}

static void add_reader(ExplainReader *readers, uint32_t *count, const ExplainStep *step,
                       const char *why) {
    for (uint32_t i = 0; i < *count; i++)
        if (is_alike(&readers[i], step, why)) {
            readers[i].count++;
            return;
        }
    readers[(*count)++] = (ExplainReader){.step = step, .why = why, .count = 1};
}

ExplainValue explain_value(const Explanation *explanation, const ExplainFunction *function,
                           const ExplainStep *step, uint32_t result) {
    const PlanFunction *plan = function->plan;
    const uint32_t buffer = buffer_of(step, result);
    const uint32_t begin = function->first_reader[buffer], end = function->first_reader[buffer + 1];
    const PlanBuffer *memory = &plan->buffers[buffer];
    ExplainReader *readers = arena_array(explanation->arena, end - begin, sizeof *readers);
    ExplainValue value = {
        .record = step->record,
        .node = step->fused->outputs[result],
        .bytes = memory->elements * (int64_t)plan_type_size(memory->type),
        .is_kept = explain_is_kept(function, step, result),
        .output = memory->storage == PLAN_OUTPUT ? plan->outputs[memory->binding].name : NULL,
        .stored = step->record->stored[step->fused->outputs[result]],
        .from = step,
        .readers = readers,
    };
    for (uint32_t i = begin; i < end; i++) {
        const ExplainStep *reader = &function->steps[function->readers[i]];
        add_reader(readers, &value.reader_count, reader, why_apart(step, reader, value.node));
    }
    return value;
}
