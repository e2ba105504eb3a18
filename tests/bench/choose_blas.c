/* OpenBLAS gets the product alone, on matrices of the same sizes: what is fused to ours, which it
 * would take another pass for, is in our time and not in its. */
#include "tests/bench/choose_blas.h"

#include "passes/emit/contract_shape.h"

#include <cblas.h>
#include <stdio.h>
#include <stdlib.h>

/* Provided by OpenBLAS alone. */
void openblas_set_num_threads(int threads);
char *openblas_get_config(void);

static const double won_by = 1.02; /* less is a draw */

typedef struct Product {
    int64_t batches, rows, columns, depth;
    bool left_transposed, right_transposed; /* in memory: [depth, rows], [columns, depth] */
    const float *left, *right;
    float *result;
} Product;

static void run_blas(const void *user) {
    const Product *p = user;
    for (int64_t i = 0; i < p->batches; i++)
        cblas_sgemm(CblasRowMajor, p->left_transposed ? CblasTrans : CblasNoTrans,
                    p->right_transposed ? CblasTrans : CblasNoTrans, (int)p->rows, (int)p->columns,
                    (int)p->depth, 1, p->left + i * p->rows * p->depth,
                    (int)(p->left_transposed ? p->rows : p->depth),
                    p->right + i * p->depth * p->columns,
                    (int)(p->right_transposed ? p->depth : p->columns), 0,
                    p->result + i * p->rows * p->columns, (int)p->columns);
}

static const float *operand(const Harness *harness, NodeId input) {
    const uint32_t number = kernel_input_number(harness->body, input);
    return (const float *)(const void *)harness->operands[number].bytes;
}

/* Whether the depth is what a side's neighbours in memory differ in. */
static bool depth_inside(const ContractShape *shape, NodeId side) {
    const Axes *axes = &graph_node(shape->body, side)->axes;
    return axes_has(&shape->depth_axes, axes->at[axes->count - 1]);
}

static Product product_of(const ContractShape *shape, const Harness *harness) {
    return (Product){.batches = shape->batches,
                     .rows = shape->rows,
                     .columns = shape->columns,
                     .depth = shape->depth,
                     .left_transposed = !depth_inside(shape, shape->left),
                     .right_transposed = depth_inside(shape, shape->right),
                     .left = operand(harness, shape->left),
                     .right = operand(harness, shape->right)};
}

void blas_print_names(void) {
    openblas_set_num_threads(1);
    printf("\n%s\n%-12s %7s %7s %7s %7s %6s %9s %9s\n", openblas_get_config(), "GFLOP/s", "batches",
           "rows", "columns", "depth", "times", "scanline", "OpenBLAS");
}

static void count_in(BlasSum *sum, double times, double ours, double blas) {
    sum->shapes++;
    sum->seconds += times * ours;
    if (blas * won_by >= ours)
        return;
    sum->won++;
    sum->won_seconds += times * ours;
    sum->saved += times * (ours - blas);
}

void blas_compare(const char *group, const BenchKernel *kernel, const Target *target,
                  const Harness *harness, Racer ours, double seconds, BlasSum *sum) {
    ContractShape shape;
    const Node *anchor = graph_node(kernel->body, kernel_anchor(kernel->body));
    if (anchor->op != OP_CONTRACT)
        return;
    contract_shape(kernel->body, target, &shape);
    if (shape.pairs)
        return;
    Product product = product_of(&shape, harness);
    product.result =
        calloc((size_t)(product.batches * product.rows * product.columns), sizeof(float));
    if (!product.result)
        return;
    Racer racers[] = {ours, {.work = run_blas, .user = &product}};
    race(racers, 2, seconds);
    free(product.result);
    const double flops = 2e-9 * (double)product.batches * (double)product.rows *
                         (double)product.columns * (double)product.depth;
    const bool won = racers[1].best * won_by < racers[0].best;
    printf("%-12s %7ld %7ld %7ld%s%6ld%s%6ld %9.1f %9.1f%s\n", group, product.batches, product.rows,
           product.columns, product.left_transposed ? " t" : "  ", product.depth,
           product.right_transposed ? " t" : "  ", kernel->times, flops / racers[0].best,
           flops / racers[1].best, won ? "  OpenBLAS" : "");
    count_in(sum, (double)kernel->times, racers[0].best, racers[1].best);
}

void blas_print_sum(const BlasSum *sum) {
    if (sum->shapes)
        printf("OpenBLAS would win on %u of %u shapes, which have %.1f %% of the time of f32's "
               "products; taking it there would save %.2f %% of that time\n",
               sum->won, sum->shapes, 100 * sum->won_seconds / sum->seconds,
               100 * sum->saved / sum->seconds);
}
