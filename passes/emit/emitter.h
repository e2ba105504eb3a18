/* Short ways to write LLVM IR through the C API.
 *
 * One Emitter writes one module in one thread. Vectors are explicit: a value of L lanes has the
 * type <L x element>, and one lane is the plain scalar, so the same code emits both. No instruction
 * gets fast-math flags; a fused multiply-add is there where emit_fma says so and nowhere else.
 * Integers that count or address are i64. Constants fold as they are built.
 *
 * The arena is the emitter's own, so an allocation that fails leaves through its owner (object.c).
 */
#ifndef SCANLINE_PASSES_EMIT_EMITTER_H
#define SCANLINE_PASSES_EMIT_EMITTER_H

#include "ir/graph.h"
#include "passes/emit/lines.h"
#include "passes/emit/target.h"

#include <llvm-c/Core.h>

typedef struct Emitter {
    const Target *target;
    Arena *arena;
    LLVMContextRef context;
    LLVMModuleRef module;
    LLVMBuilderRef builder;
    LLVMValueRef function; /* the one being written */
    LLVMTypeRef void_type, i1, i8, i16, i32, i64, f32, pointer;
    uint32_t lanes; /* f32 in the target's widest register */
    Lines *lines;   /* NULL: code without lines of the spec */
} Emitter;

/* The emitter writes into `module`, which stays the caller's. */
void emitter_open(Emitter *emitter, Arena *arena, const Target *target, LLVMModuleRef module);
void emitter_close(Emitter *emitter);

/* --- types and constants --- */

LLVMTypeRef emit_vector_type(Emitter *emitter, LLVMTypeRef element, uint32_t lanes);
/* An element in memory: f32 float, bf16 i16, i32 i32, bool i8. */
LLVMTypeRef emit_memory_type(Emitter *emitter, DType dtype);
uint32_t emit_lanes(LLVMValueRef value); /* 1 for a scalar */

LLVMValueRef emit_i64(Emitter *emitter, int64_t value);
LLVMValueRef emit_i32(Emitter *emitter, int32_t value);
LLVMValueRef emit_f32(Emitter *emitter, double value);
LLVMValueRef emit_f32_lanes(Emitter *emitter, double value, uint32_t lanes);
LLVMValueRef emit_i32_lanes(Emitter *emitter, int32_t value, uint32_t lanes);
/* 0, 1, ..., lanes - 1 as i32 */
LLVMValueRef emit_ramp(Emitter *emitter, uint32_t lanes);
LLVMValueRef emit_splat(Emitter *emitter, LLVMValueRef scalar, uint32_t lanes);

/* --- addresses and integers (i64) --- */

LLVMValueRef emit_add(Emitter *emitter, LLVMValueRef a, LLVMValueRef b);
LLVMValueRef emit_sub(Emitter *emitter, LLVMValueRef a, LLVMValueRef b);
LLVMValueRef emit_mul(Emitter *emitter, LLVMValueRef a, LLVMValueRef b);
LLVMValueRef emit_add_const(Emitter *emitter, LLVMValueRef a, int64_t b);
LLVMValueRef emit_mul_const(Emitter *emitter, LLVMValueRef a, int64_t b);
/* Of numbers that are not negative; b > 0. */
LLVMValueRef emit_div_const(Emitter *emitter, LLVMValueRef a, int64_t b);
LLVMValueRef emit_mod_const(Emitter *emitter, LLVMValueRef a, int64_t b);
LLVMValueRef emit_min_i64(Emitter *emitter, LLVMValueRef a, LLVMValueRef b);
LLVMValueRef emit_max_i64(Emitter *emitter, LLVMValueRef a, LLVMValueRef b);
LLVMValueRef emit_less(Emitter *emitter, LLVMValueRef a, LLVMValueRef b); /* signed, i1 */

/* &((type *)base)[index] */
LLVMValueRef emit_element(Emitter *emitter, LLVMTypeRef type, LLVMValueRef base,
                          LLVMValueRef index);

/* --- memory; alignment in bytes --- */

LLVMValueRef emit_load(Emitter *emitter, LLVMTypeRef type, LLVMValueRef pointer,
                       uint32_t alignment);
void emit_store(Emitter *emitter, LLVMValueRef value, LLVMValueRef pointer, uint32_t alignment);
/* Asks for the line of memory at an address, which may be any: to come to the second-level cache,
 * or to the first if it is read soon, and once; or to be written there. */
typedef enum PrefetchTo { PREFETCH_L2, PREFETCH_L1, PREFETCH_TO_WRITE } PrefetchTo;
void emit_prefetch(Emitter *emitter, LLVMValueRef pointer, PrefetchTo to);
/* Lane i of the mask (i1) on: moved; off: memory is not touched, and a load gives 0. Vectors only.
 */
LLVMValueRef emit_load_masked(Emitter *emitter, LLVMTypeRef type, LLVMValueRef pointer,
                              LLVMValueRef mask, uint32_t alignment);
void emit_store_masked(Emitter *emitter, LLVMValueRef value, LLVMValueRef pointer,
                       LLVMValueRef mask, uint32_t alignment);
/* Lane i is on when i < count (i64, may be negative or more than the lanes). */
LLVMValueRef emit_count_mask(Emitter *emitter, LLVMValueRef count, uint32_t lanes);
/* Lane i is on when at + i is one of first, ..., last - 1 (i64). */
LLVMValueRef emit_range_mask(Emitter *emitter, LLVMValueRef first, LLVMValueRef last,
                             LLVMValueRef at, uint32_t lanes);
