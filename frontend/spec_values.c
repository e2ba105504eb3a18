/* Dims and consts: which of several values counts, and the numbers they are. */
#include "frontend/spec_build.h"

#include "frontend/suggest.h"

#include <math.h>
#include <string.h>

/* Together these bound the stack that evaluating needs: dims that need dims, and expressions. */
enum { MOST_DEPTH = 2000 };

static const double LARGEST_EXTENT = 2147483647;

/* --- declaring --- */

static bool names_others(const Expr *expr) {
    switch (expr->kind) {
    case EXPR_NAME:
        return true;
    case EXPR_UNARY:
        return names_others(expr->unary.operand);
    case EXPR_BINARY:
        return names_others(expr->binary.left) || names_others(expr->binary.right);
    case EXPR_CALL:
        for (uint32_t i = 0; i < expr->call.argument_count; i++)
            if (names_others(expr->call.arguments[i].value))
                return true;
        return false;
    default:
        return false;
    }
}

/* The value of a symbol that is a dim or a const; NULL for others. */
static SpecValue *symbol_value(const Symbol *symbol) {
    return symbol->kind == SYMBOL_DIM     ? &symbol->dim->value
           : symbol->kind == SYMBOL_CONST ? &symbol->constant->value
                                          : NULL;
}

/* The dim or const of that name, made if new. NULL after reporting that the name is something else.
 */
static SpecValue *find_or_create(SpecBuilder *builder, Name name, bool dim) {
    Symbol *symbol = names_find(&builder->spec->symbols, name.text);
    if (symbol && symbol->kind == (dim ? SYMBOL_DIM : SYMBOL_CONST))
        return symbol_value(symbol);
    if (symbol) {
        Diagnostic *d = diagnostics_error(builder->diagnostics, "duplicate-name", name.span,
                                          "the name '%s' is declared a second time", name.text);
        diagnostic_related(d, symbol->declared, "first declared here");
        return NULL;
    }
    symbol = arena_alloc(builder->arena, sizeof *symbol);
    *symbol = (Symbol){.name = name.text, .declared = name.span};
    SpecValue value = {
        .name = name.text, .declared = name.span, .given = name.span, .level = LEVEL_NONE};
    if (dim) {
        symbol->kind = SYMBOL_DIM;
        symbol->dim = arena_alloc(builder->arena, sizeof *symbol->dim);
        symbol->dim->value = value;
        *(SpecDim **)vector_add(&builder->dims, builder->arena, sizeof symbol->dim) = symbol->dim;
    } else {
        symbol->kind = SYMBOL_CONST;
        symbol->constant = arena_alloc(builder->arena, sizeof *symbol->constant);
        symbol->constant->value = value;
        *(SpecConst **)vector_add(&builder->consts, builder->arena, sizeof symbol->constant) =
            symbol->constant;
    }
    names_add(&builder->spec->symbols, builder->arena, name.text, symbol);
    return symbol_value(symbol);
}

/* Values come weakest first; an equal one is an error, and so is one for a derived dim. */
static void give_value(SpecBuilder *builder, SpecValue *value, bool dim, const Expr *expr,
                       SpecLevel level, SourceSpan given) {
    if (value->value && (value->level == level || (dim && value->derived))) {
        bool twice = value->level == level;
        Diagnostic *d = diagnostics_error(
            builder->diagnostics, twice ? "second-value" : "derived-dim", given,
            twice ? "'%s' is given a second value" : "'%s' is derived and cannot be set",
            value->name);
        if (!twice)
            diagnostic_hint(d, "set what it is made of");
        diagnostic_related(d, value->given, twice ? "the first" : "it is derived here");
        return;
    }
    value->value = expr;
    value->level = level;
    value->given = given;
    value->derived = names_others(expr);
}

void spec_declare_value(SpecBuilder *builder, const ValueDecl *declaration, bool dim,
                        SpecLevel level) {
    SpecValue *value = find_or_create(builder, declaration->name, dim);
    if (value && declaration->value)
        give_value(builder, value, dim, declaration->value, level, declaration->span);
}

