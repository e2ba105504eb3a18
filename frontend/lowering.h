/* What the parts of lowering share. Internal to frontend/lower*.c.
 *
 * Lowering interprets the bodies of a spec: it walks their syntax once, in the order in which they
 * would run, and where an ordinary interpreter computes a number it adds a node to a graph. So
 * calls are inlined and repeats are unrolled by themselves, and every rule about axes is checked on
 * the values at hand.
 *
 *   lower.c             the entry: the chosen objective for good, everything else for its errors
 *   lower_objective.c   one objective: bodies, outputs, the functions init and forward
 *   lower_update.c      the update rule
 *   lower_body.c        scopes and statements
 *   lower_expression.c  expressions
 *   lower_call.c        calls of functions and models: arguments, paths, opaque axes
 *   lower_extern.c      functions of users' libraries
 *   lower_parameter.c   parameters and their initial values
 *   lower_builtin.c     the functions of the language
 *   lower_reduce.c      reductions
 *   lower_value.c       values: types, broadcasting, operators
 *   lower_fault.c       describing values and expressions to people
 *   scalar.c            numbers without tensors; the schedule
 *   compact.c           leaves out of a function what its outputs do not need
 *   experiment.c        parameters, inputs, taps and settings, for the runtime
 */
#ifndef SCANLINE_FRONTEND_LOWERING_H
#define SCANLINE_FRONTEND_LOWERING_H

#include "frontend/scalar.h"
#include "frontend/spec.h"
#include "frontend/suggest.h"

enum {
    LOWER_MAX_DEPTH = 1000,   /* of nested evaluation: bounds the C stack */
    LOWER_MAX_WORK = 1 << 20, /* expressions evaluated for one objective: bounds time and memory */
    LOWER_MAX_POWER = 64,     /* x^k is multiplied out up to here */
    LOWER_MAX_AXES = 4096,    /* of one function */
};

/* --- values --- */

/* In the order of conversion: a bool or int that meets a float becomes one. */
typedef enum ValueType { TYPE_BOOL, TYPE_INT, TYPE_FLOAT } ValueType;

typedef enum ValueKind {
    VALUE_UNKNOWN, /* an error was reported: nothing more is said about what is made of it */
    VALUE_SCALAR,  /* a number that needs no tensor */
    VALUE_TENSOR,
} ValueKind;

/* The function under construction that a tensor belongs to. Axes have the same ids in all three. */
typedef enum GraphKind { GRAPH_FORWARD, GRAPH_INIT, GRAPH_UPDATE, GRAPH_COUNT } GraphKind;

/* All zero: a faulty one. */
typedef struct Value {
    ValueKind kind;
    ValueType type;
    GraphKind graph;
    ScalarId scalar;
    NodeId node;
    Axes axes; /* what the value has; the node (and every scalar) may lack some, along which the
                  value does not change */
} Value;

/* --- where a body runs --- */

/* One execution of the body of a fn, model, objective or update. */
typedef struct Frame {
    const struct Frame *caller;
    const FunctionDecl *function; /* NULL: an objective's, an update's */
    const FunctionDecl *owner;    /* the model whose set of parameters it belongs to; NULL: none */
    const UpdateDecl *update;     /* NULL: not in an update rule */
    bool objective;               /* directly in an objective's body */
    SourceSpan call;
    const Value *arguments; /* by the function's formal parameters */
    Axes opaque;            /* that arguments carry and their declarations do not name */
    bool returned;
    Value result;
} Frame;

typedef enum LocalKind { LOCAL_ARGUMENT, LOCAL_ASSIGNED, LOCAL_PARAM, LOCAL_STATE } LocalKind;

typedef struct Local {
    LocalKind kind;
    Value value;
    SourceSpan place; /* of its declaration or last assignment */
    bool assigned;    /* states, and the update's first argument: a new value was given */
} Local;

