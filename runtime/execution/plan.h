/* A plan: what a compiled module is at run time. Flat tables; no names are looked up while it runs.
 *
 * A plan has one PlanFunction for each function of the module (init, grad, update, eval, features,
 * decode, or any other that was compiled). A function is a list of buffers and a list of steps,
 * each a kernel applied to buffers. Kernels are shared between functions: equal ones exist once. A
 * kernel is compiled code, or a function of a user's shared library (PlanCall), which the runtime
 * opens and calls (runtime/execution/external.h).
 *
 * Memory: a function's temporaries lie in one arena at fixed offsets, and small ones in an area that
 * each thread has; its inputs and outputs are bound by the caller. So the peak is known before the
 * run: arena_bytes, own_bytes for each thread, and what is bound.
 *
 * The file form is JSON with a version (plan_write, plan_read); what is read is checked entirely
 * before it is used: a plan that plan_read accepts can be run without touching memory outside its
 * buffers; what a library does that it names is another matter. Reading opens none.
 */
#ifndef SCANLINE_RUNTIME_PLAN_H
#define SCANLINE_RUNTIME_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PLAN_VERSION = 7, PLAN_MAX_AXES = 8, PLAN_ALIGNMENT = 64 };

/* Of a call: 16 parameters, the gradient of the result and 16 gradients. */
enum { PLAN_MAX_CALL_ARGUMENTS = 33, PLAN_MAX_CALL_EXTENTS = 32 };

/* As DType in ir/graph.h, which the runtime does not see. */
typedef enum PlanType { PLAN_F32, PLAN_BF16, PLAN_I32, PLAN_BOOL } PlanType;

typedef enum PlanStorage {
    PLAN_ARENA,  /* a temporary, at `offset` of the function's arena */
    PLAN_OWN,    /* a temporary of a small step that each thread of a team computes for itself, as
                    that takes less than waiting for it: at `offset` of the thread's own area */
    PLAN_INPUT,  /* bound by the caller; only read, unless an output was planned in its place */
    PLAN_OUTPUT, /* bound by the caller; written entirely */
} PlanStorage;

typedef struct PlanBuffer {
    PlanStorage storage;
    PlanType type;
    int64_t elements;
    int64_t offset;  /* PLAN_ARENA, PLAN_OWN: bytes from the start of the arena or area, a multiple of
                        PLAN_ALIGNMENT */
    int64_t binding; /* PLAN_INPUT, PLAN_OUTPUT: index in `inputs` or `outputs`; else -1 */
} PlanBuffer;

/* An input or output as its caller sees it. */
typedef struct PlanBinding {
    char *name; /* see the conventions below */
    PlanType type;
    uint32_t axis_count;
    char *axes[PLAN_MAX_AXES]; /* names, outermost first */
    int64_t extents[PLAN_MAX_AXES];
    int64_t elements;
    int64_t donated; /* outputs: index of the input whose memory it may share; -1: none */
} PlanBinding;

/* A line of the spec that a step comes from. */
typedef struct PlanPlace {
    char *file;   /* "igpt.scan" */
    int64_t line; /* from 1 */
} PlanPlace;

typedef struct PlanStep {
    uint32_t kernel;
    uint32_t operand_count;
    uint32_t *operands; /* buffers of the function, in the order of KernelFunction's operands */
    uint32_t immediate_count;
    int64_t *immediates;
    char *origin; /* "loop_0b1c igpt.scan:27:15": for naming where a NaN arose */
    uint32_t place_count;
    PlanPlace *places; /* each line once: for profiles */
    bool is_again;     /* what it computes was computed before, and not kept: for saying what memory
                          costs */
} PlanStep;

typedef struct PlanFunction {
    char *name;
    uint32_t input_count, output_count, buffer_count, step_count;
    PlanBinding *inputs, *outputs;
    PlanBuffer *buffers;
    PlanStep *steps;
    int64_t arena_bytes, own_bytes;
} PlanFunction;

/* What a kernel takes a pointer to. */
typedef struct PlanOperand {
    PlanType type;
    int64_t elements;
} PlanOperand;

/* What a function of a library is given: the block of one tensor that belongs to a tile. */
typedef struct PlanCallArgument {
    int64_t operand; /* of the kernel; -1: a result that nobody reads, which goes to scratch */
    PlanType type;
    bool is_value;                  /* a number, given as such; else a pointer to the block */
    int64_t elements;               /* of the block, which is dense */
    int64_t strides[PLAN_MAX_AXES]; /* in elements, from one position along a carried axis to the
                                       next; 0: the same for all */
} PlanCallArgument;

/* A kernel that is a function of a shared library. A tile is one call: one position along the axes
 * that its arguments carry (images, above all). */
typedef struct PlanCall {
    char *library;   /* a path, or a name for the loader */
    char *name;      /* of the function as it was declared: "blur" */
    char *symbol;    /* "blur", or its gradient's: "blur_grad" */
    char *signature; /* "blur(x: f32[n, d], s: f32) -> f32[n, d]" */
    PlanPlace place; /* of the declaration; its file may be "" */
    uint32_t extent_count, carried_count, argument_count;
    int64_t extents[PLAN_MAX_CALL_EXTENTS]; /* of the axes that the signature names: what is given
                                               before the arguments */
    int64_t carried[PLAN_MAX_AXES];         /* extents; their product is the number of tiles */
    PlanCallArgument *arguments;
} PlanCall;