/* The first `count` of so many lanes, a count known here; a load gives 0 in the others. */
LLVMValueRef emit_load_lanes(Emitter *emitter, LLVMTypeRef element, uint32_t count, uint32_t lanes,
                             LLVMValueRef pointer, uint32_t alignment);
/* Lanes of one or two vectors of one type, by number; those of the second follow those of the
 * first. Any number of them; one is a scalar. */
LLVMValueRef emit_shuffle(Emitter *emitter, LLVMValueRef a, LLVMValueRef b, const uint32_t *numbers,
                          uint32_t count);
/* Memory of the function's own frame, aligned to 64 bytes. */
LLVMValueRef emit_frame_array(Emitter *emitter, LLVMTypeRef type, uint32_t count, const char *name);

/* --- arithmetic; scalars and vectors alike --- */

/* a * b + c, rounded once (where the target has no FMA: twice). */
LLVMValueRef emit_fma(Emitter *emitter, LLVMValueRef a, LLVMValueRef b, LLVMValueRef c);
/* An intrinsic over one type: emit_intrinsic(e, "llvm.floor", {x}, 1). */
LLVMValueRef emit_intrinsic(Emitter *emitter, const char *name, const LLVMValueRef *arguments,
                            uint32_t count);
/* An instruction of the target, by the name of its intrinsic. */
LLVMValueRef emit_instruction(Emitter *emitter, const char *name, LLVMValueRef *arguments,
                              uint32_t count);
LLVMValueRef emit_max_f32(Emitter *emitter, LLVMValueRef a, LLVMValueRef b); /* a > b ? a : b */
/* One lane from all, as a binary tree whose shape depends on the lanes alone. */
LLVMValueRef emit_sum_lanes(Emitter *emitter, LLVMValueRef vector);
LLVMValueRef emit_max_lanes(Emitter *emitter, LLVMValueRef vector); /* with emit_max_f32 */

/* --- control ---
 *
 *     Loop loop;
 *     emit_loop_begin(e, &loop, from, to, step, "k");        for (index = from; index < to; index
 * += step) LLVMValueRef sum = emit_loop_carry(e, &loop, zero);     right after begin; any number of
 * them
 *     ... loop.index ...
 *     emit_loop_end(e, &loop, (LLVMValueRef[]){next_sum});    next value of each carried one
 *     ... loop.carried[0] ...                                 what it was in the end
 */
enum { LOOP_MAX_CARRIED = 48 };

typedef struct Loop {
    LLVMBasicBlockRef head, exit;
    LLVMValueRef test; /* carried values are placed before it */
    LLVMValueRef index;
    int64_t step;
    uint32_t carried_count;
    LLVMValueRef carried[LOOP_MAX_CARRIED];
} Loop;

void emit_loop_begin(Emitter *emitter, Loop *loop, LLVMValueRef from, LLVMValueRef to, int64_t step,
                     const char *name);
LLVMValueRef emit_loop_carry(Emitter *emitter, Loop *loop, LLVMValueRef initial);
/* `next` may be NULL when nothing is carried. */
void emit_loop_end(Emitter *emitter, Loop *loop, const LLVMValueRef *next);

/* `count` neighbouring elements, as they are: some lanes at a time, and the rest one by one. */
void emit_copy(Emitter *emitter, LLVMTypeRef type, LLVMValueRef from, LLVMValueRef to,
               int64_t count, uint32_t alignment);

/* if (condition) { ... emit_branch_else ... } emit_branch_end; else is optional. */
typedef struct Branch {
    LLVMBasicBlockRef otherwise, after;
    bool has_else;
} Branch;

void emit_branch_begin(Emitter *emitter, Branch *branch, LLVMValueRef condition, const char *name);
void emit_branch_else(Emitter *emitter, Branch *branch);
void emit_branch_end(Emitter *emitter, Branch *branch);

/* --- functions --- */

/* A function of the module that nobody else sees; the builder moves into it. The caller keeps what
 * it was writing with emit_function_leave. Never inlined unless `inlined`, then always. */
typedef struct Place {
    LLVMValueRef function;
    LLVMBasicBlockRef block;
} Place;

Place emit_function_enter(Emitter *emitter, const char *name, LLVMTypeRef type, bool inlined);
/* Ends it with `ret void`, and goes back. The function. */
LLVMValueRef emit_function_leave(Emitter *emitter, Place place);
LLVMValueRef emit_call(Emitter *emitter, LLVMValueRef function, const LLVMValueRef *arguments,
                       uint32_t count);
/* Parameter `index` points at memory of which `align` bytes are known to be aligned; noalias if so.
 */
void emit_parameter_pointer(Emitter *emitter, LLVMValueRef function, uint32_t index,
                            uint32_t alignment, bool noalias);

/* The frame of a kernel (runtime/execution/kernel.h). Between begin and end the builder is in a
 * function that computes the tiles first, ..., last - 1, its operands as pointer parameters. */
typedef struct KernelFrame {
    const char *symbol;
    uint32_t operand_count;
    LLVMValueRef *operands; /* inputs, then outputs; 64-byte aligned */
    LLVMValueRef immediates, scratch, first, last;
} KernelFrame;

/* noalias[i]: operand i overlaps no other, whatever the plan does (see kernel_in_place). */
void emit_kernel_begin(Emitter *emitter, KernelFrame *frame, const char *symbol,
                       uint32_t operand_count, const bool *noalias);
void emit_kernel_end(Emitter *emitter, KernelFrame *frame);

#endif