bool spec_override_value(SpecBuilder *builder, Name name, const Expr *expr) {
    const Symbol *symbol = names_find(&builder->spec->symbols, name.text);
    SpecValue *value = symbol ? symbol_value(symbol) : NULL;
    if (!value)
        return false;
    if (expr)
        give_value(builder, value, symbol->kind == SYMBOL_DIM, expr, LEVEL_COMMAND_LINE,
                   source_join(name.span, expr->span));
    return true;
}

/* --- evaluating --- */

const char *spec_origin(const SpecBuilder *builder, SpecLevel level, SourceSpan given) {
    if (level == LEVEL_COMMAND_LINE)
        return "command line";
    return level == LEVEL_DEFAULT ? "default"
                                  : source_place_text(builder->arena, builder->sources, given);
}

static void resolve(SpecBuilder *builder, SpecValue *value, bool dim);

static void report_unknown(const Spec *spec, Name use, bool dims_alone, Diagnostics *diagnostics) {
    Suggestion nearest = suggestion_begin(use.text);
    for (uint32_t i = 0; i < spec->dim_count; i++)
        suggestion_offer(&nearest, spec->dims[i]->value.name);
    for (uint32_t i = 0; i < spec->const_count && !dims_alone; i++)
        suggestion_offer(&nearest, spec->consts[i]->value.name);
    Diagnostic *d =
        diagnostics_error(diagnostics, dims_alone ? "unknown-dim" : "unknown-name", use.span,
                          "there is no dim%s '%s'", dims_alone ? "" : " or const", use.text);
    diagnostic_suggest(d, suggestion_end(&nearest));
}

/* Names that mean a number everywhere. */
static bool well_known(const char *name, Constant *constant) {
    bool pi = !strcmp(name, "pi");
    if (!pi && strcmp(name, "inf"))
        return false;
    *constant = (Constant){pi ? 3.14159265358979323846 : INFINITY, false};
    return true;
}

static ConstantStatus lookup(void *context, Name use, Constant *constant, Name *missing) {
    SpecBuilder *builder = context;
    const Symbol *symbol = names_find(&builder->spec->symbols, use.text);
    SpecValue *value = symbol ? symbol_value(symbol) : NULL;
    if (!value) {
        if (well_known(use.text, constant))
            return CONSTANT_KNOWN;
        if (!builder->unreadable) /* else it may stand in what could not be read */
            report_unknown(builder->spec, use, false, builder->diagnostics);
        return CONSTANT_FAULTY;
    }
    if (value->state == VALUE_RESOLVING) {
        Diagnostic *d = diagnostics_error(builder->diagnostics, "value-cycle", use.span,
                                          "'%s' needs its own value", use.text);
        diagnostic_related(d, value->given, "it is given here");
        return CONSTANT_FAULTY;
    }
    if (value->state == VALUE_UNRESOLVED)
        resolve(builder, value, symbol->kind == SYMBOL_DIM);
    *constant = value->constant;
    if (value->state == VALUE_MISSING)
        *missing = (Name){value->missing, use.span};
    return value->state == VALUE_KNOWN     ? CONSTANT_KNOWN
           : value->state == VALUE_MISSING ? CONSTANT_MISSING
                                           : CONSTANT_FAULTY;
}

static void relate(void *context, const char *name, Diagnostic *diagnostic) {
    const SpecBuilder *builder = context;
    const Symbol *symbol = names_find(&builder->spec->symbols, name);
    const SpecValue *value = symbol ? symbol_value(symbol) : NULL;
    if (value && value->state == VALUE_KNOWN)
        diagnostic_related(diagnostic, value->given, "%s = %.0f", name, value->constant.value);
}

static ConstantStatus evaluate(SpecBuilder *builder, const Expr *expr, bool dim, Constant *constant,
                               Name *missing) {
    if (builder->depth + expr->height > MOST_DEPTH) {
        diagnostics_error(builder->diagnostics, "too-deep", expr->span,
                          "too many dims need each other to get at this value");
        return CONSTANT_FAULTY;
    }
    ConstantScope scope = {.arena = builder->arena,
                           .diagnostics = builder->diagnostics,
                           .lookup = lookup,
                           .relate = relate,
                           .context = builder,
                           .exact = dim};
    uint32_t outer = builder->depth;
    builder->depth += expr->height + 4;
    ConstantStatus status = constant_evaluate(&scope, expr, constant, missing);
    builder->depth = outer;
    return status;
}

