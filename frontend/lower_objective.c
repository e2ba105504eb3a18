/* One objective: runs its bodies, checks what they give, and makes the outputs of `forward`. */
#include "frontend/lowering.h"

#include <math.h>
#include <string.h>

/* --- statements --- */

static void set_loss(Lowering *l, const Statement *statement, Value value) {
    const Axes batch = axes_of(&l->batch, 1);
    const Axes own = axes_minus(&value.axes, &batch);
    if (value.kind != VALUE_UNKNOWN && own.count) {
        Diagnostic *d =
            diagnostics_error(l->diagnostics, "loss-axes", statement->assign.value->span,
                              "the loss is one number for each image, and this is not");
        diagnostic_label(d, "it is %s", fault_axes(l, &value.axes));
        diagnostic_hint(d, "average: mean%s(...)", fault_axes(l, &value.axes));
        value = value_faulty;
    }
    scope_assign(l, statement->assign.name, value);
}

static FigureRecord *find_figure(const Lowering *l, const char *name) {
    for (uint32_t i = 0; i < l->figure_count; i++)
        if (strcmp(l->figures[i]->name, name) == 0)
            return l->figures[i];
    return NULL;
}

/* A later one takes the place of an objective's that is extended, but not one of the same body. */
static void record_figure(Lowering *l, const char *name, Value value, Name place) {
    FigureRecord *figure = find_figure(l, name);
    if (figure && figure->declaration == l->declaration) {
        Diagnostic *d = diagnostics_error(l->diagnostics, "given-twice", place.span,
                                          "'%s' is given twice", place.text);
        diagnostic_related(d, figure->place, "the first is here");
        return;
    }
    if (!figure) {
        if (l->figure_count == l->figure_capacity) {
            uint32_t larger = l->figure_capacity ? l->figure_capacity * 2 : 8;
            l->figures = arena_grow(l->arena, l->figures, l->figure_count * sizeof(FigureRecord *),
                                    larger * sizeof(FigureRecord *));
            l->figure_capacity = larger;
        }
        figure = arena_alloc(l->arena, sizeof *figure);
        l->figures[l->figure_count++] = figure;
    }
    *figure = (FigureRecord){name, value, place.span, l->declaration};
}

static void set_metric(Lowering *l, const Statement *statement, Value value) {
    const Axes batch = axes_of(&l->batch, 1);
    Name name = statement->assign.name;
    if (value.kind != VALUE_UNKNOWN && axes_minus(&value.axes, &batch).count) {
        Diagnostic *d =
            diagnostics_error(l->diagnostics, "metric-axes", statement->assign.value->span,
                              "a metric is one number for each image, and this is not");
        diagnostic_label(d, "it is %s", fault_axes(l, &value.axes));
        diagnostic_hint(d, "average: mean%s(...)", fault_axes(l, &value.axes));
        value = value_faulty;
    }
    record_figure(l, arena_printf(l->arena, "metric.%s", name.text), value, name);
}

static void set_output(Lowering *l, const Statement *statement, Value value) {
    Name name = statement->assign.name;
    if (strcmp(name.text, "logits") != 0 && strcmp(name.text, "class") != 0) {
        Suggestion nearest = suggestion_begin(name.text);
        suggestion_offer(&nearest, "logits");
        suggestion_offer(&nearest, "class");
        Diagnostic *d = diagnostics_error(l->diagnostics, "unknown-output", name.span,
                                          "an output is 'logits' or 'class', not '%s'", name.text);
        diagnostic_suggest(d, suggestion_end(&nearest));
        return;
    }
    scope_assign(l, name, value);
    record_figure(l, name.text, value, name);
}

void objective_statement(Lowering *l, const Statement *statement, Value value) {
    if (statement->kind == STATEMENT_LOSS)
        set_loss(l, statement, value);
    else if (statement->kind == STATEMENT_METRIC)
        set_metric(l, statement, value);
    else
        set_output(l, statement, value);
}

/* --- the shape of the outputs --- */

static const InputDecl *find_input(const Spec *spec, const char *name) {
    for (uint32_t i = 0; i < spec->input_count; i++)
        if (strcmp(spec->inputs[i]->name.text, name) == 0)
            return spec->inputs[i];
    return NULL;
}

static void fault_figure(Lowering *l, const FigureRecord *figure, const char *message,
                         const InputDecl *input) {
    Diagnostic *d = diagnostics_error(l->diagnostics, "output-axes", figure->place, "%s", message);
    diagnostic_label(d, "it is %s", fault_axes(l, &figure->value.axes));
    if (input)
        diagnostic_related(d, input->span, "'%s' is declared here", input->name.text);
}

