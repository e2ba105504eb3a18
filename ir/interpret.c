/* Nodes are evaluated in order, each by the rule of the `value` column of ir/ops.def; a value is
 * given back to the pool after its last use. The rules are in ir/evaluate_*.c. */
#include "ir/interpret.h"

#include "ir/evaluate.h"
#include "ir/loop.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static ValueRule *const value_rules[OP_COUNT] = {
#define OP(ID, name, arity, shape, gradient, value, ...) evaluate_##value,
#include "ir/ops.def"
#undef OP
};

/* --- memory --- */

static unsigned pool_class(int64_t count) {
    unsigned class = 0;
    while (INT64_C(1) << class < count)
        class ++;
    return class;
}

double *pool_take(Pool *pool, int64_t count) {
    unsigned class = pool_class(count);
    void **first = pool->free[class];
    if (!first)
        return arena_array(pool->arena, (size_t)1 << class, sizeof(double));
    pool->free[class] = *first;
    return (double *)(void *)first;
}

void pool_give(Pool *pool, double *values, int64_t count) {
    unsigned class = pool_class(count);
    void **link = (void **)(void *)values;
    *link = pool->free[class];
    pool->free[class] = link;
}

/* --- evaluation --- */

const Node *evaluation_source(const Evaluation *evaluation, uint32_t which) {
    return graph_node(evaluation->function, evaluation->node->sources[which]);
}

const double *evaluation_value(const Evaluation *evaluation, uint32_t which) {
    return evaluation->values[evaluation->node->sources[which]][0];
}

static int64_t result_elements(const Function *function, const Node *node, uint32_t which) {
    DType dtype;
    Axes axes;
    graph_result_type(function, node, which, &dtype, &axes);
    return axes_elements(function, &axes);
}

static void release(Pool *pool, const Function *function, NodeValues *values, NodeId id) {
    const Node *node = graph_node(function, id);
    if (!values[id])
        return;
    for (uint32_t i = 0; i < graph_result_count(node); i++)
        pool_give(pool, values[id][i], result_elements(function, node, i));
    values[id] = NULL;
}

void evaluate_release(Pool *pool, const Function *function, NodeValues *values) {
    for (NodeId id = 0; id < function->node_count; id++)
        release(pool, function, values, id);
}

/* For each node the last that reads it: itself if none does; NODE_NONE for those of outputs. */
static NodeId *last_uses(Arena *arena, const Function *function) {
    NodeId *last = arena_array(arena, function->node_count, sizeof *last);
    for (NodeId id = 0; id < function->node_count; id++) {
        const Node *node = graph_node(function, id);
        last[id] = id;
        for (uint32_t i = 0; i < node->source_count; i++)
            last[node->sources[i]] = id;
    }
    for (uint32_t i = 0; i < function->output_count; i++)
        last[function->outputs[i].node] = NODE_NONE;
    return last;
}

NodeValues *evaluate_function(Pool *pool, const Function *function, const double *const *bindings,
                              bool keep_all) {
    Evaluation evaluation = {
        .pool = pool,
        .function = function,
        .bindings = bindings,
        .values = arena_array(pool->arena, function->node_count, sizeof(NodeValues)),
    };
    const NodeId *last = last_uses(pool->arena, function);
    for (NodeId id = 0; id < function->node_count; id++) {
        const Node *node = graph_node(function, id);
        uint32_t results = graph_result_count(node);
        evaluation.node = node;
        evaluation.results = arena_array(pool->arena, results, sizeof(double *));
        for (uint32_t i = 0; i < results; i++)
            evaluation.results[i] = pool_take(pool, result_elements(function, node, i));
        value_rules[node->op](&evaluation);
        evaluation.values[id] = evaluation.results;
        if (keep_all)
            continue;
        for (uint32_t i = 0; i < node->source_count; i++)
            if (last[node->sources[i]] == id)
                release(pool, function, evaluation.values, node->sources[i]);
        if (last[id] == id)
            release(pool, function, evaluation.values, id);
    }
    return evaluation.values;
}

/* --- the boundary: what comes from the caller is checked --- */

bool interpret_fail(InterpretError *error, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(error->text, sizeof error->text, format, arguments);
    va_end(arguments);
    return false;
}

static bool check_sizes(const Function *function, InterpretError *error) {
    for (NodeId id = 0; id < function->node_count; id++) {
        const Node *node = graph_node(function, id);
        if (graph_elements(function, node) > INTERPRET_MAX_ELEMENTS)
            return interpret_fail(error, "node %%%u of %s has too many elements to be interpreted",
                                  id, function->name);
        if (node->attributes.body && !check_sizes(node->attributes.body, error))
            return false;
    }
    return true;
}

static bool check_values(const Node *node, const InterpretBinding *binding, InterpretError *error) {
    double least = node->dtype == DTYPE_BOOL ? 0 : INT32_MIN;
    double most = node->dtype == DTYPE_BOOL ? 1 : INT32_MAX;
    if (node->dtype != DTYPE_BOOL && node->dtype != DTYPE_I32)
        return true;
    for (int64_t i = 0; i < binding->count; i++) {
        double value = binding->values[i];
        if (!(value >= least && value <= most && value == floor(value)))
            return interpret_fail(error, "%s: value %lld is %g, which is not %s", binding->name,
                                  (long long)i, value, dtype_name(node->dtype));
    }
    return true;
}

static const InterpretBinding *find_binding(const InterpretBinding *bindings, size_t count,
                                            const char *name) {
    for (size_t i = 0; i < count; i++)
        if (strcmp(bindings[i].name, name) == 0)
            return &bindings[i];
    return NULL;
}

/* The values of the function's params and inputs in node order, or NULL. */
static const double **order_bindings(const Function *function, const InterpretBinding *bindings,
                                     size_t count, Arena *arena, InterpretError *error) {
    const double **values = arena_array(arena, function->node_count, sizeof *values);
    size_t found = 0;
    for (NodeId id = 0; id < function->node_count; id++) {
        const Node *node = graph_node(function, id);
        if (node->op != OP_PARAM && node->op != OP_INPUT)
            continue;
        const InterpretBinding *binding = find_binding(bindings, count, node->attributes.name);
        if (!binding) {
            interpret_fail(error, "%s of %s is not bound", node->attributes.name, function->name);
            return NULL;
        }
        if (binding->count != graph_elements(function, node)) {
            interpret_fail(error, "%s has %lld elements, not %lld", binding->name,
                           (long long)graph_elements(function, node), (long long)binding->count);
            return NULL;
        }
        if (!check_values(node, binding, error))
            return NULL;
        values[found++] = binding->values;
    }
    return values;
}

double **interpret_calling(const Function *function, const InterpretBinding *bindings, size_t count,
                           const InterpretCaller *caller, Arena *arena, InterpretError *error) {
    if (!check_sizes(function, error))
        return NULL;
    const double **ordered = order_bindings(function, bindings, count, arena, error);
    if (!ordered)
        return NULL;
    Pool pool = {.arena = arena, .caller = caller, .error = error};
    NodeValues *values = evaluate_function(&pool, function, ordered, false);
    if (pool.failed)
        return NULL;
    double **outputs = arena_array(arena, function->output_count, sizeof *outputs);
    for (uint32_t i = 0; i < function->output_count; i++)
        outputs[i] = values[function->outputs[i].node][0];
    return outputs;
}

double **interpret(const Function *function, const InterpretBinding *bindings, size_t count,
                   Arena *arena, InterpretError *error) {
    return interpret_calling(function, bindings, count, NULL, arena, error);
}
