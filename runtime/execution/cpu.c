#include "runtime/execution/cpu.h"

#include <stdio.h>
#include <string.h>

/* Which registers the system must save: bits of XCR0. */
enum { STATE_NONE = 0, STATE_AVX = 0x06, STATE_AVX512 = 0xe6, STATE_AMX = 0x60000 };

typedef struct Feature {
    const char *name;
    int level;
} Feature;

static const Feature features[] = {
#define CPU_FEATURE(name, level, state, leaf, subleaf, where, bit) {name, level},
#include "runtime/execution/cpu.def"
#undef CPU_FEATURE
};

enum { FEATURES = sizeof features / sizeof *features };

_Static_assert(FEATURES <= 64, "a set of features is 64 bits");

/* --- this machine --- */

#ifdef __x86_64__
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Linux saves tiles, 8 KiB a thread, for processes alone that have asked for them (since 5.16). Who
 * asks learns whether they may be used, and may use them from then on, in all threads. */
static bool may_use_amx(void) {
    enum { ARCH_REQ_XCOMP_PERM = 0x1023, TILE_DATA = 18 };
    return syscall(SYS_arch_prctl, ARCH_REQ_XCOMP_PERM, TILE_DATA) == 0;
}

/* XCR0; 0 where the system does not use xsave. */
static uint32_t saved_state(void) {
    uint32_t eax, ebx, ecx, edx, high;
    if (!__get_cpuid(1, &eax, &ebx, &ecx, &edx) || !(ecx & bit_OSXSAVE))
        return 0;
    __asm__("xgetbv" : "=a"(eax), "=d"(high) : "c"(0));
    return eax;
}

uint64_t cpu_features(void) {
    const uint32_t saved = saved_state();
    uint64_t found = 0;
    int place = 0;
#define CPU_FEATURE(name, level, state, leaf, subleaf, where, bit)                                 \
    {                                                                                              \
        uint32_t eax = 0, ebx = 0, ecx = 0, edx = 0;                                               \
        const bool known = __get_cpuid_count(leaf, subleaf, &eax, &ebx, &ecx, &edx);               \
        (void)eax, (void)ebx, (void)ecx, (void)edx;                                                \
        if (known && (where >> (bit)&1) && (saved & (state)) == (state))                           \
            found |= (uint64_t)1 << place;                                                         \
        place++;                                                                                   \
    }
#include "runtime/execution/cpu.def"
#undef CPU_FEATURE
    const uint64_t tiles = cpu_features_of("amx-tile amx-bf16");
    if (found & tiles && !may_use_amx())
        found &= ~tiles;
    return found;
}
#else
uint64_t cpu_features(void) { return 0; }
#endif

/* --- sets of features --- */

uint64_t cpu_features_of(const char *names) {
    uint64_t set = 0;
    for (const char *at = names; *at;) {
        const size_t length = strcspn(at, " ");
        for (int i = 0; i < FEATURES; i++)
            if (strlen(features[i].name) == length && strncmp(features[i].name, at, length) == 0)
                set |= (uint64_t)1 << i;
        at += length + (at[length] == ' ');
    }
    return set;
}

uint64_t cpu_features_of_level(int level) {
    uint64_t set = 0;
    for (int i = 0; i < FEATURES; i++)
        if (features[i].level && features[i].level <= level)
            set |= (uint64_t)1 << i;
    return set;
}

void cpu_names(uint64_t set, char *names, size_t size) {
    size_t used = 0;
    if (size)
        *names = 0;
    for (int i = 0; i < FEATURES; i++)
        if (set >> i & 1 && used < size) {
            const int written =
                snprintf(names + used, size - used, "%s%s", used ? " " : "", features[i].name);
            used += written > 0 ? (size_t)written : 0;
        }
}

const char *cpu_level(uint64_t set) {
    static const char *const names[] = {"x86-64", "x86-64-v2", "x86-64-v3", "x86-64-v4"};
    int level = 1;
    while (level < 4 && !(cpu_features_of_level(level + 1) & ~set))
        level++;
    return names[level - 1];
}

int64_t cpu_choose(const uint64_t *needs, size_t count, uint64_t here) {
    int64_t best = -1;
    for (size_t i = 0; i < count; i++)
        if (!(needs[i] & ~here) &&
            (best < 0 || __builtin_popcountll(needs[i]) > __builtin_popcountll(needs[best])))
            best = (int64_t)i;
    return best;
}
