/* Features of processors, and the choice among programs by them; no kernel is run. */
#include "runtime/execution/cpu.h"

#include <criterion/criterion.h>
#include <string.h>

Test(cpu, names_and_sets) {
    char names[200];
    cpu_names(cpu_features_of("fma avx2 nonsense sse3 avx"), names, sizeof names);
    cr_assert_str_eq(names, "sse3 avx fma avx2");
    cpu_names(cpu_features_of_level(4), names, 12);
    cr_assert_str_eq(names, "sse3 ssse3 ");
    cr_assert_eq(cpu_features_of(""), 0);
    cr_assert_neq(cpu_features_of("avx512bf16"), cpu_features_of("avx512bw"));
    cr_assert_eq(cpu_features_of("avx512"), 0, "no name is another's beginning");
}

Test(cpu, levels) {
    cr_assert_str_eq(cpu_level(0), "x86-64");
    cr_assert_str_eq(cpu_level(cpu_features_of_level(2)), "x86-64-v2");
    cr_assert_str_eq(cpu_level(cpu_features_of_level(3)), "x86-64-v3");
    cr_assert_str_eq(cpu_level(cpu_features_of_level(4) & ~cpu_features_of("bmi2")), "x86-64-v2");
    cr_assert_str_eq(cpu_level(cpu_features_of_level(4) | cpu_features_of("gfni")), "x86-64-v4");
}

Test(cpu, chooses_the_best_that_runs) {
    const uint64_t v2 = cpu_features_of_level(2), v3 = cpu_features_of_level(3),
                   v4 = cpu_features_of_level(4), bf16 = v4 | cpu_features_of("avx512bf16");
    const uint64_t needs[] = {v3, bf16, v4, v4};
    cr_assert_eq(cpu_choose(needs, 4, bf16), 1);
    cr_assert_eq(cpu_choose(needs, 4, v4), 2, "of equals the first");
    cr_assert_eq(cpu_choose(needs, 4, v3 | cpu_features_of("gfni avxvnni")), 0);
    cr_assert_eq(cpu_choose(needs, 4, v2), -1);
    cr_assert_eq(cpu_choose(needs, 4, v3 & ~cpu_features_of("fma")), -1);
    cr_assert_eq(cpu_choose(needs, 0, bf16), -1);
}

#ifdef __x86_64__
Test(cpu, this_machine_as_the_compiler_sees_it) {
    const uint64_t here = cpu_features();
    cr_assert_eq((here & cpu_features_of("sse4.2")) != 0, __builtin_cpu_supports("sse4.2") != 0);
    cr_assert_eq((here & cpu_features_of("avx2")) != 0, __builtin_cpu_supports("avx2") != 0);
    cr_assert_eq((here & cpu_features_of("fma")) != 0, __builtin_cpu_supports("fma") != 0);
    cr_assert_eq((here & cpu_features_of("avx512vl")) != 0,
                 __builtin_cpu_supports("avx512vl") != 0);
    cr_assert_eq((here & cpu_features_of("avx512bf16")) != 0,
                 __builtin_cpu_supports("avx512bf16") != 0);
    cr_assert_eq((here & cpu_features_of("gfni")) != 0, __builtin_cpu_supports("gfni") != 0);
}
#endif
