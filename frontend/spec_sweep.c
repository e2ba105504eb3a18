/* The section sweep: each key must be one that could be set, each value one that it could have. */
#include "frontend/spec_setting_types.h"

#include "frontend/print.h"

#include <string.h>

enum { MOST_VALUES = 1000 };

typedef struct SweepTarget {
    const SettingRule *rule; /* a setting; or */
    SpecValue *value;        /* a dim or a const */
    bool dim;
} SweepTarget;

/* False after reporting that the key cannot be set. */
static bool find_target(SpecBuilder *builder, Name key, SweepTarget *target) {
    const Symbol *symbol = spec_symbol(builder->spec, key.text);
    *target = (SweepTarget){.rule = setting_rule_of(key.text)};
    if (symbol && symbol->kind == SYMBOL_DIM)
        *target = (SweepTarget){.value = &symbol->dim->value, .dim = true};
    else if (symbol && symbol->kind == SYMBOL_CONST)
        *target = (SweepTarget){.value = &symbol->constant->value};
    if (target->dim && target->value->derived) {
        Diagnostic *d = diagnostics_error(builder->diagnostics, "derived-dim", key.span,
                                          "'%s' is derived and cannot be set", key.text);
        diagnostic_hint(d, "set what it is made of");
        diagnostic_related(d, target->value->given, "it is derived here");
        return false;
    }
    if (!target->rule && !target->value) {
        spec_unknown_key(builder, key);
        return false;
    }
    return true;
}

static void add_text(SpecBuilder *builder, Vector *values, const char *text) {
    *(const char **)vector_add(values, builder->arena, sizeof text) = text;
}

static void add_value(SpecBuilder *builder, const SweepTarget *target, const Expr *value,
                      Vector *values) {
    const char *text;
    if (target->rule) {
        text = setting_check(builder, target->rule, value, NULL);
    } else {
        spec_check_value(builder, target->value, target->dim, value);
        text = print_expression(builder->arena, value);
    }
    if (text)
        add_text(builder, values, text);
}

/* first..last, one number after the other. */
static void add_range(SpecBuilder *builder, const SweepTarget *target, const Expr *range,
                      Vector *values) {
    Constant first, last;
    if (!spec_constant(builder, range->range.first, &first) ||
        !spec_constant(builder, range->range.last, &last))
        return;
    if (!first.integer || !last.integer || last.value < first.value) {
        diagnostics_error(builder->diagnostics, "bad-range", range->span,
                          "a range goes from an integer to one that is not smaller");
        return;
    }
    if (last.value - first.value >= MOST_VALUES) {
        diagnostics_error(builder->diagnostics, "too-many", range->span,
                          "a sweep has at most %d values", MOST_VALUES);
        return;
    }
    for (double at = first.value; at <= last.value; at++) {
        Expr *number = arena_alloc(builder->arena, sizeof *number);
        *number = (Expr){.kind = EXPR_NUMBER, .height = 1, .span = range->span};
        number->number.value = at;
        number->number.integer = true;
        add_value(builder, target, number, values);
    }
}

static void resolve_sweep(SpecBuilder *builder, const SweepEntry *entry, SpecSweep *sweep) {
    SweepTarget target;
    Vector values = {0};
    const Expr *value = entry->value;
    if (!find_target(builder, entry->key, &target))
        return;
    uint32_t count = value->kind == EXPR_LIST ? value->list.count : 1;
    if ((value->kind != EXPR_LIST && value->kind != EXPR_RANGE) || !count || count > MOST_VALUES) {
        diagnostics_error(builder->diagnostics, "sweep-values", value->span,
                          "a sweep takes a list of 1 to %d values, or a range: [2, 4, 6], 1..3",
                          MOST_VALUES);
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        const Expr *item = value->kind == EXPR_LIST ? value->list.at[i] : value;
        if (item->kind == EXPR_RANGE)
            add_range(builder, &target, item, &values);
        else
            add_value(builder, &target, item, &values);
    }
    sweep->values = values.items;
    sweep->value_count = values.count;
}

void spec_resolve_sweeps(SpecBuilder *builder) {
    const SweepEntry *entries = builder->sweeps.items;
    uint32_t count = builder->sweeps.count;
    builder->spec->sweeps = arena_array(builder->arena, count, sizeof(SpecSweep));
    builder->spec->sweep_count = count;
    for (uint32_t i = 0; i < count; i++) {
        SpecSweep *sweep = &builder->spec->sweeps[i];
        *sweep = (SpecSweep){.key = entries[i].key.text,
                             .origin = spec_origin(builder, entries[i].level, entries[i].key.span)};
        resolve_sweep(builder, &entries[i], sweep);
    }
}