/* Names of one body, or of one round of a repeat inside of it. */
typedef struct Scope {
    struct Scope *outer; /* around a repeat; NULL: this is the body itself */
    Frame *frame;
    Names locals;       /* -> Local * */
    const char **names; /* of the locals, in order */
    uint32_t name_count, name_capacity;
    Names steps;           /* -> SourceSpan * of the step of that name */
    const char *path;      /* "block.3.attn": where parameters go; "" at the top */
    const char *call_path; /* the same with the names of models: the key of random draws */
    const char *round_dim; /* NULL: not a round */
    int64_t round;
} Scope;

/* --- the lowering of one objective --- */

typedef struct ParameterRecord {
    const char *path;
    const TensorName *tensor;
    const FunctionDecl *owner;
    Axes axes;
    NodeId node;    /* in forward */
    NodeId initial; /* in init; NODE_NONE after a fault */
} ParameterRecord;

typedef struct TapRecord {
    const char *name;
    Value *values;
    uint32_t count, capacity;
} TapRecord;

/* An output or a metric of the objective. */
typedef struct FigureRecord {
    const char *name; /* "logits", "metric.accuracy" */
    Value value;
    SourceSpan place;
    const ObjectiveDecl *declaration; /* whose body gave it */
} FigureRecord;

/* A call of an extern function in the forward function. */
typedef struct ExternRecord {
    const ExternDecl *declaration;
    SourceSpan span;
    NodeId node;
    const struct ExternRecord *next;
} ExternRecord;

/* Of all lowerings of one spec. */
typedef struct LowerShared {
    Arena *arena;
    const Spec *spec;
    Diagnostics *diagnostics;
    Names called;  /* functions whose body was lowered: name -> FunctionDecl * */
    Names effects; /* name -> EffectRecord *: see lower_call.c */
} LowerShared;

typedef struct Lowering {
    LowerShared *shared;
    Arena *arena;
    const Spec *spec;
    Diagnostics *diagnostics;

    Function *functions[GRAPH_COUNT];
    GraphKind graph;      /* that nodes are being added to */
    SourceSpan place;     /* of the expression that is being evaluated */
    SourceSpan spans_of;  /* the place that `spans` was made for */
    const SpanSet *spans; /* NULL: none yet */
    ScalarProgram *scalars;
    AxisId batch;
    Scope *scope;
    uint32_t depth, work;
    bool stopped;   /* a limit was hit and reported */
    bool tentative; /* not the chosen objective: a dim without a value is no error */

    ParameterRecord **parameters;
    uint32_t parameter_count, parameter_capacity;
    Names parameter_paths; /* -> ParameterRecord * */
    Names inputs;          /* -> Value * */
    TapRecord **taps;
    uint32_t tap_count, tap_capacity;
    Names tap_names; /* -> TapRecord * */
    FigureRecord **figures;
    uint32_t figure_count, figure_capacity;
    const ExternRecord *extern_calls; /* the last first */
    const ObjectiveDecl *declaration; /* whose body runs */
    NodeId controls[GRAPH_COUNT][4];  /* $seed, $draw, $step, $image; NODE_NONE: not there yet */

    struct UpdateContext *update; /* see lower_update.c; NULL outside */
} Lowering;

Lowering *lowering_create(LowerShared *shared, bool tentative);
static inline Function *lowering_function(const Lowering *l) { return l->functions[l->graph]; }

/* --- lower_value.c --- */

extern const Value value_faulty;
Value value_number(Lowering *l, double number, ValueType type);
Value value_scalar(Lowering *l, ScalarId scalar, ValueType type);
Value value_tensor(const Lowering *l, NodeId node);
/* True, and the number, for a scalar that is known when compiling. */
bool value_is_number(const Lowering *l, const Value *value, double *number);

/* Adds a node after checking it; faulty after reporting what is wrong with it. */
Value lower_add(Lowering *l, Node node);
/* The value's node, of that type. The value must not be faulty; NODE_NONE after a fault. */
NodeId value_node(Lowering *l, const Value *value, ValueType type);
Value value_cast(Lowering *l, Value value, ValueType type);
/* The same value with axes that it is to have at least; only in name. Faulty when they are too
 * many. */
Value value_widen(Lowering *l, Value value, const Axes *axes);
/* The same value in a tensor that has all of its axes, in the given order (the same set). */
Value value_spread(Lowering *l, Value value, const Axes *order);

