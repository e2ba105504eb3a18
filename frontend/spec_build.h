/* What the parts of the checking share. Private to spec*.c. */
#ifndef SCANLINE_FRONTEND_SPEC_BUILD_H
#define SCANLINE_FRONTEND_SPEC_BUILD_H

#include "frontend/spec.h"
#include "frontend/vector.h"

typedef struct SpecBuilder {
    Arena *arena;
    Sources *sources;
    Diagnostics *diagnostics;
    const SpecOptions *options;
    Spec *spec;
    bool unreadable; /* a file could not be read or parsed */
    uint32_t depth;  /* of dims and consts that need each other, and of their expressions */
    Vector files;    /* const SyntaxFile * */
    Vector dims, consts, inputs, params, updates, objectives; /* pointers, as in Spec */
    Vector taps;                                              /* Name */
    Names taps_by_name;
    Names lost_objectives;     /* declared, but their parents are at fault: no word more on them */
    struct SettingSlot *slots; /* a value for each of the table of settings */
    Vector sweeps;             /* SweepEntry */
} SpecBuilder;

/* key = [values] of a sweep, as it is written. */
typedef struct SweepEntry {
    Name key;
    const Expr *value;
    SpecLevel level;
} SweepEntry;

/* --- spec_files.c: the main file and what it uses --- */

void spec_read_files(SpecBuilder *builder, const char *path);

/* --- spec_symbols.c: names --- */

void spec_declare(SpecBuilder *builder, const SyntaxFile *file, SpecLevel level);
/* The objective of an address or a plain name; NULL after reporting. */
const SpecObjective *spec_find_objective(SpecBuilder *builder, Name name);

/* --- spec_values.c: dims and consts --- */

void spec_declare_value(SpecBuilder *builder, const ValueDecl *declaration, bool dim,
                        SpecLevel level);
/* From the command line. False when there is no dim or const of that name. */
bool spec_override_value(SpecBuilder *builder, Name name, const Expr *value);
void spec_resolve_values(SpecBuilder *builder);
/* Whether a dim or const could take the value: for sweeps. Reports. */
void spec_check_value(SpecBuilder *builder, SpecValue *value, bool dim, const Expr *expr);

/* A number made of dims and consts, for a setting. False after reporting. */
bool spec_constant(SpecBuilder *builder, const Expr *expr, Constant *constant);

/* "d", and where its value is from: for related places. */
const char *spec_origin(const SpecBuilder *builder, SpecLevel level, SourceSpan given);

/* --- spec_settings.c: data, train, probe, sample --- */

void spec_begin_settings(SpecBuilder *builder);
void spec_declare_section(SpecBuilder *builder, const SectionDecl *section, SpecLevel level);
/* "train.steps", from the command line or for a sweep. False when there is no such setting. */
bool spec_override_setting(SpecBuilder *builder, Name key, const Source *text, uint32_t offset);
void spec_resolve_settings(SpecBuilder *builder);
/* All dims, consts and settings as they are now. */
void spec_list_settings(SpecBuilder *builder);
/* Reports that there is no such key, with the nearest. */
void spec_unknown_key(SpecBuilder *builder, Name key);

/* --- spec_sweep.c --- */

void spec_resolve_sweeps(SpecBuilder *builder);

#endif
