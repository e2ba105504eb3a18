/* Named targets are a table. "native" is the host's CPU name with the host's own feature set, since
 * a virtual machine may hide some of what the name promises; widths then come from the features. */
#include "passes/emit/target.h"

#include "runtime/execution/cpu.h"

#include <llvm-c/Core.h>
#include <llvm-c/Target.h>
#include <llvm-c/TargetMachine.h>
#include <stdio.h>
#include <string.h>

typedef struct NamedTarget {
    const char *name;
    const char *architecture; /* how the triple starts */
    uint32_t vector_bytes, vector_registers;
    bool has_fma, has_bf16_dot;
    int64_t l1_bytes, l2_bytes;
    const char *more; /* what it has beyond the level of x86-64 that its vectors say, as
                         runtime/execution/cpu.def has it; NULL: that is not known */
} NamedTarget;

enum { KIB = 1024 };

#define ICE_LAKE                                                                                   \
    "avx512ifma avx512vbmi avx512vbmi2 avx512vnni avx512bitalg avx512vpopcntdq gfni vaes "         \
    "vpclmulqdq"

static const NamedTarget named_targets[] = {
    {"x86-64-v2", "x86_64", 16, 16, false, false, 32 * KIB, 256 * KIB, ""},
    {"x86-64-v3", "x86_64", 32, 16, true, false, 32 * KIB, 512 * KIB, ""},
    {"x86-64-v4", "x86_64", 64, 32, true, false, 32 * KIB, 1024 * KIB, ""},
    {"haswell", "x86_64", 32, 16, true, false, 32 * KIB, 256 * KIB, ""},
    {"skylake", "x86_64", 32, 16, true, false, 32 * KIB, 256 * KIB, ""},
    {"skylake-avx512", "x86_64", 64, 32, true, false, 32 * KIB, 1024 * KIB, ""},
    {"cascadelake", "x86_64", 64, 32, true, false, 32 * KIB, 1024 * KIB, "avx512vnni"},
    {"icelake-server", "x86_64", 64, 32, true, false, 48 * KIB, 1280 * KIB, ICE_LAKE},
    {"sapphirerapids", "x86_64", 64, 32, true, true, 48 * KIB, 2048 * KIB,
     ICE_LAKE " avx512bf16 avx512fp16 avxvnni amx-tile amx-bf16"},
    {"znver2", "x86_64", 32, 16, true, false, 32 * KIB, 512 * KIB, ""},
    {"znver3", "x86_64", 32, 16, true, false, 32 * KIB, 512 * KIB, "vaes vpclmulqdq"},
    {"znver4", "x86_64", 64, 32, true, true, 32 * KIB, 1024 * KIB, ICE_LAKE " avx512bf16"},
    {"znver5", "x86_64", 64, 32, true, true, 48 * KIB, 1024 * KIB,
     ICE_LAKE " avx512bf16 avx512vp2intersect avxvnni"},
    {"generic", "aarch64", 16, 32, true, false, 32 * KIB, 512 * KIB, ""},
    {"neoverse-n1", "aarch64", 16, 32, true, false, 64 * KIB, 1024 * KIB, NULL},
    {"neoverse-v1", "aarch64", 16, 32, true, false, 64 * KIB, 1024 * KIB, NULL},
};

enum { NAMED_TARGETS = sizeof named_targets / sizeof named_targets[0] };

static bool copy_text(char *to, size_t size, const char *from) {
    return snprintf(to, size, "%s", from) < (int)size;
}

/* Whether the comma-separated `features` enable `feature`: "+avx512f". */
static bool has_feature(const char *features, const char *feature) {
    size_t length = strlen(feature);
    for (const char *at = features; (at = strstr(at, feature)); at += length)
        if ((at == features || at[-1] == ',') && (at[length] == ',' || !at[length]))
            return true;
    return false;
}

static const NamedTarget *named_target(const char *name, const char *triple) {
    for (int i = 0; i < NAMED_TARGETS; i++) {
        const NamedTarget *named = &named_targets[i];
        if (!strcmp(named->name, name) &&
            !strncmp(named->architecture, triple, strlen(named->architecture)))
            return named;
    }
    return NULL;
}

static void target_assume(Target *target, const NamedTarget *named) {
    target->vector_bytes = named->vector_bytes;
    target->vector_registers = named->vector_registers;
    target->has_fma = named->has_fma;
    target->has_bf16_dot = named->has_bf16_dot;
    target->has_amx = named->more && strstr(named->more, "amx-bf16");
    target->l1_bytes = named->l1_bytes;
    target->l2_bytes = named->l2_bytes;
}

/* The target that stands for all with registers of that width. */
static const char *likeness_of(const Target *target) {
    if (strncmp(target->triple, "x86_64", 6) != 0)
        return "generic";
    return target->vector_bytes == 64   ? "x86-64-v4"
           : target->vector_bytes == 32 ? "x86-64-v3"
                                        : "x86-64-v2";
}

/* A name promises a width; a machine that hides some of it is like others of the width it has. */
static const Choices *choices_of(const Target *target, const ChoicesTable *table) {
    const NamedTarget *named = named_target(target->cpu, target->triple);
    const bool whole = !named || named->vector_bytes == target->vector_bytes;
    const Choices *own = whole ? choices_find(table, target->cpu) : NULL;
    return own ? own : choices_find(table, likeness_of(target));
}