Value value_unary(Lowering *l, OpCode op, Value a);
Value value_binary(Lowering *l, BinaryOp op, Value a, Value b, SourceSpan span);
Value value_minimum(Lowering *l, OpCode min_or_max, Value a, Value b);
Value lower_select(Lowering *l, Value condition, Value yes, Value no);

/* --- lower_reduce.c --- */

typedef enum Reduction {
    REDUCE_SUM,
    REDUCE_MEAN,
    REDUCE_MAX,
    REDUCE_MIN,
    REDUCE_ARGMAX,
    REDUCE_SOFTMAX,
    REDUCE_LOG_SOFTMAX,
    REDUCE_LOGSUMEXP,
} Reduction;

/* All axes must be there. `where` may be NULL. */
Value reduce_value(Lowering *l, Reduction reduction, Value value, const Axes *axes,
                   const Value *where);
/* Whether `name` is one; evaluates the call if so. */
bool reduce_call(Lowering *l, const Expr *call, Value *result);
void reduce_offer_names(Suggestion *suggestion);

/* --- lower_builtin.c --- */

/* The same, for the other functions of the language. */
bool builtin_call(Lowering *l, const Expr *call, Value *result);
/* index[n], random[n]; false for any other base. */
bool builtin_index(Lowering *l, const Expr *index, Value *result);
void builtin_offer_names(Suggestion *suggestion);
/* A control input of random draws: 0 seed, 1 draw, 2 step, 3 image. */
NodeId builtin_control(Lowering *l, uint32_t which);

/* --- lower_expression.c --- */

Value lower_expression(Lowering *l, const Expr *expr);
/* One more expression or statement: false when the limit of work is reached. */
bool lower_spend(Lowering *l, SourceSpan span);
/* The axis that a body names. AXIS_NONE after reporting. */
AxisId lower_axis(Lowering *l, Name name);
/* Axes of a list; false after reporting (also one that is there twice). */
bool lower_axes(Lowering *l, const NameList *names, Axes *axes);
/* The extent of a dim; 0 after reporting (not for a value that lacks, in a tentative lowering). */
int64_t lower_extent(Lowering *l, Name name);
/* The axis of a dim of the spec, without any check of the body; AXIS_NONE when it has no extent. */
AxisId lower_dim_axis(Lowering *l, Name name);
/* Reports and is true when the body that runs may not name an axis: it is opaque there. */
bool lower_axis_is_opaque(Lowering *l, AxisId axis, SourceSpan use);
/* A number that must be known when compiling; false after reporting. `what` begins the message. */
bool lower_number(Lowering *l, const Expr *expr, const char *what, double *number);
bool lower_integer(Lowering *l, const Expr *expr, const char *what, int64_t *number);

/* --- lower_body.c --- */

Local *scope_find(const Scope *scope, const char *name); /* through the rounds around; NULL: none */
Local *scope_declare(Lowering *l, const char *name, LocalKind kind, Value value, SourceSpan place);
/* A new value for a name: where it was first assigned is where it lives. */
void scope_assign(Lowering *l, Name name, Value value);
void scope_offer_names(const Scope *scope, Suggestion *suggestion);
/* Claims a step's name in the scope; false after reporting that it is taken. */
bool scope_step(Lowering *l, Name step, const char *what);
Scope *scope_open(Lowering *l, Frame *frame, const char *path, const char *call_path);
void lower_block(Lowering *l, const Block *block);
const char *lower_join_path(Lowering *l, const char *path, const char *step);
/* A value with the batch axis in front, f32, for an output. `order`: its other axes; NULL: as they
 * are. */
Value lower_output_value(Lowering *l, Value value, const Axes *order);

/* --- lower_call.c --- */

enum { EFFECT_PARAM = 1, EFFECT_TAP = 2, EFFECT_RANDOM = 4 };
Value call_function(Lowering *l, const Expr *call, const FunctionDecl *function);
/* A call that nobody wrote, with arguments of which nothing is known: for the errors of its body.
 */
