/* LLVM's description of a target, and what it makes of a module. */
#ifndef SCANLINE_PASSES_EMIT_MACHINE_H
#define SCANLINE_PASSES_EMIT_MACHINE_H

#include "passes/emit/target.h"

#include <llvm-c/TargetMachine.h>

/* For the target, whose triple and layout the module gets. The caller's to dispose of; NULL, and
 * the fault in words. */
LLVMTargetMachineRef machine_open(const Target *target, LLVMModuleRef module, char *error,
                                  size_t error_size);

typedef enum MachineForm {
    MACHINE_OBJECT,   /* a relocatable file */
    MACHINE_ASSEMBLY, /* as text */
    MACHINE_IR,       /* LLVM's, as text */
} MachineForm;

/* `bytes` is the caller's to free, and has a NUL behind it that `size` does not count. */
bool machine_write(LLVMTargetMachineRef machine, LLVMModuleRef module, MachineForm form,
                   char **bytes, size_t *size, char *error, size_t error_size);

/* "WHAT: MESSAGE". Always false. */
bool machine_fail(char *error, size_t error_size, const char *what, const char *message);

#endif
