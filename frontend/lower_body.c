/* Scopes and statements. */
#include "frontend/lowering.h"

#include <stdio.h>
#include <string.h>

/* --- scopes --- */

Scope *scope_open(Lowering *l, Frame *frame, const char *path, const char *call_path) {
    Scope *scope = arena_alloc(l->arena, sizeof *scope);
    scope->frame = frame;
    scope->path = path;
    scope->call_path = call_path;
    return scope;
}

Local *scope_find(const Scope *scope, const char *name) {
    for (; scope; scope = scope->outer) {
        Local *local = names_find(&scope->locals, name);
        if (local)
            return local;
    }
    return NULL;
}

Local *scope_declare(Lowering *l, const char *name, LocalKind kind, Value value, SourceSpan place) {
    Scope *scope = l->scope;
    Local *local = names_find(&scope->locals, name);
    if (!local) {
        if (scope->name_count == scope->name_capacity) {
            uint32_t larger = scope->name_capacity ? scope->name_capacity * 2 : 8;
            scope->names = arena_grow(l->arena, scope->names, scope->name_count * sizeof(char *),
                                      larger * sizeof(char *));
            scope->name_capacity = larger;
        }
        scope->names[scope->name_count++] = name;
        local = arena_alloc(l->arena, sizeof *local);
        names_add(&scope->locals, l->arena, name, local);
    }
    *local = (Local){.kind = kind, .value = value, .place = place};
    return local;
}

void scope_offer_names(const Scope *scope, Suggestion *suggestion) {
    for (; scope; scope = scope->outer)
        for (uint32_t i = 0; i < scope->name_count; i++)
            suggestion_offer(suggestion, scope->names[i]);
}

const char *lower_join_path(Lowering *l, const char *path, const char *step) {
    return *path ? arena_printf(l->arena, "%s.%s", path, step) : step;
}

bool scope_step(Lowering *l, Name step, const char *what) {
    SourceSpan *taken = names_find(&l->scope->steps, step.text);
    if (!taken) {
        taken = arena_alloc(l->arena, sizeof *taken);
        *taken = step.span;
        names_add(&l->scope->steps, l->arena, step.text, taken);
        return true;
    }
    Diagnostic *d = diagnostics_error(l->diagnostics, "step-twice", step.span,
                                      "there are two steps called '%s' here", step.text);
    diagnostic_hint(d, "name one by 'as': %s as NAME", what);
    diagnostic_related(d, *taken, "the first is here");
    return false;
}

/* --- assignments --- */

/* A new value for a name: where it is first assigned is where it lives. */
void scope_assign(Lowering *l, Name name, Value value) {
    Local *local = scope_find(l->scope, name.text);
    if (local) {
        local->value = value;
        local->place = name.span;
        local->assigned = true;
        if (local->kind == LOCAL_ARGUMENT || local->kind == LOCAL_PARAM)
            local->kind = LOCAL_ASSIGNED;
        return;
    }
    const Symbol *symbol = spec_symbol(l->spec, name.text);
    if (symbol && symbol->kind != SYMBOL_FUNCTION && symbol->kind != SYMBOL_EXTERN) {
        static const char *const kinds[] = {"a dim", "a const", "an input", "a param"};
        Diagnostic *d = diagnostics_error(l->diagnostics, "name-taken", name.span,
                                          "'%s' is %s: a value needs another name", name.text,
                                          kinds[symbol->kind]);
        diagnostic_related(d, symbol->declared, "declared here");
        return;
    }
    scope_declare(l, name.text, LOCAL_ASSIGNED, value, name.span)->assigned = true;
}

Value lower_output_value(Lowering *l, Value value, const Axes *order) {
    const Axes batch = axes_of(&l->batch, 1);
    const Axes rest = axes_minus(order ? order : &value.axes, &batch);
    if (value.kind == VALUE_UNKNOWN)
        return value;
    Value floats = value_cast(l, value, TYPE_FLOAT);
    floats = value_widen(l, floats, &batch);
    if (floats.kind == VALUE_UNKNOWN)
        return floats;
    const Axes wanted = axes_union(&batch, &rest);
    return value_spread(l, floats, &wanted);
}

