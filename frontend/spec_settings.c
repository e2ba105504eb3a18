/* The sections data, train, probe and sample: a table of what there is; which of several values
 * counts; what is worked out. The values themselves are checked in spec_setting_types.c. */
#include "frontend/spec_setting_types.h"

#include "frontend/parser.h"
#include "frontend/print.h"
#include "frontend/suggest.h"
#include "runtime/files/utf8.h"

#include <stddef.h>
#include <string.h>

#define STORED(member) offsetof(Spec, member)

enum {
    LARGEST_SEED = INT32_MAX,
    MOST_STEPS = INT32_MAX,
    MOST_IMAGES = 1 << 20,
    USUAL_CHUNKS = 8,
    MOST_SWEPT = 64,
};

static const SettingRule setting_rules[] = {
    {"data", "source", SETTING_SOURCE, "digits", 0, 0, NULL, STORED(data.source)},
    {"data", "classes", SETTING_FILE, NULL, 0, 0, NULL, STORED(data.classes)},
    {"data", "resolution", SETTING_INTEGER, NULL, 1, 1 << 12, NULL, STORED(data.resolution)},
    {"data", "palette", SETTING_FILE, NULL, 0, 0, NULL, STORED(data.palette)},
    {"data", "validation", SETTING_NUMBER, "10%", 0, 0.9, NULL, STORED(data.validation)},
    {"data", "test", SETTING_NUMBER, "20%", 0, 0.9, NULL, STORED(data.test)},
    {"data", "seed", SETTING_INTEGER, "0", 0, LARGEST_SEED, NULL, STORED(data.seed)},
    {"data", "share", SETTING_NUMBER, "100%", 1e-6, 1, NULL, STORED(data.share)},
    {"data", "labels", SETTING_INTEGER, "0", 0, MOST_IMAGES, NULL, STORED(data.labels)},
    {"data", "subset", SETTING_INTEGER, "0", 0, LARGEST_SEED, NULL, STORED(data.subset)},
    {"data", "augment", SETTING_WORD, "none", 0, 0, "none shift crop pad", STORED(data.augment)},
    {"data", "shift", SETTING_INTEGER, "1", 1, 1024, NULL, STORED(data.shift)},
    {"data", "pad", SETTING_INTEGER, "4", 1, 1 << 12, NULL, STORED(data.pad)},
    {"data", "flip", SETTING_WORD, "no", 0, 0, "no yes", STORED(data.flip)},
    {"train", "objective", SETTING_OBJECTIVE, NULL, 0, 0, NULL, STORED(objective)},
    {"train", "batch", SETTING_INTEGER, "64", 1, MOST_IMAGES, NULL, STORED(train.batch)},
    {"train", "chunks", SETTING_INTEGER, NULL, 1, MOST_IMAGES, NULL, STORED(train.chunks)},
    {"train", "steps", SETTING_INTEGER, "800", 1, MOST_STEPS, NULL, STORED(train.steps)},
    {"train", "update", SETTING_UPDATE, NULL, 0, 0, NULL, STORED(update)},
    {"train", "seed", SETTING_INTEGER, "1", 0, LARGEST_SEED, NULL, STORED(train.seed)},
    {"train", "evaluate", SETTING_INTEGER, "50", 1, MOST_STEPS, NULL, STORED(train.evaluate)},
    {"train", "checkpoint", SETTING_INTEGER, "200", 1, MOST_STEPS, NULL, STORED(train.checkpoint)},
    {"train", "best", SETTING_WORD, "loss", 0, 0, "loss accuracy", STORED(train.best)},
    {"train", "patience", SETTING_INTEGER, "0", 0, MOST_STEPS, NULL, STORED(train.patience)},
    {"train", "memory", SETTING_SIZE, NULL, 1 << 20, 1e15, NULL, STORED(train.memory)},
    {"train", "precision", SETTING_WORD, "fp32", 0, 0, "fp32 bf16 bf16_emulated",
     STORED(train.precision)},
    {"probe", "features", SETTING_TAP, NULL, 0, 0, NULL, STORED(probe.features)},
    {"probe", "layers", SETTING_LAYERS, "all", 0, 4095, NULL, STORED(probe.layers)},
    {"probe", "concat", SETTING_CONCAT, "0", 0, 4095, NULL, STORED(probe.concat)},
    {"probe", "labels", SETTING_COUNTS, "[4, 25, 400]", 1, MOST_IMAGES, NULL, STORED(probe.labels)},
    {"probe", "solver", SETTING_WORD, "lbfgs", 0, 0, "lbfgs sgd", STORED(probe.solver)},
    {"probe", "rate", SETTING_NUMBER, "0", 0, 1000, NULL, STORED(probe.rate)},
    {"probe", "epochs", SETTING_INTEGER, "15", 1, 1 << 20, NULL, STORED(probe.epochs)},
    {"probe", "batch", SETTING_INTEGER, "256", 1, MOST_IMAGES, NULL, STORED(probe.batch)},
    {"probe", "memory", SETTING_SIZE, "2147483648", 1 << 20, 1e15, NULL, STORED(probe.memory)},
    {"sample", "images", SETTING_INTEGER, "64", 1, 1 << 16, NULL, STORED(sample.images)},
    {"sample", "temperature", SETTING_NUMBER, "1", 0.001, 1000, NULL, STORED(sample.temperature)},
    {"sample", "seed", SETTING_INTEGER, "1", 0, LARGEST_SEED, NULL, STORED(sample.seed)},
};

