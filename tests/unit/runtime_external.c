/* Functions of shared libraries: what is missing or does not fit is said, and what is there is
 * called with what it takes, whatever the tiles. */
#include "runtime/execution/external.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { N = 3, D = 2, B = 5 };

/* blend of x[b, n, d] and s[b], or the same s for all. */
static PlanCallArgument blend_arguments[] = {
    {.operand = 0, .type = PLAN_F32, .elements = N * D, .strides = {N * D}},
    {.operand = 1, .type = PLAN_F32, .is_value = true, .elements = 1, .strides = {1}},
    {.operand = 2, .type = PLAN_F32, .elements = D * N, .strides = {D * N}},
};
static char library[] = TEST_LIBRARY, blend_name[] = "blend", file[] = "a.scan";
static char blend_signature[] = "blend(x: f32[n, d], s: f32) -> f32[d, n]";
static PlanCall blend = {.library = library,
                         .name = blend_name,
                         .symbol = blend_name,
                         .signature = blend_signature,
                         .place = {file, 3},
                         .extent_count = 2,
                         .carried_count = 1,
                         .argument_count = 3,
                         .extents = {N, D},
                         .carried = {B},
                         .arguments = blend_arguments};

Test(external, calls_with_extents_blocks_and_values) {
    ExternalError error;
    ExternalCall *call = external_call_open(&blend, NULL, &error);
    cr_assert(call, "%s", error.text);
    float x[B * N * D], s[B], y[B * D * N];
    for (int i = 0; i < B * N * D; i++)
        x[i] = (float)i;
    for (int i = 0; i < B; i++)
        s[i] = (float)(i + 2);
    char *operands[] = {(char *)x, (char *)s, (char *)y};
    for (int cut = 0; cut <= B; cut++) {
        memset(y, 0xff, sizeof y);
        external_call_run(call, operands, NULL, 0, cut);
        external_call_run(call, operands, NULL, cut, B);
        for (int b = 0; b < B; b++)
            for (int n = 0; n < N; n++)
                for (int d = 0; d < D; d++)
                    cr_assert_eq(y[(b * D + d) * N + n], s[b] * x[(b * N + n) * D + d] + (float)n);
    }
    external_call_close(call);
}

/* With the gradient of s in scratch, as nobody reads it; s is the same for all. */
Test(external, results_that_nobody_reads_go_to_scratch) {
    PlanCallArgument arguments[] = {
        blend_arguments[0],
        {.operand = 1, .type = PLAN_F32, .is_value = true, .elements = 1},
        {.operand = 2, .type = PLAN_F32, .elements = D * N, .strides = {D * N}},
        {.operand = 3, .type = PLAN_F32, .elements = N * D, .strides = {N * D}},
        {.operand = -1, .type = PLAN_F32, .elements = 1},
    };
    char symbol[] = "blend_grad";
    PlanCall gradient = blend;
    gradient.symbol = symbol;
    gradient.arguments = arguments;
    gradient.argument_count = 5;
    ExternalError error;
    ExternalCall *call = external_call_open(&gradient, NULL, &error);
    cr_assert(call, "%s", error.text);
    cr_assert_eq(plan_call_scratch_bytes(&gradient), 64);
    float x[B * N * D] = {0}, s = 3, dy[B * D * N], dx[B * N * D], scratch[16] = {7};
    for (int i = 0; i < B * D * N; i++)
        dy[i] = (float)i;
    char *operands[] = {(char *)x, (char *)&s, (char *)dy, (char *)dx};
    external_call_run(call, operands, (char *)scratch, 0, B);
    for (int b = 0; b < B; b++)
        for (int n = 0; n < N; n++)
            for (int d = 0; d < D; d++)
                cr_assert_eq(dx[(b * N + n) * D + d], s * dy[(b * D + d) * N + n]);
    cr_expect_eq(scratch[0], 0);
    external_call_close(call);
}

Test(external, integers_and_conditions) {
    PlanCallArgument arguments[] = {
        {.operand = 0, .type = PLAN_I32, .elements = 4},
        {.operand = 1, .type = PLAN_BOOL, .elements = 4},
        {.operand = 2, .type = PLAN_BOOL, .is_value = true, .elements = 1, .strides = {1}},
        {.operand = 3, .type = PLAN_I32, .is_value = true, .elements = 1},
        {.operand = 4, .type = PLAN_I32, .elements = 1, .strides = {1}},
    };
    char name[] = "pick", signature[] = "not checked, as it has none";
    PlanCall pick = {.library = library,
                     .name = name,
                     .symbol = name,
                     .signature = signature,
                     .extent_count = 1,
                     .carried_count = 1,
                     .argument_count = 5,
                     .extents = {4},
                     .carried = {2},
                     .arguments = arguments};
    ExternalError error;
    ExternalCall *call = external_call_open(&pick, NULL, &error);
    cr_assert(call, "%s", error.text);
    int32_t x[] = {-5, 1, 2, 3}, least = -1, counts[2];
    char where[] = {1, 0, 1, 0}, all[] = {0, 1};
    char *operands[] = {(char *)x, where, all, (char *)&least, (char *)counts};
    external_call_run(call, operands, NULL, 0, 2);
    cr_expect_eq(counts[0], 1);
    cr_expect_eq(counts[1], 3);
    external_call_close(call);
}

