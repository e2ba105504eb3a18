/* One context, module and target machine a call. A kernel is vectors and blocked loops already,
 * so the optimiser's part is small: memory to registers, redundancies, rotation of loops and moving
 * of what does not change out of them. Unrolling and vectorising would only cost time. */
#include "passes/emit/object.h"

#include "passes/emit/emitter.h"
#include "passes/emit/kernel.h"

#include <llvm-c/Analysis.h>
#include <llvm-c/TargetMachine.h>
#include <llvm-c/Transforms/PassBuilder.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char pipeline[] =
    "always-inline,"
    "function(sroa,early-cse,instcombine<no-verify-fixpoint>,simplifycfg,"
    "loop-mssa(loop-rotate,licm),early-cse<memssa>,gvn,instcombine<no-verify-fixpoint>,"
    "simplifycfg,adce),"
    "globaldce";

typedef struct ObjectWork {
    Arena *arena;
    LLVMContextRef context;
    LLVMModuleRef module;
    LLVMTargetMachineRef machine;
    Emitter emitter;
    char *error;
    size_t error_size;
} ObjectWork;

static bool fail(ObjectWork *work, const char *what, char *message) {
    snprintf(work->error, work->error_size, "%s: %s", what, message ? message : "unknown reason");
    return false;
}

static bool open_machine(ObjectWork *work, const Target *target) {
    LLVMTargetRef description;
    char *message = NULL;
    if (LLVMGetTargetFromTriple(target->triple, &description, &message)) {
        fail(work, "LLVM does not know this machine", message);
        LLVMDisposeMessage(message);
        return false;
    }
    work->machine =
        LLVMCreateTargetMachine(description, target->triple, target->cpu, target->features,
                                LLVMCodeGenLevelDefault, LLVMRelocPIC, LLVMCodeModelSmall);
    return work->machine || fail(work, "LLVM makes no code for this machine", NULL);
}

static bool verify(ObjectWork *work, const char *when) {
    char *message = NULL;
    bool broken = LLVMVerifyModule(work->module, LLVMReturnStatusAction, &message);
    if (broken)
        fail(work, when, message);
    LLVMDisposeMessage(message);
    return !broken;
}

static bool optimise(ObjectWork *work) {
    LLVMPassBuilderOptionsRef options = LLVMCreatePassBuilderOptions();
    LLVMErrorRef fault = LLVMRunPasses(work->module, pipeline, work->machine, options);
    LLVMDisposePassBuilderOptions(options);
    if (!fault)
        return true;
    char *message = LLVMGetErrorMessage(fault);
    fail(work, "LLVM's passes failed", message);
    LLVMDisposeErrorMessage(message);
    return false;
}

/* Copies to memory that free() releases. */
static bool keep_bytes(ObjectWork *work, const char *from, size_t length, char **bytes,
                       size_t *size) {
    char *copy = malloc(length + 1);
    if (!copy)
        return fail(work, "no memory", "object file");
    memcpy(copy, from, length);
    copy[length] = 0;
    *bytes = copy;
    *size = length;
    return true;
}

static bool write_text(ObjectWork *work, char **bytes, size_t *size) {
    char *text = LLVMPrintModuleToString(work->module);
    bool kept = keep_bytes(work, text, strlen(text), bytes, size);
    LLVMDisposeMessage(text);
    return kept;
}

static bool write_object(ObjectWork *work, char **bytes, size_t *size) {
    LLVMMemoryBufferRef buffer = NULL;
    char *message = NULL;
    if (LLVMTargetMachineEmitToMemoryBuffer(work->machine, work->module, LLVMObjectFile, &message,
                                            &buffer)) {
        fail(work, "LLVM made no object", message);
        LLVMDisposeMessage(message);
        return false;
    }
    bool kept =
        keep_bytes(work, LLVMGetBufferStart(buffer), LLVMGetBufferSize(buffer), bytes, size);
    LLVMDisposeMemoryBuffer(buffer);
    return kept;
}

static bool make_module(ObjectWork *work, const Target *target) {
    work->context = LLVMContextCreate();
    work->module = LLVMModuleCreateWithNameInContext("scanline", work->context);
    if (!open_machine(work, target))
        return false;
    LLVMSetTarget(work->module, target->triple);
    LLVMTargetDataRef layout = LLVMCreateTargetDataLayout(work->machine);
    LLVMSetModuleDataLayout(work->module, layout);
    LLVMDisposeTargetData(layout);
    return true;
}

static void close_work(ObjectWork *work) {
    emitter_close(&work->emitter);
    if (work->machine)
        LLVMDisposeTargetMachine(work->machine);
    if (work->module)
        LLVMDisposeModule(work->module);
    if (work->context)
        LLVMContextDispose(work->context);
    arena_destroy(work->arena);
}

/* In a function of its own, so that what longjmp finds of `work` is what was last written there. */
static bool emit_guarded(ObjectWork *work, const Target *target, const Function *body,
                         const char *symbol, const ObjectOptions *options, char **bytes,
                         size_t *size) {
    if (setjmp(*arena_boundary(work->arena)))
        return fail(work, "no memory", "compiling");
    if (!make_module(work, target))
        return false;
    emitter_open(&work->emitter, work->arena, target, work->module);
    if (options->lines)
        lines_open(&work->emitter, body);
    emit_kernel(&work->emitter, body, symbol);
    lines_close(&work->emitter);
    return (!options->verify || verify(work, "the emitted IR is not valid")) && optimise(work) &&
           (!options->verify || verify(work, "the optimised IR is not valid")) &&
           (options->text ? write_text(work, bytes, size) : write_object(work, bytes, size));
}

bool object_emit(const Target *target, const Function *body, const char *symbol,
                 const ObjectOptions *options, char **bytes, size_t *size, char *error,
                 size_t error_size) {
    ObjectWork work = {.arena = arena_create(), .error = error, .error_size = error_size};
    if (!work.arena)
        return fail(&work, "no memory", "compiling");
    bool good = emit_guarded(&work, target, body, symbol, options, bytes, size);
    close_work(&work);
    return good;
}
