/* From functions of the tensor IR to a plan and machine code: the pipeline.
 *
 *     each function:     the passes of passes/passes.def, then the plan
 *     each kernel body:  LLVM IR, an object in memory (or from the cache on disk), the JIT
 *
 * passes/README.md describes each pass, and how to add one. */
#ifndef SCANLINE_PASSES_COMPILE_H
#define SCANLINE_PASSES_COMPILE_H

#include "ir/graph.h"
#include "passes/emit/choices.h"
#include "passes/precision.h"
#include "runtime/execution/experiment.h"
#include "runtime/execution/kernel.h"
#include "runtime/execution/plan.h"

typedef struct CompileOptions {
    const char *target;        /* NULL or "native": this machine; else see passes/emit/target.h */
    const ChoicesTable *table; /* instead of what ships; NULL: that */
    Precision precision;
    const char *dump; /* name of the pass after which functions are printed to stderr; "all" */
    const char *stop_after; /* name of the last pass to run */
    const char *skip;       /* comma-separated names of passes to leave out */
    bool verify;            /* run the verifier after every pass */
    bool check;             /* compare values before and after every pass by the interpreter */
    bool text;              /* kernels as LLVM's IR, in the place of objects; not from the cache */
    int threads;            /* that compile kernels; 0: one */
    bool lines; /* kernels get debug information: lines of the spec, for perf and debuggers; they
                   are compiled anew then, as kernels in the cache may be of other specs */
    int64_t arena_bytes; /* the most that the arena of `grad` should take, and that of `grad_add` or
                            `step`; 0: as it comes */
    /* Instead of `grad` and `update` make `step`, which does both, where the update rule allows it:
     * for a batch of one chunk. */
    bool step;
    /* Beside `grad` make `grad_add`, which adds to the gradients that are there: for a batch of
     * several chunks. */
    bool accumulate;
    /* A sentence the user should hear of, with the places it is about (may be NULL). May be NULL.
     */
    void (*warn)(void *user, const SpanSet *spans, const char *text);
    void *user;
    struct FusionRecords *records; /* takes what fusion decides (passes/fusion_record.h); NULL:
                                      nobody asks */
} CompileOptions;

/* What an experiment asks of its compiler; all else is 0. */
CompileOptions compile_options_of(const Experiment *experiment);

typedef struct CompileError {
    char text[1024];
    bool input; /* what was asked for is at fault */
} CompileError;

typedef struct ObjectCode {
    char *bytes; /* a relocatable ELF file with one global symbol: the kernel's; or IR as text */
    size_t size;
} ObjectCode;

/* The plan lies in the arena of the module that it was made from. */
typedef struct CompiledModule {
    const Plan *plan;
    ObjectCode *objects; /* by kernel; none (bytes NULL) of those that are calls */
    uint32_t from_cache; /* how many of the kernels were found in the cache */
    bool lines;          /* the objects have debug information */
} CompiledModule;

/* Runs the passes over every function of a module; the new functions replace the old ones in a new
 * module. NULL and `error` on a fault (an unknown pass, or what --verify and --check-passes find).
 */
Module *compile_passes(const Module *module, const CompileOptions *options, CompileError *error);

/* The passes and the plan alone, without machine code: what `check` needs. In the module's arena.
 */
const Plan *compile_plan(const Module *module, const CompileOptions *options, CompileError *error);

/* The same, with the functions that were planned: step number i of one is its i-th kernel. Both lie
 * in the module's arena, and so do options->records. */
const Plan *compile_plan_of(const Module *module, const CompileOptions *options,
                            const Module **functions, CompileError *error);

/* All of it. NULL and `error` on failure. An allocation in the module's arena that fails jumps to
 * its boundary, after everything else was released. */
CompiledModule *compile_module(const Module *module, const CompileOptions *options,
                               CompileError *error);
void compile_free(CompiledModule *compiled);

/* LLVM's version, "19.1.7"; at most `size` bytes. */
void compile_llvm_version(char *text, size_t size);

/* Objects loaded into this process. */
typedef struct Jit Jit;

Jit *jit_load(const CompiledModule *compiled, CompileError *error);
const KernelFunction *jit_kernels(const Jit *jit); /* by kernel of the plan */
void jit_free(Jit *jit);

#endif