typedef struct PlanKernel {
    char *symbol;          /* in the object file */
    PlanCall *call;        /* NULL: it is compiled code */
    int64_t tiles;         /* >= 1 */
    int64_t scratch_bytes; /* a thread */
    double flops, bytes;   /* of all its tiles together; estimates, for profiles and progress */
    uint32_t operand_count,
        output_count;      /* the last output_count operands are written, all others read */
    PlanOperand *operands; /* what any step must bind: the check of a plan rests on it */
    uint32_t immediate_count;
} PlanKernel;

typedef struct Plan {
    char *target; /* "x86-64-v3", "znver4", ... */
    char *table;  /* hash of the choices that blocks were cut by */
    uint32_t kernel_count, function_count;
    PlanKernel *kernels;
    PlanFunction *functions;
} Plan;

/* Everything a Plan points at was allocated by malloc and belongs to it. */
void plan_free(Plan *plan);
const PlanFunction *plan_function(const Plan *plan, const char *name); /* NULL: none */
const PlanFunction *plan_gradients(const Plan *plan); /* that computes them: step or grad; NULL */
int64_t plan_find_input(const PlanFunction *function, const char *name);  /* -1: none */
int64_t plan_find_output(const PlanFunction *function, const char *name); /* -1: none */
size_t plan_type_size(PlanType type);
bool plan_is_temporary(PlanStorage storage); /* it has an offset, and no binding */
bool plan_has_calls(const Plan *plan);
/* A thread, for the results of a call that nobody reads. */
int64_t plan_call_scratch_bytes(const PlanCall *call);
int64_t plan_scratch_bytes(const Plan *plan,
                           const PlanFunction *function); /* most of its kernels */
/* Whether each thread of a team runs the whole step for itself: its results are PLAN_OWN. */
bool plan_step_is_own(const PlanFunction *function, const PlanStep *step);

/* clang-format off */
/* --- the conventions between the compiler and the runtime ---
 *
 * The functions of an experiment, and the names of their inputs and outputs. PATH is a parameter's
 * path ("block.3.attn.wq"), STATE a name in the update rule ("a"). b is the batch axis; its extent
 * is the chunk's size (batch / chunks), the same in all functions but those that draw.
 *
 *   init      in  $seed
 *             out PATH...  PATH:STATE...
 *   grad      in  PATH...  data...  control...  $weight f32[b]
 *             out loss f32[] = sum[b] $weight * loss,  grad:PATH...
 *   grad_add  in  those of grad,  sum:OUTPUT for each of its outputs
 *             out those of grad, OUTPUT = sum:OUTPUT + what grad gives, to the bit  (donated)
 *   update    in  PATH...  grad:PATH...  PATH:STATE...  $scalar.I
 *             out PATH...  PATH:STATE...  (donated)
 *   step      in  those of grad and of update but the gradients
 *             out loss f32[],  PATH...  PATH:STATE...  (donated): to the bit what update gives for
 *                 what grad gives,  $fault:PATH f32[...]: 0 where that gradient is finite, else NaN
 *   eval      in  PATH...  data...  control...
 *             out loss f32[b],  metric.NAME f32[b]...,  class f32[b,k]
 *   features  in  PATH...  data...  control...
 *             out tap.NAME.I f32[b, ...]...
 *   sample    in  PATH...  data...  control...
 *             out logits f32[b, n, v]: what decode is made of, and held against
 *   decode    in  PATH...  weights.I...  tokens i32[b]: those before the position, 0 before the first
 *                 $position i32  cache.I...  control...
 *             out logits f32[b, v] of the position,  cache.I...  (donated)
 *   decode_weights  in  PATH...
 *             out weights.I: what of decode depends on parameters alone, to be run once
 *             (weights.I.compressed, cache.I.compressed, cache.I.tiled: the same in 12 bits a value,
 *             ir/compressed.h, or in tiles, ir/tiled.h, beside what is bf16)
 *   prefill   in  PATH...  data...  control...
 *             out cache.I...: as decode leaves them after all positions
 *   restart   in  PATH...
 *             out the PATH:STATE... whose first value depends on a parameter, for other parameters
 *                 than those of init
 *
 * decode draws images position by position, from the first on: what later positions read of earlier
 * ones is in the caches, which are written in place, and of which no more is read than was written.
 * Its b is the number of images that are drawn side by side, as is that of prefill, by which the
 * caches can be begun where the first tokens are given: what it makes of the others is replaced
 * before it is read. decode_weights and prefill are left out where they would do nothing.
 *
 * grad_add is there where a batch has several chunks; without it, sums are added by the runtime.
 * step is there instead of grad and update where a batch is one chunk and the update of a parameter
 * needs no gradient but its own; it replaces nothing before it has the loss.
 *
 *   data      the spec's inputs by name: tokens i32[b,n], label i32[b], ...
 *   control   $seed i32, $step i32, $draw i32, $image i32[b] (index in the data set): for random[...]
 *             $scalar.I f32: the I-th output of the schedule (runtime/execution/schedule.h) at this step
 *   $weight   1 / images in this batch; 0 for the images that only fill up a short batch
 * An input that nothing reads does not exist; bind by looking names up.
 */
/* clang-format on */

typedef struct PlanError {
    char text[512];
} PlanError;

/* Writes to a stream in memory or a file; false (and error) when it can't. The text is the caller's
 * to free. */
char *plan_write(const Plan *plan, PlanError *error);
Plan *plan_read(const char *text, size_t length, PlanError *error);

#endif
