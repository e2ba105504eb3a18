/* Describing values and expressions to people. The batch axis is the compiler's: it is not shown.
 */
#include "frontend/lowering.h"

#include <string.h>

enum { MAX_QUOTED = 32 }; /* bytes of source text that are still readable inside a message */

const char *type_name(ValueType type) {
    static const char *const names[] = {"a condition", "an integer", "a number"};
    return names[type];
}

const char *fault_axis_name(const Lowering *l, AxisId axis) {
    return graph_axis(l->functions[GRAPH_FORWARD], axis)->name;
}

const char *fault_axes(const Lowering *l, const Axes *axes) {
    const char *text = "";
    for (int i = 0; i < axes->count; i++)
        if (axes->at[i] != l->batch)
            text = arena_printf(l->arena, "%s%s%s", text, *text ? ", " : "",
                                fault_axis_name(l, axes->at[i]));
    return *text ? arena_printf(l->arena, "[%s]", text) : "without axes";
}

void fault_offer_symbols(const Lowering *l, Suggestion *suggestion) {
    const Spec *spec = l->spec;
    for (uint32_t i = 0; i < spec->input_count; i++)
        suggestion_offer(suggestion, spec->inputs[i]->name.text);
    for (uint32_t i = 0; i < spec->param_count; i++)
        for (uint32_t k = 0; k < spec->params[i]->tensor_count; k++)
            suggestion_offer(suggestion, spec->params[i]->tensors[k].name.text);
    for (uint32_t i = 0; i < spec->dim_count; i++)
        suggestion_offer(suggestion, spec->dims[i]->value.name);
    for (uint32_t i = 0; i < spec->const_count; i++)
        suggestion_offer(suggestion, spec->consts[i]->value.name);
    for (uint32_t i = 0; i < spec->file_count; i++)
        for (uint32_t k = 0; k < spec->files[i]->count; k++) {
            const Declaration *declaration = &spec->files[i]->at[k];
            if (declaration->kind == DECLARATION_FUNCTION)
                suggestion_offer(suggestion, declaration->function.name.text);
            if (declaration->kind == DECLARATION_EXTERN)
                suggestion_offer(suggestion, declaration->external.name.text);
        }
}

/* " (igpt.scan:26:9)": where a name was declared or got its value; "" for what has no such place.
 */
static const char *place_of(const Lowering *l, const Expr *expr) {
    if (expr->kind != EXPR_NAME)
        return "";
    const Local *local = scope_find(l->scope, expr->name);
    const Symbol *symbol = local ? NULL : spec_symbol(l->spec, expr->name);
    if ((!local || local->kind == LOCAL_ARGUMENT) && !symbol)
        return "";
    SourceSpan place = local ? local->place : symbol->declared;
    return arena_printf(l->arena, " (%s)", source_place_text(l->arena, l->spec->sources, place));
}

const char *fault_describe(const Lowering *l, const Expr *expr, const Value *value) {
    const char *text = source_span_text(l->arena, l->spec->sources, expr->span);
    if (strlen(text) > MAX_QUOTED || strchr(text, '\n') || value->kind == VALUE_UNKNOWN)
        return NULL;
    return arena_printf(l->arena, "%s is %s%s", text, fault_axes(l, &value->axes),
                        place_of(l, expr));
}

/* What the call does with an axis that is not there. */
static const char *purpose(const Expr *call) {
    if (call->kind == EXPR_INDEX)
        return "looks it up along";
    const char *callee = call->call.callee.text;
    if (strcmp(callee, "sum") == 0)
        return "sums over";
    if (strcmp(callee, "mean") == 0)
        return "averages over";
    if (strcmp(callee, "rename") == 0)
        return "renames";
    if (strcmp(callee, "shift") == 0)
        return "moves along";
    return "works along";
}

/* "sum[h, e]": the call without its arguments. */
static SourceSpan head_span(const Lowering *l, const Expr *call) {
    SourceSpan span = call->span;
    if (call->kind != EXPR_CALL || call->call.axes.count == 0)
        return span;
    const char *text = sources_at(l->spec->sources, span.source)->text + span.offset;
    const char *end = memchr(text, ']', span.length);
    if (end)
        span.length = (uint32_t)(end + 1 - text);
    return span;
}

static const char *subject(const Lowering *l, const Expr *whole) {
    if (whole->kind == EXPR_BINARY && whole->binary.op == BINARY_MUL)
        return "nothing in this product has";
    if (whole->kind == EXPR_BINARY)
        return "nothing in this expression has";
    const char *text = source_span_text(l->arena, l->spec->sources, whole->span);
    if (strlen(text) > MAX_QUOTED || strchr(text, '\n'))
        return "what this is applied to lacks";
    return arena_printf(l->arena, "%s lacks", text);
}

/* Axes that all operands have come first: they are what could have been meant. */
static void suggest_axis(const Lowering *l, Diagnostic *d, const char *wanted,
                         const Operand *operands, uint32_t count) {
    Suggestion nearest = suggestion_begin(wanted);
    for (int common = 1; common >= 0; common--)
        for (uint32_t i = 0; i < count; i++)
            for (int k = 0; k < operands[i].value.axes.count; k++) {
                AxisId axis = operands[i].value.axes.at[k];
                bool everywhere = true;
                for (uint32_t j = 0; j < count; j++)
                    everywhere = everywhere && axes_has(&operands[j].value.axes, axis);
                if (axis != l->batch && everywhere >= common)
                    suggestion_offer(&nearest, fault_axis_name(l, axis));
            }
    diagnostic_suggest(d, suggestion_end(&nearest));
}

void fault_missing_axis(Lowering *l, const Expr *call, Name axis, const Expr *whole,
                        const Operand *operands, uint32_t count) {
    SourceSpan head = head_span(l, call);
    const char *head_text = source_span_text(l->arena, l->spec->sources, head);
    bool plain = call->kind == EXPR_INDEX || call->call.axes.count == 0;
    if (plain) /* the bracket's or the arrow's own name is the place */
        head = axis.span;
    Diagnostic *d = diagnostics_error(l->diagnostics, "missing-axis", head,
                                      "%s the axis '%s' that %s %s", subject(l, whole), axis.text,
                                      call->kind == EXPR_INDEX ? "this"
                                      : plain                  ? "rename"
                                                               : head_text,
                                      purpose(call));
    const char *label = "";
    for (uint32_t i = 0; i < count; i++) {
        const char *text = fault_describe(l, operands[i].expr, &operands[i].value);
        if (text)
            label = arena_printf(l->arena, "%s%s%s", label, *label ? ", " : "", text);
    }
    if (*label)
        diagnostic_label(d, "%s", label);
    suggest_axis(l, d, axis.text, operands, count);
}
