/* The syntax tree of a spec file. It says what is written, not what it means: names are not
 * resolved.
 *
 * Everything is in an arena and not changed after parsing. Every node has the span of all its text,
 * every name its own. Nesting, and the height of an expression (a chain a + b + c + ... is
 * left-deep) are at most SYNTAX_MAX_DEPTH, so that walkers may recurse. */
#ifndef SCANLINE_FRONTEND_SYNTAX_H
#define SCANLINE_FRONTEND_SYNTAX_H

#include "frontend/source.h"

enum { SYNTAX_MAX_DEPTH = 400 };

/* text is NULL where an optional name is absent. */
typedef struct Name {
    const char *text;
    SourceSpan span;
} Name;

typedef struct NameList {
    Name *at;
    uint32_t count;
} NameList;

/* --- expressions --- */

typedef enum ExprKind {
    EXPR_NUMBER, /* 3e-3, 64, 10% (which is 0.1) */
    EXPR_STRING, /* "igpt.scan", without quotes, escapes resolved */
    EXPR_NAME,   /* x, inf, true, all; with dots in settings: ar.classify */
    EXPR_LIST,   /* [ar, bert] */
    EXPR_RANGE,  /* 1..3 */
    EXPR_ARROW,  /* n -> m; an argument of rename */
    EXPR_UNARY,
    EXPR_BINARY,
    EXPR_CALL,  /* sum[d](x), norm(x) as ln_1, warmup(100) */
    EXPR_INDEX, /* wte[v = tokens], feature[3], random[n], index[m] */
} ExprKind;

typedef enum UnaryOp { UNARY_NEGATE, UNARY_NOT } UnaryOp;

typedef enum BinaryOp {
    BINARY_OR,
    BINARY_AND,
    BINARY_LESS,
    BINARY_LESS_EQUAL,
    BINARY_GREATER,
    BINARY_GREATER_EQUAL,
    BINARY_EQUAL,
    BINARY_NOT_EQUAL,
    BINARY_MATCH, /* path(w) ~ "*.g" */
    BINARY_ADD,
    BINARY_SUB,
    BINARY_MUL,
    BINARY_DIV,
    BINARY_FLOOR_DIV,
    BINARY_MOD,
    BINARY_POW,
} BinaryOp;

typedef struct Expr Expr;

/* x, or fill = x. */
typedef struct Argument {
    Name keyword; /* text NULL: by position. Positional ones come first. */
    const Expr *value;
} Argument;

struct Expr {
    ExprKind kind;
    uint32_t height; /* 1 for a leaf */
    SourceSpan span;
    union {
        struct {
            double value;
            bool integer; /* written without '.', exponent or '%'; then |value| <= 2^53 */
        } number;
        const char *string;
        const char *name;
        struct {
            const Expr **at;
            uint32_t count;
        } list;
        struct {
            const Expr *first, *last; /* both ends belong to it */
        } range;
        struct {
            Name from, to;
        } arrow;
        struct {
            UnaryOp op;
            const Expr *operand;
        } unary;
        struct {
            BinaryOp op;
            SourceSpan op_span;
            const Expr *left, *right;
        } binary;
        /* callee[axes](arguments) as step. */
        struct {
            Name callee;
            NameList axes; /* count 0: no brackets, or empty ones */
            Argument *arguments;
            uint32_t argument_count;
            Name step; /* text NULL: no `as` */
        } call;
        /* base[items] as step, not followed by arguments. One shape for what the names decide:
         * random[n], index[m]: items without keyword whose values are EXPR_NAME;
         * feature[3]: one item without keyword; wte[v = tokens]: items with the axis as keyword. */
        struct {
            const Expr *base;
            Argument *items;
            uint32_t item_count; /* >= 1 */
            Name step;
        } index;
    };
};

/* "+", "not", "//": as written. */
const char *binary_op_text(BinaryOp op);

/* --- declarations of tensors --- */

/* wq[d, h, e] */
typedef struct TensorName {
    Name name;
    NameList axes;
    SourceSpan span;
} TensorName;

/* param wq[d, h, e], wk[d, h, e] ~ normal(0.02)    param head[v, d] = 0
 * `param gain[d] = 1, bias[d] = 0` is two of them. */
typedef struct ParamDecl {
    TensorName *tensors; /* they share the initialiser */
    uint32_t tensor_count;
    bool drawn;       /* ~: init is a distribution; else a value */
    const Expr *init; /* never NULL */
    SourceSpan span;
} ParamDecl;

/* --- statements --- */

