/* Every top-level name is declared once, in whatever file; dims and consts may be met again, to be
 * given a value. */
#include "frontend/spec_build.h"

#include "frontend/suggest.h"
#include "frontend/text.h"

#include <string.h>

static void report_twice(SpecBuilder *builder, Name name, const char *what, SourceSpan first) {
    Diagnostic *d = diagnostics_error(builder->diagnostics, "duplicate-name", name.span,
                                      "%s '%s' is declared a second time", what, name.text);
    diagnostic_related(d, first, "first declared here");
}

/* NULL after reporting that the name is taken. */
static Symbol *declare_symbol(SpecBuilder *builder, SymbolKind kind, Name name) {
    Symbol *symbol = names_find(&builder->spec->symbols, name.text);
    if (symbol) {
        report_twice(builder, name, "the name", symbol->declared);
        return NULL;
    }
    symbol = arena_alloc(builder->arena, sizeof *symbol);
    *symbol = (Symbol){.kind = kind, .name = name.text, .declared = name.span};
    names_add(&builder->spec->symbols, builder->arena, name.text, symbol);
    return symbol;
}

static void append(SpecBuilder *builder, Vector *vector, const void *pointer) {
    *(const void **)vector_add(vector, builder->arena, sizeof pointer) = pointer;
}

static void declare_input(SpecBuilder *builder, const InputDecl *input) {
    Symbol *symbol = declare_symbol(builder, SYMBOL_INPUT, input->name);
    if (!symbol)
        return;
    symbol->input = input;
    append(builder, &builder->inputs, input);
}

static void declare_param(SpecBuilder *builder, const ParamDecl *param) {
    for (uint32_t i = 0; i < param->tensor_count; i++) {
        Symbol *symbol = declare_symbol(builder, SYMBOL_PARAM, param->tensors[i].name);
        if (!symbol)
            continue;
        symbol->param.declaration = param;
        symbol->param.tensor = &param->tensors[i];
    }
    append(builder, &builder->params, param);
}

static void declare_update(SpecBuilder *builder, const UpdateDecl *update) {
    Names *names = &builder->spec->updates_by_name;
    const UpdateDecl *first = names_find(names, update->name.text);
    if (first) {
        report_twice(builder, update->name, "the update rule", first->name.span);
        return;
    }
    if (update->parameter_count < 2) {
        Diagnostic *d =
            diagnostics_error(builder->diagnostics, "update-parameters", update->name.span,
                              "an update rule takes a tensor and its gradient first");
        diagnostic_hint(d, "update %s(w, g, lr) { ... }", update->name.text);
    }
    names_add(names, builder->arena, update->name.text, (void *)update);
    append(builder, &builder->updates, update);
}

/* --- objectives --- */

/* "ar.classify, bert.classify": all that have the name. */
static const char *addresses_of(SpecBuilder *builder, const char *name) {
    enum { MOST = 8 };
    Text text = text_create(builder->arena);
    SpecObjective *const *objectives = builder->objectives.items;
    uint32_t found = 0;
    for (uint32_t i = 0; i < builder->objectives.count && found < MOST; i++)
        if (!strcmp(objectives[i]->name, name))
            text_format(&text, "%s%s", found++ ? ", " : "", objectives[i]->address);
    return text_end(&text);
}

const SpecObjective *spec_find_objective(SpecBuilder *builder, Name name) {
    bool ambiguous;
    const SpecObjective *objective = spec_objective(builder->spec, name.text, &ambiguous);
    if (objective)
        return objective;
    if (ambiguous) {
        Diagnostic *d = diagnostics_error(builder->diagnostics, "ambiguous-objective", name.span,
                                          "there are several objectives called '%s'", name.text);
        diagnostic_hint(d, "say which: %s", addresses_of(builder, name.text));
        return NULL;
    }
    if (builder->unreadable || names_find(&builder->lost_objectives, name.text))
        return NULL; /* it may stand in what could not be read */
    Suggestion nearest = suggestion_begin(name.text);
    SpecObjective *const *objectives = builder->objectives.items;
    for (uint32_t i = 0; i < builder->objectives.count; i++) {
        suggestion_offer(&nearest, objectives[i]->address);
        suggestion_offer(&nearest, objectives[i]->name);
    }
    Diagnostic *d = diagnostics_error(builder->diagnostics, "unknown-objective", name.span,
                                      "there is no objective '%s'", name.text);
    diagnostic_suggest(d, suggestion_end(&nearest));
    return NULL;
}

