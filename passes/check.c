/* Bindings are drawn by name from a fixed seed. Integers that are used as positions stay within the
 * axis that they point into, so that what is compared is what clamping does not hide. */
#include "passes/check.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Reordered sums differ in the last bits of the largest terms. */
static const double tolerance = 1e-9;

/* The same where a library rounds to f32 what it is given and gives. */
static const double tolerance_of_calls = 1e-5;

enum { DEFAULT_LIMIT = 8 };

typedef struct Check {
    const Function *before, *after;
    const InterpretCaller *caller; /* NULL: nobody */
    Arena *scratch;
    char *fault;
    size_t fault_size;
} Check;

__attribute__((format(printf, 2, 3))) static bool fail(const Check *check, const char *format,
                                                       ...) {
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(check->fault, check->fault_size, format, arguments);
    va_end(arguments);
    return false;
}

/* --- limits of integers --- */

static void bound(int64_t *limits, NodeId id, int64_t limit) {
    if (limit < limits[id])
        limits[id] = limit;
}

/* Positions are bounded by the extent of their axis, and what is chosen or moved by what is asked
 * of the result. */
static void bound_sources(const Function *function, NodeId id, int64_t *limits) {
    const Node *node = graph_node(function, id);
    const Axes *own = &node->attributes.axes;
    const int64_t extent = own->count ? graph_axis(function, own->at[0])->extent : 0;
    switch (node->op) {
    case OP_CROSS_ENTROPY:
        bound(limits, node->sources[1], extent);
        break;
    case OP_GATHER:
        bound(limits, node->sources[1], extent);
        bound(limits, node->sources[0], limits[id]);
        break;
    case OP_SCATTER_ADD:
        bound(limits, node->sources[0], extent);
        break;
    case OP_EQUAL:
        for (uint32_t i = 0; i < 2; i++) {
            const Node *index = graph_node(function, node->sources[i]);
            if (index->op == OP_INDEX)
                bound(limits, node->sources[1 - i], graph_elements(function, index));
        }
        break;
    case OP_MIN:
    case OP_MAX:
    case OP_SELECT:
    case OP_SHIFT:
    case OP_RENAME:
    case OP_SPLIT:
    case OP_MERGE:
    case OP_STOP_GRADIENT:
        for (uint32_t i = 0; i < node->source_count; i++)
            bound(limits, node->sources[i], limits[id]);
        break;
    default:
        break;
    }
}

static const int64_t *integer_limits(const Check *check, const Function *function) {
    int64_t *limits = arena_array(check->scratch, function->node_count, sizeof *limits);
    for (NodeId id = 0; id < function->node_count; id++)
        limits[id] = DEFAULT_LIMIT;
    for (NodeId id = function->node_count; id-- > 0;)
        bound_sources(function, id, limits);
    return limits;
}

/* --- bindings --- */

