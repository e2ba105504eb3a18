/* Lines of the spec in objects: they are there, they are the spec's, and the code is the same. */
#include "passes/object_functions.h"
#include "passes/perf_map.h"
#include "tests/unit/compiled_training.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const CompiledSpec digits = {"models/digits.scan", "ar", 2, NULL, false};

/* Where any kernels do, as they are soon compiled. */
static const CompiledSpec mlp = {"tests/specs/mlp.scan", "classify", 2, NULL, true};

static Compiled compile(const CompiledSpec *spec, bool lines, Precision precision) {
    const CompileOptions options = {.accumulate = true, .lines = lines, .precision = precision};
    return compiled_open(spec, &options);
}

static void expect_same_section(const ObjectCode *plain, const ObjectCode *lined, const char *name,
                                bool must) {
    size_t plain_length = 0, lined_length = 0;
    const char *left = object_section(plain->bytes, plain->size, name, &plain_length);
    const char *right = object_section(lined->bytes, lined->size, name, &lined_length);
    cr_assert_eq(!left, !right, "one alone has %s", name);
    cr_assert(left || !must, "there is no %s", name);
    cr_assert_eq(plain_length, lined_length, "%s has %zu and %zu bytes", name, plain_length,
                 lined_length);
    cr_assert(!left || memcmp(left, right, plain_length) == 0, "%s differs", name);
}

static void expect_same_code(Precision precision) {
    Compiled plain = compile(&digits, false, precision), lined = compile(&digits, true, precision);
    const Plan *plan = plain.module->plan;
    cr_assert_eq(plan->kernel_count, lined.module->plan->kernel_count);
    for (uint32_t i = 0; i < plan->kernel_count; i++) {
        const ObjectCode *left = &plain.module->objects[i], *right = &lined.module->objects[i];
        size_t length;
        cr_assert_str_eq(plan->kernels[i].symbol, lined.module->plan->kernels[i].symbol);
        expect_same_section(left, right, ".text", true);
        expect_same_section(left, right, ".rodata.cst4", false);
        expect_same_section(left, right, ".rodata.cst32", false);
        expect_same_section(left, right, ".rodata.cst64", false);
        expect_same_section(left, right, ".rodata", false);
        cr_assert_null(object_section(left->bytes, left->size, ".debug_line", &length));
    }
    compiled_close(&plain);
    compiled_close(&lined);
}

Test(lines, do_not_change_the_code) { expect_same_code(PRECISION_FP32); }

#ifndef __SANITIZE_ADDRESS__ /* the same C, and twice LLVM */
Test(lines, do_not_change_the_code_of_bf16) { expect_same_code(PRECISION_BF16_EMULATED); }
#endif

/* A kernel of the spec has a table of lines, and in it the file that it is from. */
Test(lines, are_those_of_the_spec) {
    Compiled lined = compile(&mlp, true, PRECISION_FP32);
    const PlanFunction *update = plan_function(lined.module->plan, "update");
    const ObjectCode *object = &lined.module->objects[update->steps[0].kernel];
    size_t length = 0;
    const char *table = object_section(object->bytes, object->size, ".debug_line", &length);
    cr_assert(table);
    cr_expect(memmem(table, length, "mlp.scan", strlen("mlp.scan")));
    compiled_close(&lined);
}

/* --- the map --- */

static void map_path(char path[64]) { snprintf(path, 64, "/tmp/perf-%ld.map", (long)getpid()); }

static uint32_t lines_of_map(void) {
    char path[64];
    uint32_t lines = 0;
    map_path(path);
    FILE *file = fopen(path, "r");
    cr_assert(file);
    for (int c = fgetc(file); c != EOF; c = fgetc(file))
        lines += c == '\n';
    fclose(file);
    return lines;
}

static void add(const Compiled *compiled) {
    char reason[256];
    cr_assert(perf_map_add(compiled->module, jit_kernels(compiled->jit), reason, sizeof reason),
              "%s", reason);
}

/* A process that compiles several programs names all of them; what an earlier one left goes. */
Test(lines, a_map_grows_with_its_process) {
    Compiled compiled = compile(&mlp, true, PRECISION_FP32);
    char path[64];
    map_path(path);
    add(&compiled);
    const uint32_t once = lines_of_map();
    cr_assert_geq(once, 2 * compiled.module->plan->kernel_count);
    add(&compiled);
    cr_expect_eq(lines_of_map(), 2 * once);
    const struct timespec old[] = {{.tv_sec = 1000}, {.tv_sec = 1000}};
    cr_assert_eq(utimensat(AT_FDCWD, path, old, 0), 0);
    add(&compiled);
    cr_expect_eq(lines_of_map(), once);
    unlink(path);
    compiled_close(&compiled);
}

/* --- reading objects --- */

static bool count(void *user, const ObjectFunction *function) {
    cr_assert(memchr(function->name, 0, 1024));
    ++*(uint32_t *)user;
    return true;
}

/* Cut anywhere, and with any byte of its head another: it is read within its bounds or refused. */
Test(lines, broken_objects_are_refused) {
    Compiled plain = compile(&mlp, false, PRECISION_FP32);
    const ObjectCode *object = &plain.module->objects[0];
    uint32_t functions = 0;
    cr_assert(object_functions(object->bytes, object->size, count, &functions));
    cr_expect_geq(functions, 2, "the kernel and its tiles");
    char *copy = malloc(object->size);
    cr_assert(copy);
    for (size_t size = 0; size < object->size; size += 7) {
        char *part = malloc(size + 1); /* of that size, so that reading on is seen */
        memcpy(part, object->bytes, size);
        object_functions(part, size, count, &functions);
        free(part);
    }
    for (size_t at = 0; at < object->size; at++) {
        memcpy(copy, object->bytes, object->size);
        copy[at] = (char)(copy[at] ^ 0xff);
        size_t length;
        object_functions(copy, object->size, count, &functions);
        object_section(copy, object->size, ".text", &length);
    }
    free(copy);
    cr_expect_not(object_functions("no object", 9, count, &functions));
    compiled_close(&plain);
}