bool target_choose(Target *target, const ChoicesTable *table, char *error, size_t size) {
    const Choices *choices = choices_of(target, table);
    if (!choices) {
        const char *like = likeness_of(target);
        snprintf(error, size, "the table of choices has no line for %s%s%s", target->name,
                 strcmp(like, target->name) != 0 ? " or " : "",
                 strcmp(like, target->name) != 0 ? like : "");
        return false;
    }
    target->choices = *choices;
    return true;
}

bool target_runs_on(const Target *made_for, const Target *host) {
    return strcmp(made_for->name, host->name) == 0 ||
           (made_for->vector_bytes <= host->vector_bytes && made_for->has_fma <= host->has_fma &&
            made_for->has_bf16_dot <= host->has_bf16_dot && made_for->has_amx <= host->has_amx);
}

/* Intel's cores begin one vdpbf16ps of a whole register in two cycles, and two multiply-adds in
 * each (measured on Sapphire Rapids); AMD's are faster by it (on Zen 5). */
bool target_bf16_dot_is_slow(const Target *target) {
    return target->has_bf16_dot && strncmp(target->cpu, "znver", 5) != 0;
}

static uint64_t amx_features(void) { return cpu_features_of("amx-tile amx-bf16"); }

/* Widths from the host's features; cache sizes by its name, or else by its width. */
static bool target_native(Target *target) {
    char *cpu = LLVMGetHostCPUName(), *features = LLVMGetHostCPUFeatures();
    bool fits = copy_text(target->name, sizeof target->name, cpu) &&
                copy_text(target->cpu, sizeof target->cpu, cpu) &&
                copy_text(target->features, sizeof target->features, features);
    LLVMDisposeMessage(cpu);
    LLVMDisposeMessage(features);
    if (!fits)
        return false;
    bool x86 = !strncmp(target->triple, "x86_64", 6);
    const char *has = target->features;
    bool avx512 = has_feature(has, "+avx512f") && has_feature(has, "+avx512vl") &&
                  has_feature(has, "+avx512bw") && has_feature(has, "+avx512dq");
    const char *likeness = !x86                        ? "generic"
                           : avx512                    ? "x86-64-v4"
                           : has_feature(has, "+avx2") ? "x86-64-v3"
                                                       : "x86-64-v2";
    const NamedTarget *like = named_target(likeness, target->triple);
    if (!like || (x86 && !has_feature(has, "+sse4.1")))
        return false;
    const NamedTarget *exact = named_target(target->cpu, target->triple);
    target_assume(target, exact ? exact : like);
    target->vector_bytes = like->vector_bytes;
    target->vector_registers = like->vector_registers;
    target->has_fma = !x86 || has_feature(has, "+fma");
    target->has_bf16_dot = avx512 && has_feature(has, "+avx512bf16");
    target->has_amx = target->has_bf16_dot && !(amx_features() & ~cpu_features());
    return true;
}

static void list_names(const char *triple, char *error, size_t size, const char *name) {
    int used = snprintf(error, size, "unknown target '%s'; known: native", name);
    for (int i = 0; i < NAMED_TARGETS && used >= 0 && (size_t)used < size; i++) {
        const NamedTarget *named = &named_targets[i];
        if (!strncmp(named->architecture, triple, strlen(named->architecture)))
            used += snprintf(error + used, size - (size_t)used, ", %s", named->name);
    }
}

bool target_find(const char *name, Target *target, char *error, size_t size) {
    *target = (Target){0};
    if (LLVMInitializeNativeTarget() || LLVMInitializeNativeAsmPrinter()) {
        snprintf(error, size, "this LLVM cannot make code for this machine");
        return false;
    }
    char *triple = LLVMGetDefaultTargetTriple();
    bool fits = copy_text(target->triple, sizeof target->triple, triple);
    LLVMDisposeMessage(triple);
    if (!name || !strcmp(name, "native")) {
        if (fits && target_native(target))
            return target_choose(target, NULL, error, size);
        snprintf(error, size, "no code can be made for this machine (%s)", target->triple);
        return false;
    }
    const NamedTarget *named = named_target(name, target->triple);
    if (!fits || !named) {
        list_names(target->triple, error, size, name);
        return false;
    }
    copy_text(target->name, sizeof target->name, name);
    copy_text(target->cpu, sizeof target->cpu, name);
    target_assume(target, named);
    return target_choose(target, NULL, error, size);
}

bool target_has_amx(const char *name) {
    Target target;
    char unknown[1024];
    return target_find(name, &target, unknown, sizeof unknown) && target.has_amx;
}

bool target_needs(const Target *target, char *names, size_t size) {
    const NamedTarget *named = named_target(target->cpu, target->triple);
    uint64_t needs = 0;
    *names = 0;
    if (strncmp(target->triple, "x86_64", 6) != 0)
        return named && named->more && !*target->features;
    if (*target->features) {
        char text[sizeof target->features];
        copy_text(text, sizeof text, target->features);
        for (char *rest = text, *feature; (feature = strsep(&rest, ","));)
            if (*feature == '+')
                needs |= cpu_features_of(feature + 1);
        if (!target->has_amx) /* the processor's, and the system does not allow them */
            needs &= ~amx_features();
    } else if (named && named->more) {
        const int level = target->vector_bytes == 64 ? 4 : target->vector_bytes == 32 ? 3 : 2;
        needs = cpu_features_of_level(level) | cpu_features_of(named->more);
    } else
        return false;
    cpu_names(needs, names, size);
    return true;
}
