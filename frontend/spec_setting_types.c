/* Checking and storing the value of one setting, by its type. */
#include "frontend/spec_setting_types.h"

#include "frontend/print.h"
#include "frontend/suggest.h"
#include "frontend/text.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char *const wrong = NULL;

/* Where the rule keeps its value. */
static void *stored(Spec *spec, const SettingRule *rule) { return (char *)spec + rule->offset; }

const char *setting_report_kind(SpecBuilder *builder, const SettingRule *rule, const Expr *value,
                                const char *what) {
    diagnostics_error(builder->diagnostics, "setting-type", value->span, "%s.%s is %s",
                      rule->section, rule->key, what);
    return wrong;
}

/* --- numbers --- */

bool setting_in_range(SpecBuilder *builder, const SettingRule *rule, const Expr *value,
                      double number) {
    if (number >= rule->least && number <= rule->most)
        return true;
    Diagnostic *d = diagnostics_error(builder->diagnostics, "setting-range", value->span,
                                      "%s.%s must be between %.10g and %.10g", rule->section,
                                      rule->key, rule->least, rule->most);
    if (value->kind != EXPR_NUMBER)
        diagnostic_label(d, "it is %.10g", number);
    return false;
}

static const char *check_integer(SpecBuilder *builder, const SettingRule *rule, const Expr *value,
                                 Spec *spec) {
    Constant number;
    if (!spec_constant(builder, value, &number))
        return wrong;
    if (!number.integer)
        return setting_report_kind(builder, rule, value, "an integer");
    if (!setting_in_range(builder, rule, value, number.value))
        return wrong;
    if (spec)
        *(int64_t *)stored(spec, rule) = (int64_t)number.value;
    return arena_printf(builder->arena, "%.0f", number.value);
}

static const char *check_number(SpecBuilder *builder, const SettingRule *rule, const Expr *value,
                                Spec *spec) {
    Constant number;
    if (!spec_constant(builder, value, &number) ||
        !setting_in_range(builder, rule, value, number.value))
        return wrong;
    number.value += 0.0; /* -0 becomes 0 */
    if (spec)
        *(double *)stored(spec, rule) = number.value;
    return print_number(builder->arena, number.value);
}

/* The bytes of "500M" or "1.5G": powers of 1024; negative: it is no size. */
static double size_of(const char *text) {
    static const char units[] = "KMGT";
    char *end;
    double size = strtod(text, &end);
    const char *unit = *end ? strchr(units, *end & ~0x20) : NULL;
    for (const char *at = units; unit && at <= unit; at++)
        size *= 1024;
    bool sound = *text >= '0' && *text <= '9' && !strpbrk(text, "xXnNeE") && isfinite(size);
    return sound && (unit ? !end[1] : !*end) ? size : -1;
}

static const char *check_size(SpecBuilder *builder, const SettingRule *rule, const Expr *value,
                              Spec *spec) {
    Constant number = {0};
    bool is_text = value->kind == EXPR_STRING;
    if (is_text)
        number.value = size_of(value->string);
    else if (!spec_constant(builder, value, &number))
        return wrong;
    if (is_text && number.value < 0)
        return setting_report_kind(builder, rule, value, "a size: \"500M\", \"1.5G\", or bytes");
    if (!setting_in_range(builder, rule, value, number.value))
        return wrong;
    if (spec)
        *(int64_t *)stored(spec, rule) = (int64_t)number.value;
    if (!is_text)
        return arena_printf(builder->arena, "%.0f", floor(number.value));
    Text text = text_create(builder->arena);
    text_literal(&text, value->string);
    return text_end(&text);
}

/* --- words --- */

