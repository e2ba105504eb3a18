/* Links the objects in memory with LLVM's ORC. Kernels call nothing but the few functions of C that
 * LLVM itself may turn a loop into. */
#include "passes/compile.h"
#include "passes/emit/target.h"

#include <llvm-c/Core.h>
#include <llvm-c/LLJIT.h>
#include <llvm-c/LLJITUtils.h>
#include <llvm-c/Orc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct Jit {
    LLVMOrcLLJITRef engine;
    KernelFunction *kernels;
};

/* Takes the error; true when there was one. */
static bool jit_failed(LLVMErrorRef fault, CompileError *error) {
    if (!fault)
        return false;
    char *message = LLVMGetErrorMessage(fault);
    snprintf(error->text, sizeof error->text, "the JIT failed: %s", message);
    LLVMDisposeErrorMessage(message);
    return true;
}

static bool out_of_memory(CompileError *error) {
    snprintf(error->text, sizeof error->text, "no memory for the compiled code");
    return false;
}

/* A plan of another machine's file must not be run where its instructions do not exist. */
static bool runs_here(const char *name, CompileError *error) {
    Target host, made_for;
    if (!target_find(NULL, &host, error->text, sizeof error->text))
        return false;
    if (!strcmp(name, host.name))
        return true;
    if (!target_find(name, &made_for, error->text, sizeof error->text))
        return false;
    if (target_runs_on(&made_for, &host))
        return true;
    snprintf(error->text, sizeof error->text, "the code was made for %s; this machine is %s", name,
             host.name);
    return false;
}

static bool define_library(Jit *jit, CompileError *error) {
    static const char *const names[] = {"memset", "memcpy", "memmove"};
    void *const functions[] = {(void *)memset, (void *)memcpy, (void *)memmove};
    LLVMOrcCSymbolMapPair symbols[3];
    for (int i = 0; i < 3; i++)
        symbols[i] = (LLVMOrcCSymbolMapPair){
            LLVMOrcLLJITMangleAndIntern(jit->engine, names[i]),
            {(LLVMOrcExecutorAddress)(uintptr_t)functions[i],
             {LLVMJITSymbolGenericFlagsExported | LLVMJITSymbolGenericFlagsCallable, 0}}};
    LLVMOrcMaterializationUnitRef unit = LLVMOrcAbsoluteSymbols(symbols, 3);
    LLVMOrcJITDylibRef library = LLVMOrcLLJITGetMainJITDylib(jit->engine);
    LLVMErrorRef fault = LLVMOrcJITDylibDefine(library, unit);
    if (!fault)
        return true;
    LLVMOrcDisposeMaterializationUnit(unit);
    return !jit_failed(fault, error);
}

static bool add_objects(Jit *jit, const CompiledModule *compiled, CompileError *error) {
    LLVMOrcJITDylibRef library = LLVMOrcLLJITGetMainJITDylib(jit->engine);
    for (uint32_t i = 0; i < compiled->plan->kernel_count; i++) {
        const ObjectCode *object = &compiled->objects[i];
        if (!object->bytes) /* a call: see runtime/execution/external.h */
            continue;
        LLVMMemoryBufferRef buffer = LLVMCreateMemoryBufferWithMemoryRangeCopy(
            object->bytes, object->size, compiled->plan->kernels[i].symbol);
        if (jit_failed(LLVMOrcLLJITAddObjectFile(jit->engine, library, buffer), error))
            return false;
    }
    return true;
}

static bool look_up(Jit *jit, const Plan *plan, CompileError *error) {
    for (uint32_t i = 0; i < plan->kernel_count; i++) {
        LLVMOrcExecutorAddress address = 0;
        if (!plan->kernels[i].call &&
            jit_failed(LLVMOrcLLJITLookup(jit->engine, &address, plan->kernels[i].symbol), error))
            return false;
        jit->kernels[i] = (KernelFunction)(uintptr_t)address;
    }
    return true;
}

/* Objects with lines are shown to gdb, by its JIT interface. */
static bool tell_debuggers(Jit *jit, CompileError *error) {
    return !jit_failed(LLVMOrcLLJITEnableDebugSupport(jit->engine), error);
}

static bool jit_open(Jit *jit, const CompiledModule *compiled, CompileError *error) {
    if (!runs_here(compiled->plan->target, error))
        return false;
    jit->kernels = calloc(compiled->plan->kernel_count + 1, sizeof *jit->kernels);
    if (!jit->kernels)
        return out_of_memory(error);
    return !jit_failed(LLVMOrcCreateLLJIT(&jit->engine, NULL), error) &&
           (!compiled->lines || tell_debuggers(jit, error)) && define_library(jit, error) &&
           add_objects(jit, compiled, error) && look_up(jit, compiled->plan, error);
}

Jit *jit_load(const CompiledModule *compiled, CompileError *error) {
    Jit *jit = calloc(1, sizeof *jit);
    if (!jit) {
        out_of_memory(error);
        return NULL;
    }
    if (jit_open(jit, compiled, error))
        return jit;
    jit_free(jit);
    return NULL;
}

const KernelFunction *jit_kernels(const Jit *jit) { return jit->kernels; }

void jit_free(Jit *jit) {
    if (!jit)
        return;
    if (jit->engine) {
        LLVMErrorRef fault = LLVMOrcDisposeLLJIT(jit->engine);
        if (fault)
            LLVMConsumeError(fault);
    }
    free(jit->kernels);
    free(jit);
}