void call_for_errors(Lowering *l, const FunctionDecl *function);
/* The values of a call's arguments by the function's parameters, with the axes that these declare;
 * false after reporting that they do not match. */
bool call_arguments(Lowering *l, const Expr *call, const FunctionDecl *function, Value *arguments);
/* An argument of a builtin, by position (UINT32_MAX: none) or keyword; NULL: absent. */
const Expr *call_argument(const Expr *call, uint32_t position, const char *keyword);
/* Checks that a builtin's call has so many positional arguments, and no keyword but that (NULL:
 * none). */
bool call_shape(Lowering *l, const Expr *call, uint32_t positional, const char *keyword);

/* --- lower_extern.c --- */

/* What is declared; NULL after reporting what is wrong with it. */
const struct External *extern_declare(Lowering *l, const ExternDecl *declaration);
Value extern_call(Lowering *l, const Expr *call, const ExternDecl *declaration);
/* Reports the calls that lack a gradient and need one. After the outputs. */
void extern_check_gradients(Lowering *l);

/* --- lower_parameter.c --- */

void parameter_declare(Lowering *l, const ParamDecl *declaration, bool global);
ParameterRecord *parameter_find(const Lowering *l, const char *path);
uint64_t parameter_key(const char *purpose, const char *path);
/* The node in `init` of an initial value over those axes; NODE_NONE after reporting. `of`: whose it
 * is. */
NodeId parameter_spread_initial(Lowering *l, Value value, const Axes *axes, const Expr *init,
                                Name of);

/* --- lower_objective.c --- */

/* Runs the bodies of the objective and of those that it extends, and gives `forward` its outputs.
 */
void objective_run(Lowering *l, const SpecObjective *objective);

/* A loss, metric or output statement of an objective's body. */
void objective_statement(Lowering *l, const Statement *statement, Value value);

/* --- lower_update.c --- */

/* Builds `update` for the parameters, in that order, and adds the states' initial values to `init`.
 * Returns how many states there are; they lie in *states. */
uint32_t update_lower(Lowering *l, const Expr *call, ParameterRecord *const *trained,
                      uint32_t count, Parameter **states);
/* A rule applied to tensors of which nothing is known: for the errors of its body. `call` may be
 * NULL. */
void update_for_errors(Lowering *l, const UpdateDecl *rule, const Expr *call);
void update_states(Lowering *l, const Statement *statement);
/* step, steps, and the functions of update rules; false: none of these. */
bool update_name(Lowering *l, const Expr *name, Value *result);
bool update_call(Lowering *l, const Expr *call, Value *result);
bool update_has_function(const char *name);
bool update_match(Lowering *l, const Expr *match, Value *result); /* path(w) ~ "*.g" */

/* --- experiment.c --- */

/* A parameter, or a state of one (then `path` differs), as the runtime sees it. */
Parameter experiment_parameter(const Lowering *l, const char *path, const Axes *axes);
/* What the runtime is told besides the code. `forward` is compact. False after reporting. */
bool experiment_describe(Lowering *l, const SpecObjective *objective, const Function *forward,
                         Experiment *experiment);

/* --- lower_fault.c --- */

/* "[n, d]": a value's axes as people see them, without the batch. */
const char *fault_axes(const Lowering *l, const Axes *axes);
/* "x is [n, d]", "wq is [d, h, e] (igpt.scan:26:9)". NULL when the expression is too long to be
 * named. */
const char *fault_describe(const Lowering *l, const Expr *expr, const Value *value);
const char *fault_axis_name(const Lowering *l, AxisId axis);
void fault_offer_symbols(const Lowering *l, Suggestion *suggestion);
/* Nothing of `expr` has the axis that `call` works along. Factors: see lower_reduce.c. */
typedef struct Operand {
    const Expr *expr;
    Value value;
} Operand;
void fault_missing_axis(Lowering *l, const Expr *call, Name axis, const Expr *whole,
                        const Operand *operands, uint32_t count);
const char *type_name(ValueType type);

/* --- compact.c --- */

/* The same function without the nodes and axes that its outputs do not need. */
Function *function_compact(const Function *function);

#endif
