/* What a program compiled ahead of time carries: the texts of its spec, and for each target a plan
 * and the kernels. Made as data by passes/emit/carry.c, so its fields are pointers and 64-bit
 * numbers alone, in the order in which that writes them. */
#ifndef SCANLINE_RUNTIME_CARRIED_H
#define SCANLINE_RUNTIME_CARRIED_H

#include "runtime/execution/kernel.h"

#include <stdint.h>

/* A text of the spec, under the path by which the files that use it find it. */
typedef struct CarriedFile {
    const char *path, *text;
    uint64_t length;
} CarriedFile;

typedef struct CarriedTarget {
    const char *name;  /* "x86-64-v3", "znver5": as in its plan */
    const char *needs; /* features of the processor (runtime/execution/cpu.def), spaces between */
    const char *plan;  /* JSON (plan_read) */
    uint64_t plan_length;
    const KernelFunction *kernels; /* by kernel of the plan */
    uint64_t kernel_count;
} CarriedTarget;

typedef struct Carried {
    const char *version;     /* of scanline */
    const char *llvm;        /* that compiled the kernels */
    const char *fingerprint; /* of what was compiled (frontend/fingerprint.h) */
    const char *main;        /* the path of the spec's main file */
    const CarriedFile *files;
    uint64_t file_count;
    const char *const *directories; /* where `use` looks */
    uint64_t directory_count;
    const char *const *settings; /* "key=value" of the command line that compiled it */
    uint64_t setting_count;
    const CarriedTarget *targets;
    uint64_t target_count;
} Carried;

/* Linked in. */
extern const Carried scanline_carried;

#endif
