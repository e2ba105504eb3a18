/* A checked spec: the main file, all that it uses, and the settings of the command line, put
 * together.
 *
 * Dims and consts are numbers, settings are validated and complete, every top-level name is
 * declared once, objectives have their addresses. Bodies (of fn, model, objective, update) are
 * still syntax: lowering gives them meaning (frontend/lower.h).
 *
 * All of it is in one arena; an allocation that fails jumps to that arena's boundary (ir/arena.h).
 */
#ifndef SCANLINE_FRONTEND_SPEC_H
#define SCANLINE_FRONTEND_SPEC_H

#include "frontend/constant.h"
#include "frontend/diagnostic.h"
#include "frontend/names.h"
#include "frontend/source.h"
#include "frontend/syntax.h"
#include "runtime/execution/experiment.h"

/* Where a value is from, strongest first: a stronger one replaces a weaker, an equal one is an
 * error. */
typedef enum SpecLevel {
    LEVEL_COMMAND_LINE,
    LEVEL_MAIN,
    LEVEL_USED,
    LEVEL_DEFAULT,
    LEVEL_NONE,
} SpecLevel;

typedef enum SpecValueState {
    VALUE_UNRESOLVED,
    VALUE_RESOLVING,
    VALUE_KNOWN,
    VALUE_MISSING, /* it, or a dim that it needs, was given no value */
    VALUE_FAULTY,  /* reported already */
} SpecValueState;

/* A dim or a const: one or several declarations, at most one of each level with a value. */
typedef struct SpecValue {
    const char *name;
    const Expr *value; /* NULL: none was given */
    bool derived;      /* its value names others */
    SpecLevel level;   /* of value */
    SourceSpan declared, given;
    SpecValueState state;
    Constant constant;   /* KNOWN */
    const char *missing; /* MISSING: the dim that has no value */
} SpecValue;

typedef struct SpecDim {
    SpecValue value;
    int64_t extent; /* 0: not known. Read it with spec_extent, which says why. */
} SpecDim;

typedef struct SpecConst {
    SpecValue value; /* read it with spec_number */
} SpecConst;

/* An objective that can be chosen: a declaration that extends several parents gives one for each.
 */
typedef struct SpecObjective {
    const char *address; /* "ar", "ar.classify": unique */
    const char *name;    /* "classify" */
    const ObjectiveDecl *declaration;
    const struct SpecObjective *parent; /* its body runs first; NULL: none */
    uint32_t depth;                     /* number of ancestors, at most SPEC_MAX_PARENTS */
    bool ambiguous;                     /* others have the same name: the address must be used */
} SpecObjective;

enum { SPEC_MAX_PARENTS = 16 };

/* One key of the sweep: what is set, and the values that it takes in turn. */
typedef struct SpecSweep {
    const char *key;     /* "train.objective", "layers" */
    const char **values; /* as one would give them on the command line */
    uint32_t value_count;
    const char *origin; /* as in Setting */
} SpecSweep;

typedef enum SymbolKind {
    SYMBOL_DIM,
    SYMBOL_CONST,
    SYMBOL_INPUT,
    SYMBOL_PARAM,
    SYMBOL_FUNCTION, /* fn or model */
    SYMBOL_EXTERN,
} SymbolKind;

/* A top-level name. All kinds share one space of names. Updates and objectives have their own. */
typedef struct Symbol {
    SymbolKind kind;
    const char *name;
    SourceSpan declared;
    union {
        SpecDim *dim;
        SpecConst *constant;
        const InputDecl *input;
        struct {
            const ParamDecl *declaration;
            const TensorName *tensor;
        } param;
        const FunctionDecl *function;
        const ExternDecl *external;
    };
} Symbol;

typedef struct Spec {
    Arena *arena;
    const Sources *sources;
    const char *name; /* the main file's, without ".scan" */

    /* In order of declaration, used files before those that use them. */
    const SyntaxFile **files; /* the main file is the last */
    uint32_t file_count;
    SpecDim **dims;
    uint32_t dim_count;
    SpecConst **consts;
    uint32_t const_count;
    const InputDecl **inputs;
    uint32_t input_count;
    const ParamDecl **params; /* outside of all functions */
    uint32_t param_count;
    const UpdateDecl **updates;
    uint32_t update_count;
    SpecObjective **objectives;
    uint32_t objective_count;
    Name *taps; /* the names of all taps, each once */
    uint32_t tap_count;
    Names symbols;               /* name -> Symbol * */
    Names updates_by_name;       /* name -> const UpdateDecl * */
    Names objectives_by_address; /* address -> SpecObjective * */
    Names objectives_by_name;    /* name -> the first SpecObjective of that name */

    /* train.objective; without that setting, the only objective there is; NULL: none was chosen. */
    const SpecObjective *objective;
    /* train.update: a call of one of `updates`, its name and keywords checked; NULL: there is no
     * setting and no update called adam. */
    const Expr *update;

    DataSettings data;
    TrainSettings train; /* train.objective is the address of `objective`, or NULL */
    ProbeSettings probe;
    SampleSettings sample;
    SpecSweep *sweeps;
    uint32_t sweep_count;

    Setting *settings; /* dims that have a value, consts, settings: each with its origin */
    uint32_t setting_count;
} Spec;

typedef struct SpecOptions {
    const char *const *directories; /* where `use` looks after the using file's own folder */
    uint32_t directory_count;
    const char *const *overrides; /* "d=128", "train.update=sgd(lr=0.1)" */
    uint32_t override_count;
} SpecOptions;

/* Reads and checks. NULL when a file cannot be read or has an error of syntax. A Spec may be given
 * in spite of other errors, so that lowering can report its own in the same go; whoever wants a
 * sound one asks diagnostics_error_count() at the end. `sources` also holds the memory files. */
Spec *spec_load(Arena *arena, Sources *sources, const char *path, const SpecOptions *options,
                Diagnostics *diagnostics);

/* Each is NULL when there is no such name. */
const Symbol *spec_symbol(const Spec *spec, const char *name);
const SpecDim *spec_dim(const Spec *spec, const char *name);
const UpdateDecl *spec_update(const Spec *spec, const char *name);
/* By address, or by plain name where that is unique. *ambiguous (may be NULL) is set when it is
 * not. */
const SpecObjective *spec_objective(const Spec *spec, const char *text, bool *ambiguous);

/* The extent of a dim that is used at `use`. 0 after reporting that there is no such dim (with the
 * nearest one), that it has no value (and how to give it one); or when its value is faulty, which
 * has been reported. */
int64_t spec_extent(const Spec *spec, Name use, Diagnostics *diagnostics);

/* The same for the number of a dim or a const; false instead of 0. */
bool spec_number(const Spec *spec, Name use, Constant *number, Diagnostics *diagnostics);

/* The library of an extern function: the whole path of the file beside the one that declares it, if
 * it is there; else as it is written. In the spec's arena. */
const char *spec_library(const Spec *spec, const ExternDecl *external);
/* Where that file would be. */
const char *spec_library_beside(const Spec *spec, const ExternDecl *external);

/* The text of one file that holds everything, each value with its origin as a comment: read again,
 * it gives the same Spec, and libraries are named by where they are. Only for a Spec without
 * errors. In the spec's arena. */
const char *spec_flatten(const Spec *spec);

#endif
