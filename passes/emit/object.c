/* One context, module and target machine a call. A kernel is vectors and blocked loops already,
 * so the optimiser's part is small: memory to registers, redundancies, rotation of loops and moving
 * of what does not change out of them. Unrolling and vectorising would only cost time. */
#include "passes/emit/object.h"

#include "passes/emit/emitter.h"
#include "passes/emit/kernel.h"
#include "passes/emit/machine.h"

#include <llvm-c/Analysis.h>
#include <llvm-c/Transforms/PassBuilder.h>

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

static bool fail(ObjectWork *work, const char *what, const char *message) {
    return machine_fail(work->error, work->error_size, what, message);
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

static bool make_module(ObjectWork *work, const Target *target) {
    work->context = LLVMContextCreate();
    work->module = LLVMModuleCreateWithNameInContext("scanline", work->context);
    work->machine = machine_open(target, work->module, work->error, work->error_size);
    return work->machine;
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
           machine_write(work->machine, work->module, options->text ? MACHINE_IR : MACHINE_OBJECT,
                         bytes, size, work->error, work->error_size);
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
