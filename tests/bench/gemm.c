/* Speed of generated contractions beside OpenBLAS on one thread, by shape. For developers: run by
 * hand on a quiet machine.
 *
 *     bench_gemm [SECONDS per shape, default 0.2] */
#include "ir/build.h"
#include "kernel_harness.h"
#include "passes/emit/object.h"

#include <cblas.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* Provided by OpenBLAS alone. */
void openblas_set_num_threads(int threads);

typedef struct Shape {
    const char *what;
    int64_t m, n, k;
    bool left_transposed, right_transposed; /* in memory: [k, m], [n, k] */
} Shape;

static const Shape shapes[] = {
    {"digits fc", 512, 256, 64, false, false},
    {"digits proj", 512, 64, 256, false, false},
    {"digits q", 512, 64, 64, false, false},
    {"digits head", 512, 17, 64, false, true},
    {"digits d_logits head", 512, 64, 17, false, false},
    {"digits dx fc", 512, 64, 256, false, true},
    {"digits dw fc", 64, 256, 512, true, false},
    {"digits dw q", 64, 64, 512, true, false},
    {"tiny fc", 512, 512, 128, false, false},
    {"tiny head", 512, 512, 128, false, true},
    {"tiny dw fc", 128, 512, 512, true, false},
    {"small fc", 512, 1024, 256, false, false},
    {"small proj", 512, 256, 1024, false, false},
    {"small dx fc", 512, 256, 1024, false, true},
    {"S fc", 1024, 2048, 512, false, false},
    {"S proj", 1024, 512, 2048, false, false},
    {"S dw fc", 512, 2048, 1024, true, false},
    {"square 96", 96, 96, 96, false, false},
    {"one row", 1, 2048, 512, false, false},
    {"four rows", 4, 2048, 512, false, false},
};

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

static Function *shape_body(Arena *arena, const Shape *shape) {
    Function *body = function_create(arena, "body");
    AxisId m = function_axis(body, "m", shape->m), n = function_axis(body, "n", shape->n);
    AxisId k = function_axis(body, "k", shape->k);
    AxisId left[] = {shape->left_transposed ? k : m, shape->left_transposed ? m : k};
    AxisId right[] = {shape->right_transposed ? n : k, shape->right_transposed ? k : n};
    AxisId result[] = {m, n};
    Axes a = axes_of(left, 2), b = axes_of(right, 2), sum = axes_of(&k, 1);
    Axes order = axes_of(result, 2);
    NodeId x = build_input(body, "x0", DTYPE_F32, &a), y = build_input(body, "x1", DTYPE_F32, &b);
    function_output(body, "y0", build_contract_as(body, x, y, &sum, &order), NULL);
    return body;
}

typedef struct Run {
    Harness *harness;
    const Shape *shape;
    KernelFunction code;
    char *scratch;
} Run;

static void run_generated(const Run *run) {
    char *operands[3];
    for (int i = 0; i < 3; i++)
        operands[i] = run->harness->operands[i].bytes;
    run->code(operands, NULL, run->scratch, 0, run->harness->shape.tiles);
}

static void run_blas(const Run *run) {
    const Shape *s = run->shape;
    cblas_sgemm(
        CblasRowMajor, s->left_transposed ? CblasTrans : CblasNoTrans,
        s->right_transposed ? CblasTrans : CblasNoTrans, (int)s->m, (int)s->n, (int)s->k, 1,
        (const float *)run->harness->operands[0].bytes, (int)(s->left_transposed ? s->m : s->k),
        (const float *)run->harness->operands[1].bytes, (int)(s->right_transposed ? s->k : s->n), 0,
        (float *)run->harness->operands[2].bytes, (int)s->n);
}

/* GFLOP/s of the best round. */
static double speed(const Run *run, void (*work)(const Run *), double seconds) {
    double flops = 2.0 * (double)run->shape->m * (double)run->shape->n * (double)run->shape->k;
    double best = 0, end = now() + seconds;
    int repeats = (int)(2e7 / flops) + 1;
    work(run);
    while (now() < end) {
        double start = now();
        for (int i = 0; i < repeats; i++)
            work(run);
        double rate = flops * repeats / (now() - start) * 1e-9;
        best = rate > best ? rate : best;
    }
    return best;
}

static bool bench_shape(const Shape *shape, double seconds) {
    Arena *arena = arena_create();
    if (!arena)
        return false;
    static Harness harness;
    double start = now();
    bool good = harness_open(&harness, shape_body(arena, shape), NULL, 1);
    double compiled = now() - start;
    good = good && harness_run(&harness, 0);
    if (good) {
        Run run = {&harness, shape, jit_kernels(harness.jit)[0],
                   aligned_alloc(64, (size_t)harness.shape.scratch_bytes + 64)};
        double ours = speed(&run, run_generated, seconds), blas = speed(&run, run_blas, seconds);
        printf("%-22s %5ld %5ld %5ld %s%s %8.1f %8.1f   %5.1f ms to compile, %ld tiles\n",
               shape->what, shape->m, shape->n, shape->k, shape->left_transposed ? "t" : " ",
               shape->right_transposed ? "t" : " ", ours, blas, compiled * 1e3,
               harness.shape.tiles);
        free(run.scratch);
    } else {
        fprintf(stderr, "%s: %s\n", shape->what, harness.error);
    }
    harness_close(&harness);
    arena_destroy(arena);
    return good;
}

int main(int count, char **arguments) {
    double seconds = count > 1 ? atof(arguments[1]) : 0.2;
    openblas_set_num_threads(1);
    printf("%-22s %5s %5s %5s    %8s %8s\n", "GFLOP/s", "m", "n", "k", "scanline", "OpenBLAS");
    bool good = true;
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++)
        good &= bench_shape(&shapes[i], seconds);
    return good ? 0 : 1;
}