static void add_objective(SpecBuilder *builder, const ObjectiveDecl *declaration,
                          const SpecObjective *parent) {
    const char *name = declaration->name.text;
    const char *address =
        parent ? arena_printf(builder->arena, "%s.%s", parent->address, name) : name;
    Names *by_address = &builder->spec->objectives_by_address,
          *by_name = &builder->spec->objectives_by_name;
    const SpecObjective *same = names_find(by_address, address);
    if (same) {
        Name place = {address, declaration->name.span};
        report_twice(builder, place, "the objective", same->declaration->name.span);
        return;
    }
    SpecObjective *objective = arena_alloc(builder->arena, sizeof *objective);
    *objective = (SpecObjective){.address = address,
                                 .name = name,
                                 .declaration = declaration,
                                 .parent = parent,
                                 .depth = parent ? parent->depth + 1 : 0};
    names_add(by_address, builder->arena, address, objective);
    append(builder, &builder->objectives, objective);
    SpecObjective *first = names_find(by_name, name);
    if (first)
        first->ambiguous = objective->ambiguous = true;
    else
        names_add(by_name, builder->arena, name, objective);
}

/* A parent that can be extended; NULL after reporting. */
static const SpecObjective *find_parent(SpecBuilder *builder, Name name) {
    const SpecObjective *parent = spec_find_objective(builder, name);
    if (!parent || parent->depth < SPEC_MAX_PARENTS)
        return parent;
    diagnostics_error(builder->diagnostics, "too-deep", name.span,
                      "objectives extend each other more than %d levels deep", SPEC_MAX_PARENTS);
    return NULL;
}

static void declare_objective(SpecBuilder *builder, const ObjectiveDecl *declaration) {
    bool lost = false;
    if (!declaration->parents.count)
        add_objective(builder, declaration, NULL);
    for (uint32_t i = 0; i < declaration->parents.count; i++) {
        const SpecObjective *parent = find_parent(builder, declaration->parents.at[i]);
        if (parent)
            add_objective(builder, declaration, parent);
        else
            lost = true;
    }
    if (lost && !names_find(&builder->lost_objectives, declaration->name.text))
        names_add(&builder->lost_objectives, builder->arena, declaration->name.text,
                  (void *)declaration);
}

/* --- taps --- */

static void collect_taps(SpecBuilder *builder, const Block *block) {
    for (uint32_t i = 0; i < block->count; i++) {
        const Statement *statement = &block->at[i];
        if (statement->kind == STATEMENT_REPEAT)
            collect_taps(builder, &statement->repeat.body);
        if (statement->kind != STATEMENT_TAP)
            continue;
        const Name *name = &statement->assign.name;
        if (names_find(&builder->taps_by_name, name->text))
            continue;
        names_add(&builder->taps_by_name, builder->arena, name->text, (void *)name);
        *(Name *)vector_add(&builder->taps, builder->arena, sizeof *name) = *name;
    }
}

void spec_declare(SpecBuilder *builder, const SyntaxFile *file, SpecLevel level) {
    for (uint32_t i = 0; i < file->count; i++) {
        const Declaration *declaration = &file->at[i];
        Symbol *symbol = NULL;
        switch (declaration->kind) {
        case DECLARATION_USE:
            break;
        case DECLARATION_DIM:
        case DECLARATION_CONST:
            for (uint32_t j = 0; j < declaration->values.count; j++)
                spec_declare_value(builder, &declaration->values.at[j],
                                   declaration->kind == DECLARATION_DIM, level);
            break;
        case DECLARATION_INPUT:
            declare_input(builder, &declaration->input);
            break;
        case DECLARATION_PARAM:
            declare_param(builder, &declaration->param);
            break;
        case DECLARATION_FUNCTION:
            if ((symbol = declare_symbol(builder, SYMBOL_FUNCTION, declaration->function.name)))
                symbol->function = &declaration->function;
            collect_taps(builder, &declaration->function.body);
            break;
        case DECLARATION_EXTERN:
            if ((symbol = declare_symbol(builder, SYMBOL_EXTERN, declaration->external.name)))
                symbol->external = &declaration->external;
            break;
        case DECLARATION_OBJECTIVE:
            declare_objective(builder, &declaration->objective);
            collect_taps(builder, &declaration->objective.body);
            break;
        case DECLARATION_UPDATE:
            declare_update(builder, &declaration->update);
            break;
        case DECLARATION_SECTION:
            spec_declare_section(builder, &declaration->section, level);
            break;
        }
    }
}
