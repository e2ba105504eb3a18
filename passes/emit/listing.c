/* Each kernel is a module of its own; they are linked to one, in which what was internal to one of
 * them has a name of its own. */
#include "passes/emit/listing.h"

#include "passes/emit/machine.h"

#include <llvm-c/Core.h>
#include <llvm-c/IRReader.h>
#include <llvm-c/Linker.h>
#include <string.h>

static bool add_kernel(LLVMModuleRef whole, const char *text, char *error, size_t error_size) {
    LLVMContextRef context = LLVMGetModuleContext(whole);
    LLVMMemoryBufferRef buffer =
        LLVMCreateMemoryBufferWithMemoryRangeCopy(text, strlen(text), "kernel");
    LLVMModuleRef kernel;
    char *message = NULL;
    if (LLVMParseIRInContext(context, buffer, &kernel, &message)) { /* takes the buffer */
        machine_fail(error, error_size, "LLVM does not read its own IR", message);
        LLVMDisposeMessage(message);
        return false;
    }
    return !LLVMLinkModules2(whole, kernel) || /* takes the kernel */
           machine_fail(error, error_size, "LLVM does not link kernels", NULL);
}

bool listing_make(const Target *target, const char *const *kernels, size_t count, bool assembly,
                  char **text, size_t *size, char *error, size_t error_size) {
    LLVMContextRef context = LLVMContextCreate();
    LLVMModuleRef whole = LLVMModuleCreateWithNameInContext("scanline", context);
    LLVMTargetMachineRef machine = machine_open(target, whole, error, error_size);
    bool good = machine;
    for (size_t i = 0; good && i < count; i++)
        good = add_kernel(whole, kernels[i], error, error_size);
    good = good && machine_write(machine, whole, assembly ? MACHINE_ASSEMBLY : MACHINE_IR, text,
                                 size, error, error_size);
    if (machine)
        LLVMDisposeTargetMachine(machine);
    LLVMDisposeModule(whole);
    LLVMContextDispose(context);
    return good;
}
