/* One line: its nodes, in the order of the functions, put together over calls that are alike; then
 * the kernels that compute any of them. */
#include "passes/explain.h"

#include "ir/text_print.h"
#include "passes/rewrite.h"

#include <stdlib.h>
#include <string.h>

/* The place of a node on the line; NULL: it has none there. */
static const Span *span_at(const Node *node, const ExplainPlace *place) {
    for (uint32_t i = 0; node->spans && i < node->spans->count; i++) {
        const Span *span = &node->spans->at[i];
        if (span->line == place->line && strcmp(span->file, place->file) == 0)
            return span;
    }
    return NULL;
}

static const char *call_of(const Span *span) { return span->call ? span->call : ""; }

/* --- the IR --- */

/* What one call made of the line. */
typedef struct Call {
    const char *path;
    const char *form; /* its nodes without their numbers: calls of equal forms are alike */
    ExplainNode *nodes;
    uint32_t count, capacity;
} Call;

typedef struct Calls {
    Arena *arena;
    Call *at;
    uint32_t count, capacity;
    uint32_t last; /* the call that a node was added to last: the next one's, most often */
} Calls;

static Call *call_find(Calls *calls, const char *path) {
    if (calls->count && strcmp(calls->at[calls->last].path, path) == 0)
        return &calls->at[calls->last];
    for (calls->last = 0; calls->last < calls->count; calls->last++)
        if (strcmp(calls->at[calls->last].path, path) == 0)
            return &calls->at[calls->last];
    if (calls->count == calls->capacity) {
        uint32_t larger = 2 * calls->capacity + 16;
        calls->at = arena_grow(calls->arena, calls->at, calls->count * sizeof *calls->at,
                               larger * sizeof *calls->at);
        calls->capacity = larger;
    }
    calls->at[calls->count] = (Call){.path = path, .form = ""};
    return &calls->at[calls->count++];
}

/* A node's text without numbers of nodes: what it is, whichever layer it is of. */
static const char *form_of(Arena *arena, const ExplainNode *node) {
    const Node *is = graph_node(node->function, node->id);
    const bool binds = is->op == OP_PARAM || is->op == OP_INPUT;
    return arena_printf(arena, "%s %d%d %s %s %.17g %lld %u;", op_table[is->op].name, is->dtype,
                        node->is_backward, axes_text(arena, node->function, &is->axes),
                        axes_text(arena, node->function, &is->attributes.axes),
                        is->attributes.value, binds ? 0LL : (long long)is->attributes.amount,
                        is->source_count);
}

/* Shared: calls are alike whether they have the node or not. */
static void add_node(Calls *calls, const char *path, ExplainNode node, bool is_shared) {
    Call *call = call_find(calls, path);
    if (call->count == call->capacity) {
        uint32_t larger = 2 * call->capacity + 8;
        call->nodes =
            arena_grow(calls->arena, call->nodes, call->count * sizeof node, larger * sizeof node);
        call->capacity = larger;
    }
    call->nodes[call->count++] = node;
    if (!is_shared)
        call->form = arena_printf(calls->arena, "%s%s", call->form, form_of(calls->arena, &node));
}

/* Nodes of the body of an attention; it is met once, whichever layers share it. */
static void add_body(Calls *calls, const Function *body, const ExplainPlace *place, bool backward) {
    for (NodeId id = 0; id < body->node_count; id++) {
        const Span *span = span_at(graph_node(body, id), place);
        if (span)
            add_node(calls, call_of(span), (ExplainNode){body, id, backward}, true);
    }
}

/* By node of a record: whether the loss does not depend on it; NULL: the function has none. */
static bool *find_backward(Arena *arena, const Function *function) {
    if (strcmp(function->name, "grad") != 0)
        return NULL;
    bool *backward = arena_array(arena, function->node_count, sizeof *backward);
    memset(backward, true, function->node_count * sizeof *backward);
    NodeId loss = function_find_output(function, "loss");
    if (loss != NODE_NONE)
        backward[loss] = false;
    for (NodeId id = function->node_count; id-- > 0;)
        for (uint32_t i = 0; !backward[id] && i < graph_node(function, id)->source_count; i++)
            backward[graph_node(function, id)->sources[i]] = false;
    return backward;
}

