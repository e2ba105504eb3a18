/* What code for a target asks of a processor. */
#include "passes/emit/target.h"
#include "runtime/execution/cpu.h"

#include <criterion/criterion.h>

static uint64_t needs_of(const char *name) {
    Target target;
    char fault[512], names[1024];
    cr_assert(target_find(name, &target, fault, sizeof fault), "%s", fault);
    cr_assert(target_needs(&target, names, sizeof names));
    return cpu_features_of(names);
}

#ifdef __x86_64__
Test(target, this_machine_runs_its_own_code) {
    const uint64_t needs = needs_of("native");
    cr_assert_eq(needs & ~cpu_features(), 0);
    cr_assert_eq(needs, cpu_features(), "what it has is all made use of");
}

Test(target, levels_and_what_is_beyond_them) {
    cr_assert_eq(needs_of("x86-64-v2"), cpu_features_of_level(2));
    cr_assert_eq(needs_of("x86-64-v3"), cpu_features_of_level(3));
    cr_assert_eq(needs_of("haswell"), cpu_features_of_level(3));
    cr_assert_eq(needs_of("skylake-avx512"), cpu_features_of_level(4));
    cr_assert_eq(needs_of("znver4") & cpu_features_of("avx512bf16"), cpu_features_of("avx512bf16"));
    cr_assert_eq(needs_of("x86-64-v4") & cpu_features_of("avx512bf16"), 0);
}

/* By the target, not by the machine that compiles: the bits depend on it. */
Test(target, products_of_bf16_are_what_is_faster_there) {
    static const char *const names[] = {"znver4", "sapphirerapids", "icelake-server"};
    static const bool has[] = {true, true, false}, is_slow[] = {false, true, false};
    for (int i = 0; i < 3; i++) {
        Target target;
        char fault[512];
        cr_assert(target_find(names[i], &target, fault, sizeof fault), "%s", fault);
        cr_expect_eq(target.has_bf16_dot, has[i], "%s", names[i]);
        cr_expect_eq(target_bf16_dot_is_slow(&target), is_slow[i], "%s", names[i]);
    }
}

/* Whoever needs tiles says so, and runs nowhere else. */
Test(target, tiles) {
    const uint64_t tiles = cpu_features_of("amx-tile amx-bf16");
    static const char *const names[] = {"sapphirerapids", "znver5", "x86-64-v4"};
    Target targets[3];
    char fault[512];
    for (int i = 0; i < 3; i++) {
        cr_assert(target_find(names[i], &targets[i], fault, sizeof fault), "%s", fault);
        cr_expect_eq(targets[i].has_amx, i == 0, "%s", names[i]);
        cr_expect_eq(needs_of(names[i]) & tiles, i == 0 ? tiles : 0, "%s", names[i]);
    }
    cr_expect_not(target_runs_on(&targets[0], &targets[1]));
    cr_expect(target_runs_on(&targets[2], &targets[0]));
    cr_assert(target_find(NULL, &targets[1], fault, sizeof fault), "%s", fault);
    cr_expect_eq(targets[1].has_amx, (cpu_features() & tiles) == tiles);
}
#endif