/* The last axis of `order` counts what the input's values may be. */
static bool check_choices(Lowering *l, const FigureRecord *figure, const InputDecl *input,
                          AxisId axis) {
    int64_t limit;
    const Axis *choices = graph_axis(lowering_function(l), axis);
    if (!lower_integer(l, input->limit, "the limit of an input", &limit))
        return false;
    if (limit == choices->extent)
        return true;
    fault_figure(l, figure,
                 arena_printf(l->arena, "the axis '%s' of '%s' is %lld, but '%s' is below %lld",
                              choices->name, figure->name, (long long)choices->extent,
                              input->name.text, (long long)limit),
                 input);
    return false;
}

/* logits: the positions of `tokens`, then its colours. */
static bool order_logits(Lowering *l, const FigureRecord *figure, Axes *order) {
    const InputDecl *tokens = find_input(l->spec, "tokens");
    const Axes batch = axes_of(&l->batch, 1);
    Axes rest = axes_minus(&figure->value.axes, &batch);
    *order = (Axes){0};
    if (!tokens) {
        fault_figure(l, figure, "'logits' are for an input called 'tokens', and there is none",
                     NULL);
        return false;
    }
    for (uint32_t i = 0; i < tokens->axes.count; i++) {
        AxisId axis = lower_dim_axis(l, tokens->axes.at[i]);
        if (axis == AXIS_NONE)
            return false;
        const Axes one = axes_of(&axis, 1);
        if (axes_has(&rest, axis) && !axes_has(order, axis))
            axes_append(order, axis);
        rest = axes_minus(&rest, &one);
    }
    if (order->count != (int)tokens->axes.count || rest.count != 1) {
        fault_figure(l, figure, "'logits' has the axes of 'tokens' and one for the colours",
                     tokens);
        return false;
    }
    axes_append(order, rest.at[0]);
    return check_choices(l, figure, tokens, rest.at[0]);
}

static bool order_class(Lowering *l, const FigureRecord *figure, Axes *order) {
    const InputDecl *label = find_input(l->spec, "label");
    const Axes batch = axes_of(&l->batch, 1);
    *order = axes_minus(&figure->value.axes, &batch);
    if (order->count == 1)
        return !label || check_choices(l, figure, label, order->at[0]);
    fault_figure(l, figure, "'class' has one axis, that of the classes", label);
    return false;
}

/* --- the outputs --- */

static void emit(Lowering *l, const char *name, Value value, const Axes *order) {
    Value made = lower_output_value(l, value, order);
    if (made.kind != VALUE_UNKNOWN)
        function_output(lowering_function(l), name, made.node, NULL);
}

static void emit_figure(Lowering *l, const FigureRecord *figure) {
    Axes order = {0};
    l->place = figure->place;
    if (figure->value.kind == VALUE_UNKNOWN)
        return;
    if (strcmp(figure->name, "logits") == 0 && !order_logits(l, figure, &order))
        return;
    if (strcmp(figure->name, "class") == 0 && !order_class(l, figure, &order))
        return;
    emit(l, figure->name, figure->value, order.count ? &order : NULL);
}

static void emit_outputs(Lowering *l, const ObjectiveDecl *declaration) {
    const Local *loss = names_find(&l->scope->locals, "loss");
    if (!loss) {
        Diagnostic *d =
            diagnostics_error(l->diagnostics, "no-loss", declaration->name.span,
                              "the objective '%s' gives no loss", declaration->name.text);
        diagnostic_hint(d, "add: loss = ...");
        return;
    }
    l->place = loss->place;
    emit(l, "loss", loss->value, NULL);
    for (uint32_t i = 0; i < l->figure_count; i++)
        emit_figure(l, l->figures[i]);
    for (uint32_t i = 0; i < l->tap_count; i++)
        for (uint32_t k = 0; k < l->taps[i]->count; k++)
            emit(l, arena_printf(l->arena, "tap.%s.%u", l->taps[i]->name, k), l->taps[i]->values[k],
                 NULL);
}

static void run_bodies(Lowering *l, const SpecObjective *objective) {
    if (objective->parent)
        run_bodies(l, objective->parent);
    l->declaration = objective->declaration;
    lower_block(l, &objective->declaration->body);
}

void objective_run(Lowering *l, const SpecObjective *objective) {
    Frame frame = {.objective = true, .call = objective->declaration->name.span};
    l->scope = scope_open(l, &frame, "", "");
    for (uint32_t i = 0; i < l->spec->param_count; i++)
        parameter_declare(l, l->spec->params[i], true);
    run_bodies(l, objective);
    if (!l->stopped)
        emit_outputs(l, objective->declaration);
    extern_check_gradients(l);
    l->scope = NULL;
}