/* A dim's number must be the extent of an axis. */
static bool check_extent(SpecBuilder *builder, const char *name, Constant number, SourceSpan span) {
    if (number.integer && number.value > 0 && number.value <= LARGEST_EXTENT)
        return true;
    const char *what = !number.integer     ? "an integer"
                       : number.value <= 0 ? "above 0"
                                           : "below 2^31";
    Diagnostic *d = diagnostics_error(builder->diagnostics, "bad-extent", span,
                                      "the extent of '%s' must be %s", name, what);
    diagnostic_label(d, "it is %.10g", number.value);
    return false;
}

static void resolve(SpecBuilder *builder, SpecValue *value, bool dim) {
    Name missing = {value->name, value->declared};
    ConstantStatus status = CONSTANT_MISSING;
    value->state = VALUE_RESOLVING;
    if (value->value)
        status = evaluate(builder, value->value, dim, &value->constant, &missing);
    if (status == CONSTANT_KNOWN && dim &&
        !check_extent(builder, value->name, value->constant, value->given))
        status = CONSTANT_FAULTY;
    value->missing = missing.text;
    value->state = status == CONSTANT_KNOWN     ? VALUE_KNOWN
                   : status == CONSTANT_MISSING ? VALUE_MISSING
                                                : VALUE_FAULTY;
}

void spec_resolve_values(SpecBuilder *builder) {
    for (uint32_t i = 0; i < builder->dims.count; i++) {
        SpecDim *dim = ((SpecDim **)builder->dims.items)[i];
        if (dim->value.state == VALUE_UNRESOLVED)
            resolve(builder, &dim->value, true);
        dim->extent = dim->value.state == VALUE_KNOWN ? (int64_t)dim->value.constant.value : 0;
    }
    for (uint32_t i = 0; i < builder->consts.count; i++) {
        SpecConst *constant = ((SpecConst **)builder->consts.items)[i];
        if (constant->value.state == VALUE_UNRESOLVED)
            resolve(builder, &constant->value, false);
    }
}

void spec_check_value(SpecBuilder *builder, SpecValue *value, bool dim, const Expr *expr) {
    Constant constant;
    Name missing;
    if (evaluate(builder, expr, dim, &constant, &missing) == CONSTANT_KNOWN && dim)
        check_extent(builder, value->name, constant, expr->span);
}

/* --- reading --- */

static void report_missing(const Spec *spec, Name use, const SpecValue *value,
                           Diagnostics *diagnostics) {
    const SpecDim *root = spec_dim(spec, value->missing);
    bool itself = !strcmp(value->missing, use.text);
    Diagnostic *d = diagnostics_error(
        diagnostics, "dim-without-value", use.span,
        itself ? "the dim '%s' has no value" : "'%s' needs a dim that has no value", use.text);
    if (!itself)
        diagnostic_label(d, "it needs '%s'", value->missing);
    diagnostic_hint(d, "write dim %s = 64 in the main file, or %s=64 on the command line",
                    value->missing, value->missing);
    if (root)
        diagnostic_related(d, root->value.declared, "'%s' is declared here", value->missing);
}

bool spec_number(const Spec *spec, Name use, Constant *number, Diagnostics *diagnostics) {
    const Symbol *symbol = spec_symbol(spec, use.text);
    const SpecValue *value = symbol ? symbol_value(symbol) : NULL;
    if (!value)
        report_unknown(spec, use, false, diagnostics);
    else if (value->state == VALUE_MISSING)
        report_missing(spec, use, value, diagnostics);
    else if (value->state == VALUE_KNOWN)
        *number = value->constant;
    return value && value->state == VALUE_KNOWN;
}

int64_t spec_extent(const Spec *spec, Name use, Diagnostics *diagnostics) {
    Constant number;
    if (!spec_dim(spec, use.text)) {
        report_unknown(spec, use, true, diagnostics);
        return 0;
    }
    return spec_number(spec, use, &number, diagnostics) ? (int64_t)number.value : 0;
}

bool spec_constant(SpecBuilder *builder, const Expr *expr, Constant *constant) {
    Name missing;
    ConstantStatus status = evaluate(builder, expr, false, constant, &missing);
    if (status == CONSTANT_MISSING)
        spec_number(builder->spec, (Name){missing.text, expr->span}, constant,
                    builder->diagnostics);
    return status == CONSTANT_KNOWN;
}