/* --- what is wrong --- */

static void expect_fault(const PlanCall *call, const char *folder, ExternalFault fault,
                         const char *text, const char *hint) {
    ExternalError error = {0};
    cr_assert_null(external_call_open(call, folder, &error));
    cr_expect_eq(error.fault, fault);
    cr_expect_eq(error.call, call);
    cr_expect(strstr(error.text, text), "%s", error.text);
    cr_expect(strstr(error.hint, hint), "%s", error.hint);
}

Test(external, a_library_that_is_nowhere) {
    char absent[] = "/nowhere/libabsent.so", relative[] = "ops/libabsent.so",
         bare[] = "libabsent.so";
    PlanCall call = blend;
    call.library = absent;
    expect_fault(&call, NULL, EXTERNAL_LIBRARY, "the library of blend cannot be opened",
                 "not there: /nowhere/libabsent.so; the loader's search");
    expect_fault(&call, "/beside", EXTERNAL_LIBRARY, "libabsent.so",
                 "/nowhere/libabsent.so, /beside/libabsent.so; ");
    call.library = relative;
    expect_fault(&call, "/beside", EXTERNAL_LIBRARY, "libabsent.so",
                 "/beside/ops/libabsent.so, /beside/libabsent.so; ");
    call.library = bare;
    expect_fault(&call, NULL, EXTERNAL_LIBRARY, "libabsent.so", "LD_LIBRARY_PATH");
    char folder_alone[] = "/nowhere/"; /* its last name is empty, which is this program to dlopen */
    call.library = folder_alone;
    expect_fault(&call, NULL, EXTERNAL_LIBRARY, "cannot be opened", "");
}

Test(external, a_file_that_is_no_library) {
    char path[] = "/tmp/scanline-external-XXXXXX";
    int opened = mkstemp(path);
    cr_assert_geq(opened, 0);
    cr_assert_eq(write(opened, "not ELF", 7), 7);
    close(opened);
    PlanCall call = blend;
    call.library = path;
    expect_fault(&call, NULL, EXTERNAL_LIBRARY, path,
                 ""); /* and what else has its name is not it */
    unlink(path);
}

Test(external, a_function_that_is_not_there) {
    char symbol[] = "blend_gradient";
    PlanCall call = blend;
    call.symbol = symbol;
    expect_fault(&call, NULL, EXTERNAL_SYMBOL, "has no function blend_gradient", "extern \"C\"");
}

Test(external, a_library_that_was_built_for_another_signature) {
    char name[] = "answer", signature[] = "answer() -> f32";
    PlanCall call = blend;
    call.name = call.symbol = name;
    call.signature = signature;
    call.extent_count = call.carried_count = 0;
    call.argument_count = 1;
    expect_fault(&call, NULL, EXTERNAL_SIGNATURE,
                 "was built for answer(x: f32) -> f32, and is declared as answer() -> f32",
                 "--extern-header");
}

/* --- of plans --- */

Test(external, a_plan_names_each_library_once) {
    char path[sizeof library], name[64];
    memcpy(path, library, sizeof library);
    *strrchr(path, '/') = '\0';
    snprintf(name, sizeof name, "%s", strrchr(library, '/') + 1);
    PlanCall beside = blend;
    beside.library = name; /* found in the folder */
    PlanKernel kernels[] = {{.call = &blend}, {0}, {.call = &beside}};
    const Plan plan = {.kernel_count = 3, .kernels = kernels};
    ExternalError error;
    Externals *externals = externals_open(&plan, path, &error);
    cr_assert(externals, "%s", error.text);
    uint32_t count;
    const ExternalLibrary *libraries = externals_libraries(externals, &count);
    char hash[HASH_SIZE];
    FileError file_error;
    cr_assert(hash_file(library, hash, &file_error));
    cr_assert_eq(count, 1);
    cr_expect_str_eq(libraries[0].name, name);
    cr_expect_str_eq(libraries[0].hash, hash);
    cr_expect(externals_call(externals, 0) && externals_call(externals, 2));
    cr_expect(plan_has_calls(&plan));
    externals_close(externals);
    cr_assert_null(externals_open(&plan, NULL, &error));
    cr_expect_eq(error.call, &beside);
}
