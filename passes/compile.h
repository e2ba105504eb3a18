/* From functions of the tensor IR to a plan and machine code: the pipeline.
 *
 *     forward --derive--> grad, eval, features, sample
 *     each function: simplify, attention, autodiff, lower, simplify, layout, fuse, plan
 *     each distinct kernel body: emit LLVM IR --> one object in memory --> JIT (or a file)
 *
 * passes/README.md describes each pass, and how to add one.
 */
#ifndef SCANLINE_PASSES_COMPILE_H
#define SCANLINE_PASSES_COMPILE_H

#include "ir/graph.h"
#include "runtime/kernel.h"
#include "runtime/plan.h"

typedef struct CompileOptions {
    const char *target;     /* NULL or "native": this machine; else an LLVM CPU name */
    const char *dump;       /* name of the pass after which functions are printed to stderr; "all" */
    const char *stop_after; /* name of the last pass to run */
    const char *skip;       /* comma-separated names of passes to leave out */
    bool verify;            /* run the verifier after every pass */
    bool check;             /* compare the interpreter's values before and after every pass (small dims) */
} CompileOptions;

typedef struct CompileError {
    char text[1024];
} CompileError;

/* Everything in it belongs to the CompiledModule. */
typedef struct CompiledModule {
    Plan *plan;
    char *object; /* a relocatable ELF file holding every kernel of the plan */
    size_t object_size;
} CompiledModule;

/* A loaded object: kernels[i] is plan->kernels[i]. */
typedef struct Jit Jit;

/* NULL and `error` on failure. The module is not changed. */
CompiledModule *compile_module(const Module *module, const CompileOptions *options, CompileError *error);
/* The passes and the plan alone, no machine code: what `check` needs. Kernels have no code. */
CompiledModule *plan_module(const Module *module, const CompileOptions *options, CompileError *error);
void compiled_free(CompiledModule *compiled);

Jit *jit_load(const CompiledModule *compiled, CompileError *error);
const KernelFunction *jit_kernels(const Jit *jit);
void jit_free(Jit *jit);

#endif