static const char *check_word(SpecBuilder *builder, const SettingRule *rule, const Expr *value,
                              Spec *spec) {
    const char *word = value->kind == EXPR_NAME ? value->name : "";
    Suggestion nearest = suggestion_begin(word);
    Text choices = text_create(builder->arena);
    for (const char *at = rule->words; *at;) {
        size_t length = strcspn(at, " ");
        const char *choice = arena_string(builder->arena, at, length);
        if (!strcmp(choice, word)) {
            if (spec && rule->offset)
                *(const char **)stored(spec, rule) = choice;
            return choice;
        }
        suggestion_offer(&nearest, choice);
        text_format(&choices, "%s'%s'", choices.length ? ", " : "", choice);
        at += length + (at[length] == ' ');
    }
    Diagnostic *d = diagnostics_error(
        builder->diagnostics, "setting-choice", value->span, "%s.%s is %s%s", rule->section,
        rule->key, strchr(rule->words, ' ') ? "one of " : "", text_end(&choices));
    diagnostic_suggest(d, *word ? suggestion_end(&nearest) : NULL);
    return wrong;
}

static const char *check_source(SpecBuilder *builder, const SettingRule *rule, const Expr *value,
                                Spec *spec) {
    static const char digits[] = "digits";
    bool known = value->kind == EXPR_NAME && !strcmp(value->name, digits);
    if (!known && value->kind != EXPR_STRING) {
        Diagnostic *d = diagnostics_error(builder->diagnostics, "unknown-source", value->span,
                                          "the data is 'digits', or the path of a file");
        diagnostic_hint(d, "a path is in quotes: source = \"images.idx\"");
        return wrong;
    }
    if (!known && !*value->string)
        return setting_report_kind(builder, rule, value, "'digits', or a path that is not empty");
    const char *source = known ? digits : value->string;
    if (spec)
        *(const char **)stored(spec, rule) = source;
    Text text = text_create(builder->arena);
    if (!strcmp(source, digits))
        text_string(&text, digits);
    else
        text_literal(&text, source);
    return text_end(&text);
}

static const char *check_file(SpecBuilder *builder, const SettingRule *rule, const Expr *value,
                              Spec *spec) {
    if (value->kind != EXPR_STRING || !*value->string)
        return setting_report_kind(builder, rule, value, "the path of a file, in quotes");
    if (spec)
        *(const char **)stored(spec, rule) = value->string;
    Text text = text_create(builder->arena);
    text_literal(&text, value->string);
    return text_end(&text);
}

static const char *check_tap(SpecBuilder *builder, const SettingRule *rule, const Expr *value,
                             Spec *spec) {
    if (value->kind != EXPR_NAME)
        return setting_report_kind(builder, rule, value, "the name of a tap");
    Suggestion nearest = suggestion_begin(value->name);
    bool found = !builder->spec->tap_count || builder->unreadable;
    for (uint32_t i = 0; i < builder->spec->tap_count && !found; i++) {
        found = !strcmp(builder->spec->taps[i].text, value->name);
        suggestion_offer(&nearest, builder->spec->taps[i].text);
    }
    if (!found) {
        Diagnostic *d = diagnostics_error(builder->diagnostics, "unknown-tap", value->span,
                                          "there is no tap '%s'", value->name);
        diagnostic_suggest(d, suggestion_end(&nearest));
        return wrong;
    }
    if (spec)
        *(const char **)stored(spec, rule) = value->name;
    return value->name;
}

static const char *check_objective(SpecBuilder *builder, const SettingRule *rule, const Expr *value,
                                   Spec *spec) {
    if (value->kind != EXPR_NAME)
        return setting_report_kind(builder, rule, value, "the name of an objective");
    const SpecObjective *objective = spec_find_objective(builder, (Name){value->name, value->span});
    if (spec)
        spec->objective = objective;
    return objective ? objective->address : wrong;
}

/* --- the update rule --- */

enum { IMPLICIT_PARAMETERS = 2 }; /* the tensor and its gradient */

/* Which parameter of the rule an argument is for; parameter_count after reporting that there is
 * none. */
