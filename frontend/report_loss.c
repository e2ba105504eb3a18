/* The loss before the first step, where it does not depend on data or draws.
 *
 * Every node is given what is known of its elements: nothing, or that all are one number; and, for
 * means with `where`, that they are a number where a condition holds and 0 elsewhere, or that
 * number times how often the condition holds. A product with 0 is 0: parameters are finite. */
#include "frontend/report.h"

#include "ir/build.h"
#include "ir/interpret.h"

#include <math.h>

typedef enum KnownKind {
    KNOWN_NOTHING,
    KNOWN_NUMBER,
    KNOWN_CHOSEN,  /* number where the condition holds, else 0 */
    KNOWN_COUNT,   /* number times the count of the condition over some axes */
    KNOWN_GUARDED, /* that count, at least 1 */
} KnownKind;

typedef struct Known {
    KnownKind kind;
    double number;
    NodeId condition;
    Axes axes; /* that were counted over */
} Known;

typedef struct LossContext {
    Arena *arena;
    const Function *function;
    const Function *init; /* where the values of parameters are known; NULL: this is it */
    const Known *initial; /* by node of init */
    Known *at;            /* by node */
} LossContext;

static const Known nothing = {KNOWN_NOTHING, 0, NODE_NONE, {0}};

static Known number(double value) { return (Known){KNOWN_NUMBER, value, NODE_NONE, {0}}; }

static const Known *source(const LossContext *c, const Node *node, uint32_t which) {
    return &c->at[node->sources[which]];
}

static bool is_number(const Known *known, double value) {
    return known->kind == KNOWN_NUMBER && known->number == value;
}

/* An elementwise op of numbers, by the reference that defines it. */
static Known apply(const LossContext *c, const Node *node) {
    Function *one = function_create(c->arena, "one");
    NodeId *sources = arena_array(c->arena, node->source_count, sizeof *sources);
    for (uint32_t i = 0; i < node->source_count; i++) {
        const Node *operand = graph_node(c->function, node->sources[i]);
        sources[i] = build_const(one, operand->dtype, source(c, node, i)->number);
    }
    Node copy = {.op = node->op, .source_count = node->source_count, .sources = sources};
    function_output(one, "value", graph_add(one, copy), NULL);
    InterpretError error;
    double **values = interpret(one, NULL, 0, c->arena, &error);
    return values ? number(values[0][0]) : nothing;
}

static Known multiply(const Known *a, const Known *b) {
    if (is_number(a, 0) || is_number(b, 0))
        return number(0);
    const Known *factor = a->kind == KNOWN_NUMBER ? a : b;
    Known scaled = factor == a ? *b : *a;
    if (factor->kind != KNOWN_NUMBER || scaled.kind == KNOWN_GUARDED)
        return nothing;
    scaled.number *= factor->number;
    return scaled;
}

static bool same_count(const Known *a, const Known *b) {
    return a->condition == b->condition && axes_same_set(&a->axes, &b->axes);
}

static Known binary(const LossContext *c, const Node *node, const Known *a, const Known *b) {
    if (node->op == OP_MUL)
        return multiply(a, b);
    if (a->kind == KNOWN_NUMBER && b->kind == KNOWN_NUMBER)
        return apply(c, node);
    if (node->op == OP_MAX && a->kind == KNOWN_COUNT && a->number == 1 && is_number(b, 1)) {
        Known guarded = *a;
        guarded.kind = KNOWN_GUARDED;
        return guarded;
    }
    if (node->op == OP_DIV && a->kind == KNOWN_COUNT && b->kind == KNOWN_GUARDED &&
        same_count(a, b))
        return number(a->number);
    return nothing;
}

static Known unary(const LossContext *c, const Node *node, const Known *a) {
    if (a->kind == KNOWN_NUMBER)
        return apply(c, node);
    const Node *operand = graph_node(c->function, node->sources[0]);
    if (node->op == OP_CAST_F32 && operand->dtype == DTYPE_BOOL)
        return (Known){KNOWN_CHOSEN, 1, node->sources[0], {0}};
    return nothing;
}

