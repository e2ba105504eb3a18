/* Checking and storing the values of settings that are lists of integers. */
#include "frontend/spec_setting_types.h"

#include "frontend/text.h"

#include <string.h>

static const char *const wrong = NULL;

static const char layers_are[] = "'all', or layers by number: [0, 2, 4], 1..3",
                  counts_are[] = "0, a number, or numbers: [4, 25, 400]",
                  concat_is[] = "a number of layers, or layers by number: [3, 4, 5], 3..5";

static bool add(SpecBuilder *builder, const SettingRule *rule, const Expr *value, double number,
                Vector *list) {
    if (!setting_in_range(builder, rule, value, number))
        return false;
    const int64_t *had = list->items;
    for (uint32_t i = 0; i < list->count; i++) {
        if (had[i] != (int64_t)number)
            continue;
        diagnostics_error(builder->diagnostics, "setting-range", value->span, "%.0f is here twice",
                          number);
        return false;
    }
    *(int64_t *)vector_add(list, builder->arena, sizeof(int64_t)) = (int64_t)number;
    return true;
}

/* A number, or the numbers of a range. */
static bool add_expression(SpecBuilder *builder, const SettingRule *rule, const Expr *value,
                           const char *what, Vector *list) {
    Constant first, last;
    bool range = value->kind == EXPR_RANGE;
    if (!spec_constant(builder, range ? value->range.first : value, &first))
        return false;
    last = first;
    if (range && !spec_constant(builder, value->range.last, &last))
        return false;
    if (!first.integer || !last.integer || last.value < first.value)
        return setting_report_kind(builder, rule, value, what);
    if (!setting_in_range(builder, rule, value, first.value) ||
        !setting_in_range(builder, rule, value, last.value))
        return false;
    for (double number = first.value; number <= last.value; number++)
        if (!add(builder, rule, value, number, list))
            return false;
    return true;
}

/* A list, or what may stand in one. False after reporting. */
static bool read_list(SpecBuilder *builder, const SettingRule *rule, const Expr *value,
                      const char *what, Vector *list) {
    bool is_list = value->kind == EXPR_LIST;
    for (uint32_t i = 0; i < (is_list ? value->list.count : 1); i++)
        if (!add_expression(builder, rule, is_list ? value->list.at[i] : value, what, list))
            return false;
    return true;
}

static IntegerList *stored_list(Spec *spec, const SettingRule *rule) {
    return (IntegerList *)(void *)((char *)spec + rule->offset);
}

/* "[0, 2, 4]" */
static const char *written_list(SpecBuilder *builder, const Vector *list) {
    Text text = text_create(builder->arena);
    text_string(&text, "[");
    for (uint32_t i = 0; i < list->count; i++)
        text_format(&text, "%s%lld", i ? ", " : "", ((long long *)list->items)[i]);
    text_string(&text, "]");
    return text_end(&text);
}

const char *setting_check_layers(SpecBuilder *builder, const SettingRule *rule, const Expr *value,
                                 Spec *spec) {
    Vector layers = {0};
    bool all = value->kind == EXPR_NAME && !strcmp(value->name, "all");
    if (value->kind == EXPR_LIST && !value->list.count)
        return setting_report_kind(builder, rule, value, "'all', or a list that is not empty");
    if (!all && !read_list(builder, rule, value, layers_are, &layers))
        return wrong;
    if (spec)
        *stored_list(spec, rule) = (IntegerList){layers.items, layers.count};
    return all ? "all" : written_list(builder, &layers);
}

const char *setting_check_counts(SpecBuilder *builder, const SettingRule *rule, const Expr *value,
                                 Spec *spec) {
    Vector counts = {0};
    Constant none;
    bool zero = value->kind == EXPR_NUMBER && spec_constant(builder, value, &none) && !none.value;
    if (!zero && !read_list(builder, rule, value, counts_are, &counts))
        return wrong;
    if (spec)
        *stored_list(spec, rule) = (IntegerList){counts.items, counts.count};
    return counts.count ? written_list(builder, &counts) : "0";
}

const char *setting_check_concat(SpecBuilder *builder, const SettingRule *rule, const Expr *value,
                                 Spec *spec) {
    Vector layers = {0};
    if (!read_list(builder, rule, value, concat_is, &layers))
        return wrong;
    bool listed = value->kind == EXPR_LIST || value->kind == EXPR_RANGE;
    if (listed && layers.count < 2)
        return setting_report_kind(builder, rule, value, "two layers or more, to be side by side");
    int64_t about = listed ? 0 : *(int64_t *)layers.items;
    if (about == 1)
        return setting_report_kind(builder, rule, value, concat_is);
    if (spec) {
        spec->probe.concat = about;
        spec->probe.concat_layers =
            listed ? (IntegerList){layers.items, layers.count} : (IntegerList){0};
    }
    return listed ? written_list(builder, &layers)
                  : arena_printf(builder->arena, "%lld", (long long)about);
}