enum { RULE_COUNT = sizeof setting_rules / sizeof *setting_rules };

static const char default_update[] = "adam(lr = 3e-3 * warmup(100) * cosine())";

const SettingRule *setting_rule(const char *section, size_t section_length, const char *key) {
    for (size_t i = 0; i < RULE_COUNT; i++) {
        const SettingRule *rule = &setting_rules[i];
        if (!strncmp(rule->section, section, section_length) && !rule->section[section_length] &&
            !strcmp(rule->key, key))
            return rule;
    }
    return NULL;
}

const SettingRule *setting_rule_of(const char *dotted) {
    const char *dot = strchr(dotted, '.');
    return dot ? setting_rule(dotted, (size_t)(dot - dotted), dot + 1) : NULL;
}

static SettingSlot *rule_slot(const SpecBuilder *builder, const SettingRule *rule) {
    return &builder->slots[rule - setting_rules];
}

void spec_begin_settings(SpecBuilder *builder) {
    builder->slots = arena_array(builder->arena, RULE_COUNT, sizeof *builder->slots);
    for (size_t i = 0; i < RULE_COUNT; i++)
        builder->slots[i].level = LEVEL_NONE;
}

/* --- giving values --- */

static void report_second(SpecBuilder *builder, Name key, SourceSpan first) {
    Diagnostic *d = diagnostics_error(builder->diagnostics, "second-value", key.span,
                                      "'%s' is given a second value", key.text);
    diagnostic_related(d, first, "the first");
}

static void give_setting(SpecBuilder *builder, const SettingRule *rule, Name key, const Expr *value,
                         SpecLevel level) {
    SettingSlot *slot = rule_slot(builder, rule);
    if (slot->level == level) {
        report_second(builder, key, slot->given);
        return;
    }
    *slot = (SettingSlot){.value = value, .level = level, .given = key.span};
}

static void report_unknown_in(SpecBuilder *builder, const char *section, Name key) {
    Suggestion nearest = suggestion_begin(key.text);
    const char *elsewhere = NULL;
    for (size_t i = 0; i < RULE_COUNT; i++) {
        if (!strcmp(setting_rules[i].section, section))
            suggestion_offer(&nearest, setting_rules[i].key);
        else if (!elsewhere && !strcmp(setting_rules[i].key, key.text))
            elsewhere = setting_rules[i].section;
    }
    Diagnostic *d = diagnostics_error(builder->diagnostics, "unknown-setting", key.span,
                                      "'%s' has no setting '%s'", section, key.text);
    if (elsewhere)
        diagnostic_hint(d, "it belongs in '%s'", elsewhere);
    else
        diagnostic_suggest(d, suggestion_end(&nearest));
}

static void give_sweep(SpecBuilder *builder, Name key, const Expr *value, SpecLevel level) {
    SweepEntry *entries = builder->sweeps.items;
    for (uint32_t i = 0; i < builder->sweeps.count; i++) {
        if (strcmp(entries[i].key.text, key.text))
            continue;
        if (entries[i].level == level)
            report_second(builder, key, entries[i].key.span);
        else
            entries[i] = (SweepEntry){key, value, level};
        return;
    }
    if (builder->sweeps.count >= MOST_SWEPT) {
        diagnostics_error(builder->diagnostics, "too-many", key.span, "a sweep has at most %d keys",
                          MOST_SWEPT);
        return;
    }
    *(SweepEntry *)vector_add(&builder->sweeps, builder->arena, sizeof *entries) =
        (SweepEntry){key, value, level};
}

void spec_declare_section(SpecBuilder *builder, const SectionDecl *section, SpecLevel level) {
    const char *name = section->kind.text;
    for (uint32_t i = 0; i < section->entry_count; i++) {
        const SettingEntry *entry = &section->entries[i];
        const SettingRule *rule = setting_rule(name, strlen(name), entry->key.text);
        if (!strcmp(name, "sweep"))
            give_sweep(builder, entry->key, entry->value, level);
        else if (rule)
            give_setting(builder, rule, entry->key, entry->value, level);
        else
            report_unknown_in(builder, name, entry->key);
    }
}

