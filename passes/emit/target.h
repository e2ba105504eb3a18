/* What code is made for: a CPU by LLVM's name, and the few facts that choices depend on. Nothing is
 * measured: a Target is a function of its name (and, for "native", of the host's feature set). */
#ifndef SCANLINE_PASSES_EMIT_TARGET_H
#define SCANLINE_PASSES_EMIT_TARGET_H

#include "passes/emit/choices.h"

typedef struct Target {
    char name[64];       /* what a plan records: "x86-64-v3", "znver4", ... */
    char triple[128];    /* LLVM's */
    char cpu[64];        /* LLVM's */
    char features[8192]; /* LLVM's; "" where the CPU's name says it all */

    uint32_t vector_bytes;     /* of the widest register */
    uint32_t vector_registers; /* of that width */
    bool has_fma;              /* where it lacks, emit_fma rounds twice */
    bool has_bf16_dot;         /* AVX512-BF16 */
    bool has_amx;              /* AMX-BF16 (amx.h) */

    /* Sizes that blocking assumes, in bytes; of a core. */
    int64_t l1_bytes, l2_bytes;

    Choices choices; /* of the table that ships, unless target_choose took others */
} Target;

/* NULL or "native" is this machine. On failure false, and the fault in words (at most `size`
 * bytes). */
bool target_find(const char *name, Target *target, char *error, size_t size);

/* Takes the target's line of a table: that of its name, or else that of its likeness. False, and
 * why, where the table has neither. */
bool target_choose(Target *target, const ChoicesTable *table, char *error, size_t size);

/* f32 elements in the widest register. */
static inline uint32_t target_lanes(const Target *target) { return target->vector_bytes / 4; }

/* Whether its product of bf16 is slower than the two multiply-adds that it stands for. */
bool target_bf16_dot_is_slow(const Target *target);

/* Whether the target of that name has tiles (amx.h); not where it is unknown, or a list of several.
 */
bool target_has_amx(const char *name);

/* Whether code for one runs where the other is the host, as far as the facts here tell. */
bool target_runs_on(const Target *made_for, const Target *host);

/* The features of the processor that code for a target may make use of (runtime/execution/cpu.def),
 * spaces between: what a program compiled ahead of time asks for when it starts. False: they are
 * not known, so that nobody could tell where it runs. */
bool target_needs(const Target *target, char *names, size_t size);

#endif
