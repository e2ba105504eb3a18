#include "passes/emit/machine.h"

#include <llvm-c/Core.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool machine_fail(char *error, size_t error_size, const char *what, const char *message) {
    snprintf(error, error_size, "%s: %s", what, message ? message : "unknown reason");
    return false;
}

LLVMTargetMachineRef machine_open(const Target *target, LLVMModuleRef module, char *error,
                                  size_t error_size) {
    LLVMTargetRef description;
    char *message = NULL;
    if (LLVMGetTargetFromTriple(target->triple, &description, &message)) {
        machine_fail(error, error_size, "LLVM does not know this machine", message);
        LLVMDisposeMessage(message);
        return NULL;
    }
    LLVMTargetMachineRef machine =
        LLVMCreateTargetMachine(description, target->triple, target->cpu, target->features,
                                LLVMCodeGenLevelDefault, LLVMRelocPIC, LLVMCodeModelSmall);
    if (!machine) {
        machine_fail(error, error_size, "LLVM makes no code for this machine", NULL);
        return NULL;
    }
    LLVMSetTarget(module, target->triple);
    LLVMTargetDataRef layout = LLVMCreateTargetDataLayout(machine);
    LLVMSetModuleDataLayout(module, layout);
    LLVMDisposeTargetData(layout);
    return machine;
}

/* Copies to memory that free() releases. */
static bool keep_bytes(const char *from, size_t length, char **bytes, size_t *size, char *error,
                       size_t error_size) {
    char *copy = malloc(length + 1);
    if (!copy)
        return machine_fail(error, error_size, "no memory", "object file");
    memcpy(copy, from, length);
    copy[length] = 0;
    *bytes = copy;
    *size = length;
    return true;
}

static bool write_ir(LLVMModuleRef module, char **bytes, size_t *size, char *error,
                     size_t error_size) {
    char *text = LLVMPrintModuleToString(module);
    bool kept = keep_bytes(text, strlen(text), bytes, size, error, error_size);
    LLVMDisposeMessage(text);
    return kept;
}

bool machine_write(LLVMTargetMachineRef machine, LLVMModuleRef module, MachineForm form,
                   char **bytes, size_t *size, char *error, size_t error_size) {
    if (form == MACHINE_IR)
        return write_ir(module, bytes, size, error, error_size);
    LLVMMemoryBufferRef buffer = NULL;
    char *message = NULL;
    const LLVMCodeGenFileType type = form == MACHINE_OBJECT ? LLVMObjectFile : LLVMAssemblyFile;
    if (LLVMTargetMachineEmitToMemoryBuffer(machine, module, type, &message, &buffer)) {
        machine_fail(error, error_size, "LLVM made no object", message);
        LLVMDisposeMessage(message);
        return false;
    }
    bool kept = keep_bytes(LLVMGetBufferStart(buffer), LLVMGetBufferSize(buffer), bytes, size,
                           error, error_size);
    LLVMDisposeMemoryBuffer(buffer);
    return kept;
}
