/* One setting: its rule, and what was given for it. Private to spec_setting*.c and spec_sweep.c. */
#ifndef SCANLINE_FRONTEND_SPEC_SETTING_TYPES_H
#define SCANLINE_FRONTEND_SPEC_SETTING_TYPES_H

#include "frontend/spec_build.h"

typedef enum SettingType {
    SETTING_INTEGER,   /* int64_t, in [least, most] */
    SETTING_NUMBER,    /* double, in [least, most] */
    SETTING_SIZE,      /* int64_t, bytes: a number of them, or "1.5G" */
    SETTING_WORD,      /* const char *, one of `words` */
    SETTING_SOURCE,    /* const char *, a data set's name or a path */
    SETTING_FILE,      /* const char *, the path of a file */
    SETTING_OBJECTIVE, /* Spec.objective and train.objective */
    SETTING_UPDATE,    /* Spec.update */
    SETTING_TAP,       /* const char *, the name of a series of taps */
    SETTING_LAYERS,    /* IntegerList: layers, each once; "all" is an empty one */
    SETTING_COUNTS,    /* IntegerList: numbers in [1, most]; 0 is an empty one */
    SETTING_CONCAT,    /* probe.concat: a number of layers, or a list of them */
} SettingType;

typedef struct SettingRule {
    const char *section, *key;
    SettingType type;
    const char *fallback; /* NULL: worked out, or none */
    double least, most;
    const char *words; /* "none shift" */
    size_t offset;     /* in Spec; 0: stored nowhere */
} SettingRule;

/* What was given for the rule of the same index. */
typedef struct SettingSlot {
    const Expr *value; /* NULL: nothing */
    SpecLevel level;
    SourceSpan given;
    const char *text; /* the value in its one written form; NULL: there is none */
} SettingSlot;

/* Checks a value, and stores it in `spec` where that is not NULL. Returns its written form; NULL
 * after reporting. */
const char *setting_check(SpecBuilder *builder, const SettingRule *rule, const Expr *value,
                          Spec *spec);

/* The rule of section.key; NULL: there is none. `section_length` is that of "section". */
const SettingRule *setting_rule(const char *section, size_t section_length, const char *key);
/* Of "section.key". */
const SettingRule *setting_rule_of(const char *dotted);

/* --- spec_setting_lists.c: those of the types that are lists --- */

const char *setting_check_layers(SpecBuilder *builder, const SettingRule *rule, const Expr *value,
                                 Spec *spec);
const char *setting_check_counts(SpecBuilder *builder, const SettingRule *rule, const Expr *value,
                                 Spec *spec);
const char *setting_check_concat(SpecBuilder *builder, const SettingRule *rule, const Expr *value,
                                 Spec *spec);

/* Reports what a value ought to be; NULL. */
const char *setting_report_kind(SpecBuilder *builder, const SettingRule *rule, const Expr *value,
                                const char *what);
/* False after reporting that a number is not in the rule's range. */
bool setting_in_range(SpecBuilder *builder, const SettingRule *rule, const Expr *value,
                      double number);

#endif