static void tap(Lowering *l, Name name, Value value) {
    TapRecord *taps = names_find(&l->tap_names, name.text);
    if (!taps) {
        taps = arena_alloc(l->arena, sizeof *taps);
        taps->name = name.text;
        names_add(&l->tap_names, l->arena, name.text, taps);
        if (l->tap_count == l->tap_capacity) {
            uint32_t larger = l->tap_capacity ? l->tap_capacity * 2 : 4;
            l->taps = arena_grow(l->arena, l->taps, l->tap_count * sizeof(TapRecord *),
                                 larger * sizeof(TapRecord *));
            l->tap_capacity = larger;
        }
        l->taps[l->tap_count++] = taps;
    }
    if (taps->count == taps->capacity) {
        uint32_t larger = taps->capacity ? taps->capacity * 2 : 8;
        taps->values =
            arena_grow(l->arena, taps->values, taps->count * sizeof(Value), larger * sizeof(Value));
        taps->capacity = larger;
    }
    taps->values[taps->count++] = value;
}

/* --- repeat --- */

static void run_round(Lowering *l, const Statement *statement, const char *step, int64_t round) {
    Scope *outer = l->scope;
    const char *name = arena_printf(l->arena, "%s.%lld", step, (long long)round);
    Scope *scope = scope_open(l, outer->frame, lower_join_path(l, outer->path, name),
                              lower_join_path(l, outer->call_path, name));
    scope->outer = outer;
    scope->round_dim = statement->repeat.dim.text;
    scope->round = round;
    l->scope = scope;
    lower_block(l, &statement->repeat.body);
    l->scope = outer;
}

static void repeat(Lowering *l, const Statement *statement) {
    Name dim = statement->repeat.dim;
    Name step = statement->repeat.step.text ? statement->repeat.step : dim;
    int64_t rounds = lower_extent(l, dim);
    if (!rounds)
        rounds = 1; /* for the errors of its body */
    if (!scope_step(l, step, "repeat DIM"))
        return;
    uint32_t errors = diagnostics_error_count(l->diagnostics);
    for (int64_t i = 0; i < rounds && !l->stopped; i++) {
        if (diagnostics_error_count(l->diagnostics) != errors || !lower_spend(l, statement->span))
            return;
        run_round(l, statement, step.text, i);
    }
}

/* --- statements --- */

static void misplaced(Lowering *l, const Statement *statement, const char *what,
                      const char *where) {
    diagnostics_error(l->diagnostics, "misplaced", statement->span, "%s belongs in %s", what,
                      where);
}

static void give_back(Lowering *l, const Statement *statement, Value value) {
    Frame *frame = l->scope->frame;
    if (!frame->function || l->scope->outer) {
        misplaced(l, statement, "'return'",
                  frame->function ? "the body itself, not in a repeat" : "a fn or a model");
        return;
    }
    frame->returned = true;
    frame->result = value;
}

static void lower_assignment(Lowering *l, const Statement *statement) {
    Frame *frame = l->scope->frame;
    SourceSpan place = l->place;
    Value value = lower_expression(l, statement->assign.value);
    l->place = statement->assign.value->span;
    switch (statement->kind) {
    case STATEMENT_ASSIGN:
        scope_assign(l, statement->assign.name, value);
        break;
    case STATEMENT_TAP:
        if (l->graph != GRAPH_FORWARD)
            misplaced(l, statement, "a tap", "an objective, or a fn that one calls");
        else
            tap(l, statement->assign.name, value);
        break;
    case STATEMENT_RETURN:
        give_back(l, statement, value);
        break;
    case STATEMENT_LOSS:
        if (!frame->objective) {
            scope_assign(l, statement->assign.name, value);
            break;
        }
        /* fallthrough */
    default:
        if (!frame->objective)
            misplaced(l, statement, statement->kind == STATEMENT_METRIC ? "a metric" : "an output",
                      "an objective");
        else
            objective_statement(l, statement, value);
    }
    l->place = place;
}

static void lower_statement(Lowering *l, const Statement *statement) {
    const Frame *frame = l->scope->frame;
    switch (statement->kind) {
    case STATEMENT_PARAM:
        if (l->graph != GRAPH_FORWARD)
            misplaced(l, statement, "a param", "an objective, or a fn that one calls");
        else
            parameter_declare(l, &statement->param, false);
        break;
    case STATEMENT_REPEAT:
        repeat(l, statement);
        break;
    case STATEMENT_STATE:
        if (frame->update && !l->scope->outer)
            update_states(l, statement);
        else
            misplaced(l, statement, "a state", "the body of an update rule");
        break;
    default:
        lower_assignment(l, statement);
    }
}

void lower_block(Lowering *l, const Block *block) {
    for (uint32_t i = 0; i < block->count; i++) {
        const Statement *statement = &block->at[i];
        if (!lower_spend(l, statement->span))
            return;
        if (l->scope->frame->returned) {
            diagnostics_error(l->diagnostics, "after-return", statement->span,
                              "nothing after 'return' is ever run");
            return;
        }
        lower_statement(l, statement);
    }
}