static Calls calls_of(Arena *arena, const FusionRecord *record, const ExplainPlace *place) {
    const Function *function = record->function;
    const bool *backward = find_backward(arena, function);
    const Function *body = NULL; /* of the attention before: layers share it */
    Calls calls = {.arena = arena};
    for (NodeId id = 0; id < function->node_count; id++) {
        const Node *node = graph_node(function, id);
        const bool is_backward = backward && backward[id];
        const Span *span = span_at(node, place);
        if (span)
            add_node(&calls, call_of(span), (ExplainNode){function, id, is_backward},
                     node->source_count == 0 && node->op != OP_PARAM);
        if (node->op == OP_ATTENTION && node->attributes.body != body) {
            body = node->attributes.body;
            add_body(&calls, body, place, is_backward);
        }
    }
    return calls;
}

/* Calls of equal forms become one; returns how many there are. */
static uint32_t group_calls(Arena *arena, const FusionRecord *record, const Calls *calls,
                            ExplainCalls *groups) {
    bool *taken = arena_array(arena, calls->count, sizeof *taken);
    uint32_t count = 0;
    for (uint32_t i = 0; i < calls->count; i++) {
        if (taken[i])
            continue;
        const char **paths = arena_array(arena, calls->count - i, sizeof *paths);
        ExplainCalls *group = &groups[count++];
        *group = (ExplainCalls){.record = record,
                                .calls = paths,
                                .nodes = calls->at[i].nodes,
                                .node_count = calls->at[i].count};
        for (uint32_t k = i; k < calls->count; k++)
            if (!taken[k] && strcmp(calls->at[k].form, calls->at[i].form) == 0) {
                paths[group->call_count++] = calls->at[k].path;
                taken[k] = true;
            }
    }
    return count;
}

static void explain_ir(const Explanation *explanation, const ExplainPlace *place,
                       ExplainLine *line) {
    Arena *arena = explanation->arena;
    ExplainCalls *all = NULL;
    for (const FusionRecord *record = explanation->records.first; record; record = record->next) {
        const Calls calls = calls_of(arena, record, place);
        if (!calls.count)
            continue;
        all = arena_grow(arena, all, line->call_count * sizeof *all,
                         (line->call_count + calls.count) * sizeof *all);
        line->call_count += group_calls(arena, record, &calls, all + line->call_count);
    }
    line->calls = all;
}

/* --- kernels --- */

static bool computes(const ExplainStep *step, NodeId node) {
    for (uint32_t i = 0; i < step->fused->count; i++)
        if (step->fused->nodes[i] == node)
            return true;
    return false;
}

/* The result of another step that a node of this one is computed from. */
static bool take_of(const Explanation *explanation, const ExplainFunction *function,
                    const ExplainStep *step, NodeId source, ExplainValue *value) {
    const uint32_t inputs = step->step->operand_count - step->kernel->output_count;
    for (uint32_t k = 0; k < inputs; k++) {
        const uint32_t buffer = step->step->operands[k], writer = function->writer[buffer];
        const ExplainStep *from = writer == UINT32_MAX ? NULL : &function->steps[writer];
        if (!from || !from->fused || from->record != step->record)
            continue;
        for (uint32_t i = 0; i < from->fused->output_count; i++)
            if (from->fused->outputs[i] == source) {
                *value = explain_value(explanation, function, from, i);
                return true;
            }
    }
    return false;
}

/* Of a value's readers, the step alone. */
static void keep_reader(Arena *arena, ExplainValue *value, const ExplainStep *step) {
    ExplainReader *only = arena_alloc(arena, sizeof *only);
    for (uint32_t i = 0; i < value->reader_count; i++)
        if (value->readers[i].step->step->kernel == step->step->kernel &&
            value->readers[i].step->part == step->part)
            *only = (ExplainReader){step, value->readers[i].why, 1};
    value->readers = only;
    value->reader_count = 1;
}