typedef enum StatementKind {
    STATEMENT_ASSIGN, /* name = value */
    STATEMENT_TAP,    /* tap name = value */
    STATEMENT_OUTPUT, /* output name = value */
    STATEMENT_METRIC, /* metric name = value */
    STATEMENT_LOSS,   /* loss = value; name is "loss" */
    STATEMENT_RETURN, /* return value; no name */
    STATEMENT_PARAM,
    STATEMENT_REPEAT,
    STATEMENT_STATE,
} StatementKind;

typedef struct Statement Statement;

typedef struct Block {
    Statement *at;
    uint32_t count;
} Block;

/* a = 0, in `state a = 0, b = 0` */
typedef struct StateVariable {
    Name name;
    const Expr *init;
} StateVariable;

struct Statement {
    StatementKind kind;
    SourceSpan span;
    union {
        struct {
            Name name;
            const Expr *value;
        } assign; /* ASSIGN, TAP, OUTPUT, METRIC, LOSS, RETURN */
        ParamDecl param;
        struct {
            Name dim;
            Name step; /* `as NAME`; without it, the dim's name */
            Block body;
        } repeat;
        struct {
            StateVariable *at;
            uint32_t count;
        } state;
    };
};

/* --- declarations --- */

/* x[n, d], x, lr, b1 = 0.9: of fn, model and update */
typedef struct FormalParameter {
    Name name;
    NameList axes;
    const Expr *fallback; /* NULL: must be given */
    SourceSpan span;
} FormalParameter;

/* fn gelu(x) = ..., fn norm(x[d]) { ... }, model igpt(...) { ... } */
typedef struct FunctionDecl {
    Name name;
    bool model; /* owns one set of parameters, however often called */
    FormalParameter *parameters;
    uint32_t parameter_count;
    const Expr *value; /* of `fn f(x) = value`; NULL: it has a body */
    Block body;
    SourceSpan span; /* of the whole declaration; the head alone is name.span */
} FunctionDecl;

/* objective classify extends ar, bert { ... } */
typedef struct ObjectiveDecl {
    Name name;
    NameList parents;
    Block body;
    SourceSpan span;
} ObjectiveDecl;

/* update adam(w, g, lr, b1 = 0.9) { ... } */
typedef struct UpdateDecl {
    Name name;
    FormalParameter *parameters;
    uint32_t parameter_count;
    Block body;
    SourceSpan span;
} UpdateDecl;

/* x: f32[n, d] */
typedef struct ExternParameter {
    Name name;
    Name dtype; /* f32, i32, bool */
    NameList axes;
} ExternParameter;

/* extern fn blur(x: f32[n, d], s: f32) -> f32[n, d] from "libblur.so" grad blur_grad */
typedef struct ExternDecl {
    Name name;
    ExternParameter *parameters;
    uint32_t parameter_count;
    ExternParameter result; /* without a name */
    Name library;           /* text: the string */
    Name gradient;          /* text NULL: none */
    SourceSpan span;
} ExternDecl;

/* input tokens: int[n] < v */
typedef struct InputDecl {
    Name name;
    NameList axes;
    const Expr *limit; /* values are in [0, limit) */
    SourceSpan span;
} InputDecl;

/* One of `dim n = 64, v = 17`, `const hide = 0.15`. */
typedef struct ValueDecl {
    Name name;
    const Expr *value; /* NULL: only declared */
    SourceSpan span;
} ValueDecl;

/* batch = 64; in a sweep the key may have a dot: train.objective */
typedef struct SettingEntry {
    Name key;
    const Expr *value;
} SettingEntry;

/* train { batch = 64; steps = 800 } */
typedef struct SectionDecl {
    Name kind; /* data, train, probe, sample, sweep */
    SettingEntry *entries;
    uint32_t entry_count;
    SourceSpan span;
} SectionDecl;

typedef enum DeclarationKind {
    DECLARATION_USE,
    DECLARATION_DIM,
    DECLARATION_CONST,
    DECLARATION_INPUT,
    DECLARATION_PARAM,
    DECLARATION_FUNCTION,
    DECLARATION_EXTERN,
    DECLARATION_OBJECTIVE,
    DECLARATION_UPDATE,
    DECLARATION_SECTION,
} DeclarationKind;

typedef struct Declaration {
    DeclarationKind kind;
    SourceSpan span;
    union {
        Name use; /* text: the path as written */
        struct {
            ValueDecl *at;
            uint32_t count;
        } values; /* DIM, CONST */
        InputDecl input;
        ParamDecl param;
        FunctionDecl function;
        ExternDecl external;
        ObjectiveDecl objective;
        UpdateDecl update;
        SectionDecl section;
    };
} Declaration;

/* The declarations of one file, in its order. */
typedef struct SyntaxFile {
    const Source *source;
    Declaration *at;
    uint32_t count;
} SyntaxFile;

#endif