static uint32_t match_argument(SpecBuilder *builder, const UpdateDecl *update,
                               const Argument *argument, uint32_t position) {
    if (!argument->keyword.text) {
        uint32_t index = position + IMPLICIT_PARAMETERS;
        if (index < update->parameter_count)
            return index;
        Diagnostic *d = diagnostics_error(builder->diagnostics, "arguments", argument->value->span,
                                          "'%s' takes fewer arguments", update->name.text);
        diagnostic_related(d, update->name.span, "it is declared here");
        return update->parameter_count;
    }
    Suggestion nearest = suggestion_begin(argument->keyword.text);
    for (uint32_t i = IMPLICIT_PARAMETERS; i < update->parameter_count; i++) {
        if (!strcmp(update->parameters[i].name.text, argument->keyword.text))
            return i;
        suggestion_offer(&nearest, update->parameters[i].name.text);
    }
    Diagnostic *d =
        diagnostics_error(builder->diagnostics, "unknown-argument", argument->keyword.span,
                          "'%s' has no parameter '%s'", update->name.text, argument->keyword.text);
    diagnostic_suggest(d, suggestion_end(&nearest));
    diagnostic_related(d, update->name.span, "it is declared here");
    return update->parameter_count;
}

static bool check_update_arguments(SpecBuilder *builder, const UpdateDecl *update,
                                   const Expr *call) {
    const Argument **given =
        arena_array(builder->arena, update->parameter_count + 1, sizeof *given);
    bool sound = true;
    for (uint32_t i = 0; i < call->call.argument_count; i++) {
        const Argument *argument = &call->call.arguments[i];
        uint32_t index = match_argument(builder, update, argument, i);
        if (index == update->parameter_count) {
            sound = false;
        } else if (given[index]) {
            sound = false;
            diagnostics_error(builder->diagnostics, "duplicate-name", argument->value->span,
                              "'%s' is given twice", update->parameters[index].name.text);
        }
        given[index] = argument;
    }
    for (uint32_t i = IMPLICIT_PARAMETERS; i < update->parameter_count && sound; i++) {
        if (given[i] || update->parameters[i].fallback)
            continue;
        sound = false;
        Diagnostic *d = diagnostics_error(builder->diagnostics, "missing-argument", call->span,
                                          "'%s' is not given its '%s'", update->name.text,
                                          update->parameters[i].name.text);
        diagnostic_related(d, update->parameters[i].span, "it is declared here");
    }
    return sound;
}

static const char *check_update(SpecBuilder *builder, const SettingRule *rule, const Expr *value,
                                Spec *spec) {
    if (value->kind != EXPR_CALL || value->call.axes.count || value->call.step.text)
        return setting_report_kind(builder, rule, value,
                                   "the call of an update rule: adam(lr = 3e-3)");
    Name name = value->call.callee;
    const UpdateDecl *update = spec_update(builder->spec, name.text);
    if (!update && builder->unreadable) /* it may stand in what could not be read */
        return wrong;
    if (!update) {
        Suggestion nearest = suggestion_begin(name.text);
        for (uint32_t i = 0; i < builder->spec->update_count; i++)
            suggestion_offer(&nearest, builder->spec->updates[i]->name.text);
        Diagnostic *d = diagnostics_error(builder->diagnostics, "unknown-update", name.span,
                                          "there is no update rule '%s'", name.text);
        diagnostic_suggest(d, suggestion_end(&nearest));
        return wrong;
    }
    if (!check_update_arguments(builder, update, value))
        return wrong;
    if (spec)
        spec->update = value;
    return print_expression(builder->arena, value);
}

const char *setting_check(SpecBuilder *builder, const SettingRule *rule, const Expr *value,
                          Spec *spec) {
    switch (rule->type) {
    case SETTING_INTEGER:
        return check_integer(builder, rule, value, spec);
    case SETTING_NUMBER:
        return check_number(builder, rule, value, spec);
    case SETTING_SIZE:
        return check_size(builder, rule, value, spec);
    case SETTING_WORD:
        return check_word(builder, rule, value, spec);
    case SETTING_SOURCE:
        return check_source(builder, rule, value, spec);
    case SETTING_FILE:
        return check_file(builder, rule, value, spec);
    case SETTING_OBJECTIVE:
        return check_objective(builder, rule, value, spec);
    case SETTING_UPDATE:
        return check_update(builder, rule, value, spec);
    case SETTING_TAP:
        return check_tap(builder, rule, value, spec);
    case SETTING_LAYERS:
        return setting_check_layers(builder, rule, value, spec);
    case SETTING_COUNTS:
        return setting_check_counts(builder, rule, value, spec);
    case SETTING_CONCAT:
        return setting_check_concat(builder, rule, value, spec);
    }
    return wrong;
}