static bool has_value(const ExplainValue *values, uint32_t count, NodeId node) {
    for (uint32_t i = 0; i < count; i++)
        if (values[i].node == node)
            return true;
    return false;
}

static void add_takes(const Explanation *explanation, const ExplainPlace *place, ExplainUse *use) {
    const ExplainStep *step = use->steps[0];
    const Function *function = step->record->function;
    ExplainValue *takes = arena_array(explanation->arena, step->step->operand_count, sizeof *takes);
    use->takes = takes;
    for (uint32_t i = 0; i < step->fused->count; i++) {
        const Node *node = graph_node(function, step->fused->nodes[i]);
        for (uint32_t k = 0; span_at(node, place) && k < node->source_count; k++) {
            const NodeId source = rename_source(function, node->sources[k]);
            ExplainValue value;
            if (computes(step, source) || has_value(takes, use->take_count, source) ||
                !take_of(explanation, use->function, step, source, &value))
                continue;
            keep_reader(explanation->arena, &value, step);
            takes[use->take_count++] = value;
        }
    }
}

static void add_gives(const Explanation *explanation, const ExplainPlace *place, ExplainUse *use) {
    const ExplainStep *step = use->steps[0];
    ExplainValue *gives = arena_array(explanation->arena, step->fused->output_count, sizeof *gives);
    use->gives = gives;
    for (uint32_t i = 0; i < step->fused->output_count; i++)
        if (span_at(graph_node(step->record->function, step->fused->outputs[i]), place))
            gives[use->give_count++] = explain_value(explanation, use->function, step, i);
}

static bool gives_node(const FusedKernel *fused, NodeId node) {
    for (uint32_t i = 0; i < fused->output_count; i++)
        if (fused->outputs[i] == node)
            return true;
    return false;
}

/* Whether another kernel computes a node too. */
static bool is_copied(const ExplainStep *step, NodeId node) {
    for (uint32_t i = 0; i < step->record->kernel_count; i++) {
        const FusedKernel *other = &step->record->kernels[i];
        for (uint32_t k = 0; other != step->fused && k < other->count; k++)
            if (other->nodes[k] == node)
                return true;
    }
    return false;
}

/* What the first step computes of the line and keeps to itself. Constants are in the code. */
static void add_inside(Arena *arena, const ExplainPlace *place, ExplainUse *use) {
    const ExplainStep *step = use->steps[0];
    NodeId *inside = arena_array(arena, step->fused->count, sizeof *inside);
    NodeId *copies = arena_array(arena, step->fused->count, sizeof *copies);
    for (uint32_t i = 0; i < step->fused->count; i++) {
        const NodeId id = step->fused->nodes[i];
        const Node *node = graph_node(step->record->function, id);
        if (node->op == OP_CONST || node->dtype == DTYPE_NONE || !span_at(node, place))
            continue;
        if (!gives_node(step->fused, id))
            inside[use->inside_count++] = id;
        if (is_copied(step, id))
            copies[use->copy_count++] = id;
    }
    use->inside = inside;
    use->copies = copies;
}

/* The call in which a step computes something of the line; NULL: none. */
static const char *step_call(const ExplainStep *step, const ExplainPlace *place) {
    const Span *span = NULL;
    for (uint32_t i = 0; step->fused && i < step->fused->count && !span; i++) {
        const Node *node = graph_node(step->record->function, step->fused->nodes[i]);
        span = node->op == OP_CONST ? NULL : span_at(node, place);
    }
    return span ? span->call : NULL;
}

/* The calls that the line was met in, of all steps. */
static void add_calls(Arena *arena, const ExplainPlace *place, ExplainUse *use) {
    const char **calls = arena_array(arena, use->step_count, sizeof *calls);
    for (uint32_t s = 0; s < use->step_count; s++) {
        const char *call = step_call(use->steps[s], place);
        bool known = !call;
        for (uint32_t i = 0; i < use->call_count && !known; i++)
            known = strcmp(calls[i], call) == 0;
        if (!known)
            calls[use->call_count++] = call;
    }
    use->calls = calls;
}

static int by_place(const void *left, const void *right) {
    const ExplainPlace *a = left, *b = right;
    const int files = strcmp(a->file, b->file);
    return files ? files : (a->line > b->line) - (a->line < b->line);
}