/* SplitMix64. */
static uint64_t draw(uint64_t *state) {
    uint64_t word = *state += UINT64_C(0x9E3779B97F4A7C15);
    word = (word ^ word >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    word = (word ^ word >> 27) * UINT64_C(0x94D049BB133111EB);
    return word ^ word >> 31;
}

/* Params in [-1, 1); real inputs, which may be weights, rates or second moments, in [1/8, 9/8). */
static double draw_value(uint64_t *state, const Node *node, int64_t limit) {
    if (node->dtype == DTYPE_I32 || node->dtype == DTYPE_BOOL)
        return (double)(draw(state) % (uint64_t)(node->dtype == DTYPE_BOOL ? 2 : limit));
    const double unit = (double)(draw(state) >> 11) * 0x1p-53;
    return node->op == OP_PARAM ? 2 * unit - 1 : unit + 0.125;
}

static bool is_binding(const Node *node) { return node->op == OP_PARAM || node->op == OP_INPUT; }

/* The values of all bindings of `before`. */
static InterpretBinding *draw_bindings(const Check *check, size_t *count) {
    const Function *function = check->before;
    const int64_t *limits = integer_limits(check, function);
    InterpretBinding *bindings =
        arena_array(check->scratch, function->node_count, sizeof *bindings);
    uint64_t state = 1;
    *count = 0;
    for (NodeId id = 0; id < function->node_count; id++) {
        const Node *node = graph_node(function, id);
        if (!is_binding(node))
            continue;
        const int64_t elements = graph_elements(function, node);
        double *values = arena_array(check->scratch, (size_t)elements, sizeof *values);
        for (int64_t i = 0; i < elements; i++)
            values[i] = draw_value(&state, node, limits[id]);
        bindings[(*count)++] = (InterpretBinding){node->attributes.name, values, elements};
    }
    return bindings;
}

/* --- comparing --- */

static bool same_type(const Check *check, const Node *before, const Node *after) {
    if (before->dtype != after->dtype || before->axes.count != after->axes.count)
        return false;
    for (int i = 0; i < before->axes.count; i++) {
        const Axis *old = graph_axis(check->before, before->axes.at[i]);
        const Axis *new = graph_axis(check->after, after->axes.at[i]);
        if (old->extent != new->extent || strcmp(old->name, new->name) != 0)
            return false;
    }
    return true;
}

static bool same_bindings(const Check *check) {
    for (NodeId id = 0; id < check->after->node_count; id++) {
        const Node *node = graph_node(check->after, id);
        if (!is_binding(node))
            continue;
        const char *name = node->attributes.name;
        const NodeId old = function_find_binding(check->before, name);
        if (old == NODE_NONE)
            return fail(check, "it reads %s, which it did not read before", name);
        if (!same_type(check, graph_node(check->before, old), node))
            return fail(check, "the type or order of its input %s is another", name);
    }
    return true;
}

static bool same_value(const Check *check, double before, double after, double scale) {
    if (before == after || (isnan(before) && isnan(after)))
        return true;
    return fabs(before - after) <= (check->caller ? tolerance_of_calls : tolerance) * scale;
}

static bool same_output(const Check *check, uint32_t which, const double *before,
                        const double *after) {
    const Output *output = &check->before->outputs[which];
    const int64_t count = graph_elements(check->before, graph_node(check->before, output->node));
    double scale = 1;
    for (int64_t i = 0; i < count; i++)
        if (isfinite(before[i]))
            scale = fmax(scale, fabs(before[i]));
    for (int64_t i = 0; i < count; i++)
        if (!same_value(check, before[i], after[i], scale))
            return fail(check, "element %lld of its output %s was %.17g and is %.17g", (long long)i,
                        output->name, before[i], after[i]);
    return true;
}

static bool compare(const Check *check) {
    if (!same_bindings(check))
        return false;
    size_t count;
    const InterpretBinding *bindings = draw_bindings(check, &count);
    InterpretError error;
    double **before =
        interpret_calling(check->before, bindings, count, check->caller, check->scratch, &error);
    if (!before)
        return fail(check, "it could not be interpreted before: %s", error.text);
    double **after =
        interpret_calling(check->after, bindings, count, check->caller, check->scratch, &error);
    if (!after)
        return fail(check, "it could not be interpreted: %s", error.text);
    for (uint32_t i = 0; i < check->before->output_count; i++) {
        const Output *output = &check->before->outputs[i];
        uint32_t other = 0;
        while (other < check->after->output_count &&
               strcmp(check->after->outputs[other].name, output->name) != 0)
            other++;
        if (other == check->after->output_count)
            return fail(check, "it lost its output %s", output->name);
        if (!same_type(check, graph_node(check->before, output->node),
                       graph_node(check->after, check->after->outputs[other].node)))
            return fail(check, "the type or order of its output %s is another", output->name);
        if (!same_output(check, i, before[i], after[other]))
            return false;
    }
    return true;
}

static bool has_calls(const Function *function) {
    for (NodeId id = 0; id < function->node_count; id++) {
        const Attributes *attributes = &graph_node(function, id)->attributes;
        if (attributes->external || (attributes->body && has_calls(attributes->body)))
            return true;
    }
    return false;
}

/* Out of memory counts as a fault: nothing was compared. */
static bool compare_in(Check *check) {
    check->scratch = arena_create();
    if (!check->scratch)
        return fail(check, "there is no memory to interpret it");
    if (setjmp(*arena_boundary(check->scratch))) {
        arena_destroy(check->scratch);
        return fail(check, "there is no memory to interpret it");
    }
    const bool same = compare(check);
    arena_destroy(check->scratch);
    return same;
}

const char *check_same_values_calling(const Function *before, const Function *after,
                                      const InterpretCaller *caller, Arena *arena) {
    char fault[512] = "";
    Check check = {.before = before,
                   .after = after,
                   .caller = has_calls(before) ? caller : NULL,
                   .fault = fault,
                   .fault_size = sizeof fault};
    return compare_in(&check) ? NULL : arena_string(arena, fault, strlen(fault));
}

const char *check_same_values(const Function *before, const Function *after, Arena *arena) {
    return check_same_values_calling(before, after, NULL, arena);
}