/* --- from the command line --- */

/* A path or a size need not be quoted there: the shell has done that. */
static const Expr *parse_unquoted(SpecBuilder *builder, const Source *text, uint32_t offset) {
    SourceSpan span = {text->index, offset, text->length - offset};
    for (uint32_t at = offset; at < text->length;) {
        size_t length = utf8_length(text->text + at, text->length - at);
        if (!length || (unsigned char)text->text[at] < 0x20) {
            diagnostics_error(builder->diagnostics, "bad-path", span,
                              "the path has bytes that are no text");
            return NULL;
        }
        at += (uint32_t)length;
    }
    Expr *expr = arena_alloc(builder->arena, sizeof *expr);
    *expr = (Expr){.kind = EXPR_STRING, .height = 1, .span = span};
    expr->string = arena_string(builder->arena, text->text + offset, text->length - offset);
    return expr;
}

bool spec_override_setting(SpecBuilder *builder, Name key, const Source *text, uint32_t offset) {
    bool sweep = !strncmp(key.text, "sweep.", strlen("sweep."));
    const SettingRule *rule = sweep ? NULL : setting_rule_of(key.text);
    if (!rule && !sweep)
        return false;
    bool digits = rule && rule->type == SETTING_SOURCE && !strcmp(text->text + offset, "digits");
    bool is_text = rule && (rule->type == SETTING_SOURCE || rule->type == SETTING_FILE ||
                            rule->type == SETTING_SIZE);
    bool unquoted = is_text && !digits && offset < text->length && text->text[offset] != '"';
    const Expr *value = unquoted
                            ? parse_unquoted(builder, text, offset)
                            : parse_expression(builder->arena, text, offset, builder->diagnostics);
    if (!value)
        return true;
    if (rule) {
        give_setting(builder, rule, key, value, LEVEL_COMMAND_LINE);
    } else {
        key.text += strlen("sweep.");
        give_sweep(builder, key, value, LEVEL_COMMAND_LINE);
    }
    return true;
}

void spec_unknown_key(SpecBuilder *builder, Name key) {
    Suggestion nearest = suggestion_begin(key.text);
    const char *bare = NULL; /* "train.steps", for who writes "steps" */
    for (uint32_t i = 0; i < builder->spec->dim_count; i++)
        suggestion_offer(&nearest, builder->spec->dims[i]->value.name);
    for (uint32_t i = 0; i < builder->spec->const_count; i++)
        suggestion_offer(&nearest, builder->spec->consts[i]->value.name);
    for (size_t i = 0; i < RULE_COUNT; i++) {
        const SettingRule *rule = &setting_rules[i];
        const char *dotted = arena_printf(builder->arena, "%s.%s", rule->section, rule->key);
        suggestion_offer(&nearest, dotted);
        if (!bare && !strcmp(rule->key, key.text))
            bare = dotted;
    }
    Diagnostic *d = diagnostics_error(builder->diagnostics, "unknown-setting", key.span,
                                      "there is no dim, const or setting '%s'", key.text);
    diagnostic_suggest(d, bare ? bare : suggestion_end(&nearest));
}

/* --- what is worked out, and what must go together --- */

static const Expr *parse_default(SpecBuilder *builder, const char *text) {
    const Source *source = sources_add(builder->sources, "default", text, strlen(text));
    return source ? parse_expression(builder->arena, source, 0, builder->diagnostics) : NULL;
}

static void resolve_setting(SpecBuilder *builder, const SettingRule *rule) {
    SettingSlot *slot = rule_slot(builder, rule);
    const char *fallback = rule->fallback;
    if (rule->type == SETTING_UPDATE && names_find(&builder->spec->updates_by_name, "adam"))
        fallback = default_update;
    if (!slot->value && fallback) {
        slot->value = parse_default(builder, fallback);
        slot->level = LEVEL_DEFAULT;
    }
    if (slot->value)
        slot->text = setting_check(builder, rule, slot->value, builder->spec);
}

static SettingSlot *slot_of(SpecBuilder *builder, const char *dotted) {
    return rule_slot(builder, setting_rule_of(dotted));
}

static int64_t usual_chunks(int64_t batch) {
    int64_t chunks = 1;
    while (2 * chunks <= USUAL_CHUNKS && batch % (2 * chunks) == 0)
        chunks *= 2;
    return chunks;
}

static void resolve_chunks(SpecBuilder *builder) {
    TrainSettings *train = &builder->spec->train;
    SettingSlot *slot = slot_of(builder, "train.chunks");
    if (!slot_of(builder, "train.batch")->text)
        return;
    if (!slot->value) {
        train->chunks = usual_chunks(train->batch);
        slot->level = LEVEL_DEFAULT;
        slot->text = arena_printf(builder->arena, "%lld", (long long)train->chunks);
    } else if (slot->text &&
               ((train->chunks & (train->chunks - 1)) || train->batch % train->chunks)) {
        Diagnostic *d =
            diagnostics_error(builder->diagnostics, "bad-chunks", slot->value->span,
                              "train.chunks must be a power of two that divides the batch");
        diagnostic_label(d, "the batch is %lld", (long long)train->batch);
        diagnostic_hint(d, "leave it out, or try %lld", (long long)usual_chunks(train->batch));
    }
}