/* Lines of all steps of the use but the one that is asked for; not where constants alone are from.
 */
static void add_others(Arena *arena, const ExplainPlace *place, ExplainUse *use) {
    uint32_t most = 0, count = 0;
    for (uint32_t s = 0; s < use->step_count; s++)
        most += use->steps[s]->step->place_count;
    ExplainPlace *others = arena_array(arena, most, sizeof *others);
    for (uint32_t s = 0; s < use->step_count; s++)
        for (uint32_t i = 0; i < use->steps[s]->step->place_count; i++) {
            const PlanPlace *at = &use->steps[s]->step->places[i];
            const ExplainPlace other = {at->file, (uint32_t)at->line};
            if (by_place(&other, place) != 0 && explain_touches(use->steps[s], &other))
                others[count++] = other;
        }
    qsort(others, count, sizeof *others, by_place);
    for (uint32_t i = 0; i < count; i++)
        if (i == 0 || by_place(&others[i - 1], &others[i]) != 0)
            others[use->other_count++] = others[i];
    use->others = others;
}

static void add_step(Arena *arena, ExplainUse *uses, uint32_t *count,
                     const ExplainFunction *function, const ExplainStep *step) {
    uint32_t i = 0;
    while (i < *count &&
           (uses[i].function != function || uses[i].steps[0]->step->kernel != step->step->kernel ||
            uses[i].steps[0]->part != step->part))
        i++;
    if (i == *count)
        uses[(*count)++] = (ExplainUse){
            .function = function,
            .steps = arena_array(arena, function->plan->step_count, sizeof *uses[i].steps)};
    uses[i].steps[uses[i].step_count++] = step;
}

/* Whether a call is the one whose nodes are listed for some function. */
static bool is_listed(const ExplainLine *line, const FusionRecord *record, const char *call) {
    for (uint32_t i = 0; i < line->call_count && call; i++)
        if (line->calls[i].record == record && strcmp(line->calls[i].calls[0], call) == 0)
            return true;
    return false;
}

/* The step of the call whose nodes are listed stands for all. */
static void put_first(const ExplainLine *line, const ExplainPlace *place, ExplainUse *use) {
    for (uint32_t i = 0; i < use->step_count; i++) {
        const ExplainStep *step = use->steps[i];
        if (!is_listed(line, step->record, step_call(step, place)))
            continue;
        use->steps[i] = use->steps[0];
        use->steps[0] = step;
        return;
    }
}

static void explain_kernels(const Explanation *explanation, const ExplainPlace *place,
                            ExplainLine *line) {
    Arena *arena = explanation->arena;
    uint32_t most = 0;
    for (uint32_t f = 0; f < explanation->plan->function_count; f++)
        for (uint32_t i = 0; i < explanation->functions[f].plan->step_count; i++)
            most += explain_touches(&explanation->functions[f].steps[i], place);
    ExplainUse *uses = arena_array(arena, most, sizeof *uses);
    for (uint32_t f = 0; f < explanation->plan->function_count; f++) {
        const ExplainFunction *function = &explanation->functions[f];
        for (uint32_t i = 0; i < function->plan->step_count; i++)
            if (explain_touches(&function->steps[i], place))
                add_step(arena, uses, &line->use_count, function, &function->steps[i]);
    }
    for (uint32_t i = 0; i < line->use_count; i++) {
        ExplainUse *use = &uses[i];
        put_first(line, place, use);
        for (uint32_t s = 0; s < use->step_count; s++)
            use->share += explain_share(use->steps[s], place) / use->step_count;
        add_others(arena, place, use);
        if (!use->steps[0]->fused)
            continue;
        add_calls(arena, place, use);
        add_takes(explanation, place, use);
        add_gives(explanation, place, use);
        add_inside(arena, place, use);
    }
    line->uses = uses;
}

ExplainLine explain_line(const Explanation *explanation, const ExplainPlace *place) {
    ExplainLine line = {0};
    explain_ir(explanation, place, &line);
    explain_kernels(explanation, place, &line);
    return line;
}