static Known choose(const LossContext *c, const Node *node) {
    const Known *condition = source(c, node, 0);
    const Known *yes = source(c, node, 1), *no = source(c, node, 2);
    if (condition->kind == KNOWN_NUMBER)
        return condition->number != 0 ? *yes : *no;
    if (yes->kind != KNOWN_NUMBER || no->kind != KNOWN_NUMBER)
        return nothing;
    if (yes->number == no->number)
        return *yes;
    if (no->number != 0)
        return nothing;
    return (Known){KNOWN_CHOSEN, yes->number, node->sources[0], {0}};
}

static Known sum(const LossContext *c, const Node *node) {
    const Known *a = source(c, node, 0);
    const Axes *over = &node->attributes.axes;
    if (a->kind == KNOWN_NUMBER)
        return number(a->number * (double)axes_elements(c->function, over));
    if (a->kind != KNOWN_CHOSEN || !axes_same_set(&graph_node(c->function, node->sources[0])->axes,
                                                  &graph_node(c->function, a->condition)->axes))
        return nothing;
    return (Known){KNOWN_COUNT, a->number, a->condition, *over};
}

/* Positions are not below 0: how lowering spreads a value over an axis. */
static bool never_holds(const LossContext *c, const Node *node) {
    const Known *bound = source(c, node, 1);
    return graph_node(c->function, node->sources[0])->op == OP_INDEX &&
           bound->kind == KNOWN_NUMBER && bound->number <= 0;
}

static Known parameter(const LossContext *c, const Node *node) {
    if (!c->init)
        return nothing;
    NodeId initial = function_find_output(c->init, node->attributes.name);
    return initial == NODE_NONE ? nothing : c->initial[initial];
}

static Known what_is_known(const LossContext *c, const Node *node) {
    const Known *first = node->source_count ? source(c, node, 0) : &nothing;
    bool uniform = first->kind == KNOWN_NUMBER;
    switch (node->op) {
    case OP_CONST:
        return number(node->attributes.value);
    case OP_PARAM:
        return parameter(c, node);
    case OP_SELECT:
        return choose(c, node);
    case OP_SUM:
        return sum(c, node);
    case OP_GATHER:
    case OP_RENAME:
    case OP_REDUCE_MAX:
        return uniform ? *first : nothing;
    case OP_SHIFT:
        return uniform && is_number(source(c, node, 1), first->number) ? *first : nothing;
    case OP_SOFTMAX:
        return uniform ? number(1 / (double)axes_elements(c->function, &node->attributes.axes))
                       : nothing;
    case OP_CROSS_ENTROPY:
        return uniform ? number(log((double)axes_elements(c->function, &node->attributes.axes)))
                       : nothing;
    case OP_LESS:
        if (never_holds(c, node))
            return number(0);
        break;
    default:
        break;
    }
    if (!op_is_elementwise(node->op) && node->op != OP_STOP_GRADIENT)
        return nothing;
    return node->source_count == 1   ? unary(c, node, first)
           : node->source_count == 2 ? binary(c, node, first, source(c, node, 1))
                                     : nothing;
}

static const Known *analyse(LossContext *c) {
    c->at = arena_array(c->arena, c->function->node_count, sizeof(Known));
    for (NodeId i = 0; i < c->function->node_count; i++)
        c->at[i] = what_is_known(c, graph_node(c->function, i));
    return c->at;
}

bool report_first_loss(Arena *arena, const Function *init, const Function *forward, double *loss) {
    LossContext initial = {.arena = arena, .function = init};
    LossContext context = {
        .arena = arena, .function = forward, .init = init, .initial = analyse(&initial)};
    const Known *known = &analyse(&context)[function_find_output(forward, "loss")];
    *loss = known->number;
    return known->kind == KNOWN_NUMBER && isfinite(known->number);
}