static void resolve_objective(SpecBuilder *builder) {
    Spec *spec = builder->spec;
    SettingSlot *slot = slot_of(builder, "train.objective");
    if (!slot->value && builder->objectives.count == 1) {
        spec->objective = spec->objectives[0];
        slot->level = LEVEL_DEFAULT;
        slot->text = spec->objective->address;
    }
    spec->train.objective = spec->objective ? spec->objective->address : NULL;
}

/* The first tap of the spec, "feature" before others. */
static const char *usual_tap(const Spec *spec) {
    for (uint32_t i = 0; i < spec->tap_count; i++)
        if (!strcmp(spec->taps[i].text, "feature"))
            return "feature";
    return spec->tap_count ? spec->taps[0].text : "feature";
}

static void check_shares(SpecBuilder *builder) {
    const DataSettings *data = &builder->spec->data;
    const SettingSlot *validation = slot_of(builder, "data.validation"),
                      *test = slot_of(builder, "data.test");
    if (!validation->text || !test->text || data->validation + data->test < 1)
        return;
    const SettingSlot *at = test->level == LEVEL_DEFAULT ? validation : test;
    Diagnostic *d =
        diagnostics_error(builder->diagnostics, "bad-shares", at->value->span,
                          "the shares of validation and test leave nothing to train on");
    diagnostic_label(d, "validation is %g, test is %g", data->validation, data->test);
}

/* A number of images a class and a share of them are two answers to one question. */
static void check_subset(SpecBuilder *builder) {
    const DataSettings *data = &builder->spec->data;
    const SettingSlot *labels = slot_of(builder, "data.labels"),
                      *share = slot_of(builder, "data.share");
    if (!labels->text || !share->text || !data->labels || data->share >= 1)
        return;
    const SettingSlot *at = labels->level <= share->level ? labels : share;
    Diagnostic *d = diagnostics_error(builder->diagnostics, "two-subsets", at->value->span,
                                      "data.labels and data.share both choose a part of the "
                                      "training images");
    diagnostic_label(d, "labels is %lld, share is %g", (long long)data->labels, data->share);
    diagnostic_hint(d, "labels = 0 and share = 100%% are all of them");
}

void spec_resolve_settings(SpecBuilder *builder) {
    for (size_t i = 0; i < RULE_COUNT; i++)
        resolve_setting(builder, &setting_rules[i]);
    SettingSlot *features = slot_of(builder, "probe.features");
    if (!features->value) {
        builder->spec->probe.features = features->text = usual_tap(builder->spec);
        features->level = LEVEL_DEFAULT;
    }
    resolve_objective(builder);
    resolve_chunks(builder);
    check_shares(builder);
    check_subset(builder);
}

/* --- the list of all of them --- */

static void list_value(SpecBuilder *builder, Vector *list, const SpecValue *value,
                       const char *text) {
    *(Setting *)vector_add(list, builder->arena, sizeof(Setting)) =
        (Setting){.key = value->name,
                  .value = text,
                  .origin = spec_origin(builder, value->level, value->given),
                  .changed = value->level == LEVEL_COMMAND_LINE};
}

void spec_list_settings(SpecBuilder *builder) {
    Spec *spec = builder->spec;
    Vector list = {0};
    for (uint32_t i = 0; i < spec->dim_count; i++)
        if (spec->dims[i]->extent)
            list_value(builder, &list, &spec->dims[i]->value,
                       arena_printf(builder->arena, "%lld", (long long)spec->dims[i]->extent));
    for (uint32_t i = 0; i < spec->const_count; i++)
        if (spec->consts[i]->value.state == VALUE_KNOWN)
            list_value(builder, &list, &spec->consts[i]->value,
                       print_number(builder->arena, spec->consts[i]->value.constant.value));
    for (size_t i = 0; i < RULE_COUNT; i++) {
        const SettingSlot *slot = &builder->slots[i];
        if (!slot->text)
            continue;
        Setting *setting = vector_add(&list, builder->arena, sizeof *setting);
        setting->key =
            arena_printf(builder->arena, "%s.%s", setting_rules[i].section, setting_rules[i].key);
        setting->value = slot->text;
        setting->origin = spec_origin(builder, slot->level, slot->given);
        setting->changed = slot->level == LEVEL_COMMAND_LINE;
    }
    spec->settings = list.items;
    spec->setting_count = list.count;
}
