/* What the lines of a spec became: the records of fusion and the plan, read side by side.
 *
 * The IR is that which was fused: one function for each of the module's (init, grad, update, eval,
 * ...). What runs are the functions of the plan: a step of `grad_add` or `step` computes nodes of
 * grad or update. A kernel that was made after fusion (it adds to a sum, or looks for what is not
 * finite) computes no node of any.
 *
 * All of it lies in the module's arena. */
#ifndef SCANLINE_PASSES_EXPLAIN_H
#define SCANLINE_PASSES_EXPLAIN_H

#include "passes/compile.h"
#include "passes/fusion_record.h"

typedef enum ExplainPart {
    EXPLAIN_WHOLE,    /* of a function without a backward part */
    EXPLAIN_FORWARD,  /* the loss depends on it */
    EXPLAIN_BACKWARD, /* gradients */
    EXPLAIN_AGAIN,    /* of the forward part, computed again rather than kept */
    EXPLAIN_UPDATE,   /* of parameters and states */
    EXPLAIN_PARTS
} ExplainPart;

typedef enum ExplainKind {
    EXPLAIN_LOOPS,
    EXPLAIN_PRODUCT,
    EXPLAIN_ATTENTION,
    EXPLAIN_CALL /* of a function of a library */
} ExplainKind;

typedef struct ExplainStep {
    const PlanStep *step;
    const PlanKernel *kernel;
    const FusionRecord *record; /* NULL: made after fusion */
    const FusedKernel *fused;   /* the same */
    ExplainPart part;
    ExplainKind kind;
    bool bf16; /* a product of bf16 */
} ExplainStep;

typedef struct ExplainFunction {
    const PlanFunction *plan;
    const ExplainStep *steps; /* parallel to plan->steps */
    double runs; /* in a step of training: as many as chunks, one, or 0: it is no part of it */
    const uint32_t *writer;       /* by buffer: the step that writes it; UINT32_MAX: none */
    const uint32_t *first_reader; /* by buffer: where its readers begin; one more for the end */
    const uint32_t *readers; /* steps, in order; one that reads a buffer twice is there twice */
} ExplainFunction;

typedef struct Explanation {
    Arena *arena;
    const Plan *plan;
    FusionRecords records;
    const ExplainFunction *functions; /* parallel to plan->functions */
    const ExplainFunction *gradients; /* of them: step or grad; NULL: there is none */
} Explanation;

/* `chunks`: of a batch. NULL and `error` on a fault, as compile_plan. */
const Explanation *explain_module(const Module *module, const CompileOptions *options,
                                  int64_t chunks, CompileError *error);

/* Peak rates of a machine, a second, of all threads together; 0: not known. */
typedef struct ExplainPeaks {
    double flops, bf16_flops, bytes;
} ExplainPeaks;

/* How long a kernel takes by the roofline (Williams, Waterman, Patterson, 2009): its operations at
 * the peak or its operands through memory, whichever takes longer. An operation of a loop counts as
 * a fused multiply-add, that is as two. What caches keep makes it faster, all else slower.
 * *by_memory (may be NULL): the latter of the two. 0: the peaks are not known, or what a function
 * of a library does. */
double explain_seconds(const ExplainStep *step, const ExplainPeaks *peaks, bool *by_memory);

/* A line of a spec's file, by the file's name as in PlanPlace. */
typedef struct ExplainPlace {
    const char *file;
    uint32_t line;
} ExplainPlace;

/* What of a step's work is a line's: its nodes' operations; 0 to 1. */
double explain_share(const ExplainStep *step, const ExplainPlace *place);

/* Whether a step computes anything of a line, be it in the body of an attention. Constants, which
 * lines share, are not computed. */
bool explain_touches(const ExplainStep *step, const ExplainPlace *place);

/* --- one line: explain_line.c, explain_value.c --- */

/* A node of a line, or of the score of an attention. */
typedef struct ExplainNode {
    const Function *function; /* the record's, or an attention's body */
    NodeId id;
    bool is_backward; /* of grad: the loss does not depend on it */
} ExplainNode;

/* What a line became in one function of the IR, in calls that are alike. */
typedef struct ExplainCalls {
    const FusionRecord *record;
    const char *const *calls; /* "block.0.attn", ..., in order; "": outside of calls, or shared */
    uint32_t call_count;
    const ExplainNode *nodes; /* of the first call */
    uint32_t node_count;
} ExplainCalls;

/* One reader of a value in memory, and why it is no part of the kernel that made it. */
typedef struct ExplainReader {
    const ExplainStep *step;
    const char *why;
    uint32_t count; /* readers with the same kernel, part and reason */
} ExplainReader;

/* A value that passes from one kernel to another through memory. */
typedef struct ExplainValue {
    const FusionRecord *record;
    NodeId node;
    int64_t bytes;
    bool is_kept;            /* made by the forward part, read by what comes after it */
    const char *output;      /* of the function, under that name; NULL: a temporary */
    const char *stored;      /* why readers do not compute it again; NULL: it was not asked */
    const ExplainStep *from; /* what makes it */
    const ExplainReader *readers;
    uint32_t reader_count;
} ExplainValue;

/* A kernel that the line runs in, in one function and part of it. */
typedef struct ExplainUse {
    const ExplainFunction *function;
    const ExplainStep **steps; /* all with the same kernel */
    uint32_t step_count;
    double share;             /* of their work, the line's */
    const char *const *calls; /* that the line was met in, each once */
    uint32_t call_count;
    const ExplainPlace *others; /* lines that share the kernel, sorted */
    uint32_t other_count;
    const ExplainValue *takes; /* by the line's nodes in the first step, from other kernels; their
                                  readers: that step alone */
    uint32_t take_count;
    const ExplainValue *gives; /* of the line, by the first step */
    uint32_t give_count;
    const NodeId *inside; /* nodes of the line that the first step computes and does not store */
    uint32_t inside_count;
    const NodeId *copies; /* of the first step's: other kernels compute them too */
    uint32_t copy_count;
} ExplainUse;

typedef struct ExplainLine {
    const ExplainCalls *calls;
    uint32_t call_count;
    const ExplainUse *uses;
    uint32_t use_count;
} ExplainLine;

ExplainLine explain_line(const Explanation *explanation, const ExplainPlace *place);

/* --- all lines: explain_lines.c --- */

typedef struct ExplainSum {
    double seconds, flops, bytes; /* the line's shares */
    double kept;                  /* bytes that a chunk leaves for its backward part */
    uint32_t kernels;             /* different ones that it runs in */
} ExplainSum;

typedef struct ExplainRow {
    ExplainPlace place; /* file NULL: of no line */
    ExplainSum sum;
} ExplainRow;

typedef struct ExplainTable {
    const ExplainRow *rows; /* by file, as they come in the plan's steps, and line; that of no line
                               last */
    uint32_t row_count;
    ExplainSum all;
} ExplainTable;

/* Of one run of the plan's function `wanted`; NULL: of a step of training. */
ExplainTable explain_lines(const Explanation *explanation, const ExplainPeaks *peaks,
                           const char *wanted);

/* --- for the files of explain alone --- */

/* Operations of a node where its kernel computes it, about. */
double explain_work(const Function *function, const Node *node);
/* The value that a fused step gives as its result number `result`. */
ExplainValue explain_value(const Explanation *explanation, const ExplainFunction *function,
                           const ExplainStep *step, uint32_t result);
/* Whether the forward part makes it and what comes after that part reads it. */
bool explain_is_kept(const ExplainFunction *function, const ExplainStep *step, uint32_t result);

#endif
