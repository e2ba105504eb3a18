/* Speed of generated contractions on one thread, beside OpenBLAS and the thread's peak: all that a
 * step of a rung needs, forward and both ways backward, and some others. For developers: run by
 * hand on a quiet machine.
 *
 *     bench_gemm [SECONDS per shape, default 0.2] [RUNG...]
 *
 * `times` is how often a step does it; the line under a rung is the time that all of it takes, one
 * after the other, as a rate. */
#include "ir/build.h"
#include "kernel_harness.h"
#include "passes/emit/object.h"
#include "runtime/execution/peak.h"
#include "tests/bench/rung.h"

#include <cblas.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* Provided by OpenBLAS alone. */
void openblas_set_num_threads(int threads);

typedef struct Shape {
    char what[32];
    int64_t m, n, k;
    bool left_transposed, right_transposed; /* in memory: [k, m], [n, k] */
    int64_t times;
} Shape;

/* What no rung's training has: odd sizes, and few rows as in sampling. */
static const Shape others[] = {
    {"square 96", 96, 96, 96, false, false, 1},
    {"square 1024", 1024, 1024, 1024, false, false, 1},
    {"one row", 1, 2048, 512, false, false, 1},
    {"four rows", 4, 2048, 512, false, false, 1},
};

/* What a step needs of one sort, and the seconds that it takes of each side. */
typedef struct Sum {
    double flops, ours, blas;
} Sum;

typedef struct Bench {
    double seconds, peak;
    Sum sum;
} Bench;

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

static bool bench_shape(Bench *bench, const Shape *shape) {
    Arena *arena = arena_create();
    Harness *harness = calloc(1, sizeof *harness);
    if (!arena || !harness || setjmp(*arena_boundary(arena))) {
        fprintf(stderr, "bench_gemm: out of memory\n");
        arena_destroy(arena);
        free(harness);
        return false;
    }
    bool good = harness_open(harness, shape_body(arena, shape), NULL, 1) && harness_run(harness, 0);
    if (good) {
        Run run = {harness, shape, jit_kernels(harness->jit)[0],
                   aligned_alloc(64, (size_t)harness->shape.scratch_bytes + 64)};
        double ours = speed(&run, run_generated, bench->seconds);
        double blas = speed(&run, run_blas, bench->seconds);
        double flops = 2e-9 * (double)shape->m * (double)shape->n * (double)shape->k;
        flops *= (double)shape->times;
        bench->sum.flops += flops;
        bench->sum.ours += flops / ours;
        bench->sum.blas += flops / blas;
        printf("%-22s %5ld %5ld %5ld %s%s %6ld %9.1f %8.1f %% %9.1f %8.1f %% %6ld\n", shape->what,
               shape->m, shape->n, shape->k, shape->left_transposed ? "t" : " ",
               shape->right_transposed ? "t" : " ", shape->times, ours, 100 * ours / bench->peak,
               blas, 100 * blas / bench->peak, harness->shape.tiles);
        free(run.scratch);
    } else {
        fprintf(stderr, "%s: %s\n", shape->what, harness->error);
    }
    harness_close(harness);
    free(harness);
    arena_destroy(arena);
    return good;
}

/* rows by `in` times a matrix [in, out], or [out, in] where it is transposed: forward, the gradient
 * of the rows, the gradient of the matrix. */
static bool bench_product(Bench *bench, const char *what, const int64_t extents[3], bool transposed,
                          int64_t times) {
    const int64_t rows = extents[0], in = extents[1], out = extents[2];
    Shape shapes[3] = {
        {"", rows, out, in, false, transposed, times},
        {"", rows, in, out, false, !transposed, times},
        {"", transposed ? out : in, transposed ? in : out, rows, true, false, times}};
    static const char *const ways[] = {"", " dx", " dw"};
    bool good = true;
    for (int i = 0; i < 3; i++) {
        snprintf(shapes[i].what, sizeof shapes[i].what, "%s%s", what, ways[i]);
        good &= bench_shape(bench, &shapes[i]);
    }
    return good;
}

static bool bench_rung(Bench *bench, const char *name) {
    Rung rung;
    char error[512];
    if (!rung_read(name, &rung, error, sizeof error)) {
        fprintf(stderr, "bench_gemm: %s\n", error);
        return false;
    }
    const int64_t rows = rung.n * rung.batch / rung.chunks, d = rung.d;
    const int64_t times = rung.layers * rung.chunks;
    printf("%s: chunks of %ld rows, %ld of them a step\n", name, rows, rung.chunks);
    bench->sum = (Sum){0};
    bool good =
        bench_product(bench, "  q k v, out", (const int64_t[]){rows, d, d}, false, 4 * times);
    good &= bench_product(bench, "  fc", (const int64_t[]){rows, d, 4 * d}, false, times);
    good &= bench_product(bench, "  proj", (const int64_t[]){rows, 4 * d, d}, false, times);
    good &= bench_product(bench, "  head", (const int64_t[]){rows, d, rung.v}, true, rung.chunks);
    const Sum *sum = &bench->sum;
    double ours = sum->flops / sum->ours, blas = sum->flops / sum->blas;
    printf("%-22s %26s %9.1f %8.1f %% %9.1f %8.1f %%\n", "  all of a step", "", ours,
           100 * ours / bench->peak, blas, 100 * blas / bench->peak);
    return good;
}

int main(int count, char **arguments) {
    static const char *const all[] = {"digits", "tiny", "small", "S"};
    Bench bench = {.seconds = count > 1 ? atof(arguments[1]) : 0.2, .peak = peak_fma(1) * 1e-9};
    openblas_set_num_threads(1);
    printf("one thread's peak: %.1f GFLOP/s of f32 fused multiply-adds\n", bench.peak);
    printf("%-22s %5s %5s %5s %9s %9s %10s %9s %10s %6s\n", "GFLOP/s", "m", "n", "k", "times",
           "scanline", "of peak", "OpenBLAS", "of peak", "tiles");
    bool good = true;
    for (int i = 2; i < count; i++)
        good &= bench_rung(&bench, arguments[i]);
    for (size_t i = 0; i < sizeof all / sizeof *all && count <= 2; i++)
        good &= bench_rung(&bench, all[i]);
    for (size_t i = 0; i < sizeof others / sizeof *others && count <= 2; i++)
        good &= bench_shape(&bench, &others[i]);
    return good ? 0 : 1;
}
