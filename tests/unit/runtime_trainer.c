/* Training steps: order of the images, the tree over chunks, the same bits from any number of
 * threads, memory as predicted, and what is said when it diverges. */
#include "runtime/data/shuffle.h"
#include "runtime/training/memory.h"
#include "runtime/training/trainer.h"
#include "runtime/training/tree_block.h"
#include "tests/unit/runtime_model.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- order --- */

Test(shuffle, is_a_permutation_of_each_epoch) {
    static const int64_t counts[] = {1, 2, 3, 4, 5, 16, 17, 100, 1257, 4097};
    for (size_t c = 0; c < sizeof counts / sizeof *counts; c++)
        for (int64_t epoch = 0; epoch < 3; epoch++) {
            bool *seen = calloc((size_t)counts[c], 1);
            for (int64_t i = 0; i < counts[c]; i++) {
                int64_t at = shuffle_at(7, epoch, counts[c], i);
                cr_assert(at >= 0 && at < counts[c] && !seen[at]);
                seen[at] = true;
            }
            free(seen);
        }
}

Test(shuffle, differs_between_epochs_and_seeds) {
    int same_epoch = 0, same_seed = 0, fixed = 0;
    for (int64_t i = 0; i < 1000; i++) {
        int64_t at = shuffle_at(1, 0, 1000, i);
        same_epoch += at == shuffle_at(1, 1, 1000, i);
        same_seed += at == shuffle_at(2, 0, 1000, i);
        fixed += at == i;
    }
    cr_assert(same_epoch < 10 && same_seed < 10 && fixed < 10, "%d %d %d", same_epoch, same_seed,
              fixed);
}

/* --- the tree --- */

/* The tree in words: the larger half is the largest power of two below n. */
static float tree_reference(const float *leaves, int64_t count) {
    if (count == 1)
        return leaves[0];
    int64_t half = 1;
    while (2 * half < count)
        half *= 2;
    return tree_reference(leaves, half) + tree_reference(leaves + half, count - half);
}

static void merge_all(TreeStack *stack) {
    while (tree_can_merge(stack)) {
        const TreeNode *top = &stack->nodes[stack->depth - 1];
        *top[-1].sum += *top->sum;
        tree_merge(stack);
    }
}

/* Puts a leaf on the stack, or adds it to the top where that can be. */
static void put_leaf(TreeStack *stack, int64_t leaf, float *sum, bool adds) {
    if (adds && tree_can_add(stack, leaf)) {
        *stack->nodes[stack->depth - 1].sum += *sum;
        tree_add(stack);
    } else {
        tree_push(stack, (TreeNode){0, leaf, sum});
    }
}

static float tree_by_workers(const float *leaves, int64_t count, int workers, bool adds) {
    float sums[64];
    memcpy(sums, leaves, (size_t)count * sizeof *sums);
    TreeStack whole = {0};
    for (int worker = 0; worker < workers; worker++) {
        TreeStack stack = {0};
        int64_t first = count * worker / workers, last = count * (worker + 1) / workers;
        int most = 0;
        for (int64_t leaf = first; leaf < last; leaf++) {
            put_leaf(&stack, leaf, &sums[leaf], adds);
            most = stack.depth > most ? stack.depth : most;
            merge_all(&stack);
        }
        cr_assert_eq(most, tree_depth(first, last, adds));
        for (int i = 0; i < stack.depth; i++) {
            tree_push(&whole, stack.nodes[i]);
            merge_all(&whole);
        }
    }
    for (; whole.depth > 1; whole.depth--)
        *whole.nodes[whole.depth - 2].sum += *whole.nodes[whole.depth - 1].sum;
    return *whole.nodes[0].sum;
}

Test(tree, is_the_same_whoever_computes_it) {
    float leaves[40];
    for (int i = 0; i < 40; i++)
        leaves[i] = sinf((float)i * 1.7f) * powf(10, (float)(i % 5));
    for (int64_t count = 1; count <= 40; count++)
        for (int workers = 1; workers <= 12; workers++)
            for (int adds = 0; adds < 2; adds++)
                cr_assert_eq(tree_by_workers(leaves, count, workers, adds),
                             tree_reference(leaves, count), "%d leaves, %d workers", (int)count,
                             workers);
    cr_assert_eq(tree_depth(0, 8, false), 4);
    cr_assert_eq(tree_depth(0, 4, false), 3);
    cr_assert_eq(tree_depth(0, 1, false), 1);
    cr_assert_eq(tree_depth(0, 8, true), 3);
    cr_assert_eq(tree_depth(0, 4, true), 2);
    cr_assert_eq(tree_depth(4, 8, true), 2);
}

/* What the workers hold, block by block. */
Test(tree, blocks_are_summed_as_the_rest_and_searched) {
    enum { FLOATS = 2500, LEAVES = 11 };
    static float leaves[LEAVES][FLOATS], sum[FLOATS];
    TreeNode nodes[LEAVES];
    for (int i = 0; i < LEAVES; i++) {
        nodes[i] = (TreeNode){0, i, leaves[i]};
        for (int j = 0; j < FLOATS; j++)
            leaves[i][j] = sinf((float)(i * FLOATS + j)) * powf(10, (float)(j % 5));
    }
    for (int count = 1; count <= LEAVES; count++) {
        cr_assert(tree_block_sum(nodes, count, sum, 0, 700));
        cr_assert(tree_block_sum(nodes, count, sum, 700, FLOATS));
        for (int j = 0; j < FLOATS; j++) {
            float column[LEAVES];
            for (int i = 0; i < LEAVES; i++)
                column[i] = leaves[i][j];
            cr_assert_eq(sum[j], tree_reference(column, count));
        }
        static const float faults[] = {NAN, INFINITY, -INFINITY};
        for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
            float kept = leaves[count - 1][2000];
            leaves[count - 1][2000] = faults[i];
            cr_assert_not(tree_block_sum(nodes, count, sum, 0, FLOATS));
            cr_assert(tree_block_sum(nodes, count, sum, 0, 2000));
            leaves[count - 1][2000] = kept;
        }
    }
}

/* --- steps --- */

typedef struct Result {
    float w[64], c, m[64], loss[40];
    double validation, close;
} Result;

static DataSet *digits(const TestModel *model) {
    DataError error;
    DataSet *data = data_open(&model->experiment.data, &error);
    cr_assert(data, "%s", error.text);
    return data;
}

static Result train(int64_t batch, int64_t chunks, int threads) {
    TestModel *model = test_model_create(batch, chunks, 40, 0.02);
    DataSet *data = digits(model);
    RunError error;
    Trainer *trainer = trainer_create(&model->program, data, threads, &error);
    cr_assert(trainer, "%s", error.text);
    cr_assert(trainer_init(trainer, &error), "%s", error.text);
    Result result = {0};
    for (int step = 1; step <= 40; step++)
        cr_assert(trainer_step(trainer, step, &result.loss[step - 1], &error), "%s", error.text);
    const Model *memory = trainer_model(trainer);
    memcpy(result.w, memory->parameters.values[0], sizeof result.w);
    memcpy(&result.c, memory->parameters.values[1], sizeof result.c);
    memcpy(result.m, memory->states.values[0], sizeof result.m);
    Evaluation evaluation;
    cr_assert(evaluation_run(trainer_evaluator(trainer), DATA_VALIDATION, &evaluation, &error));
    cr_assert_eq(evaluation.count, data->splits[DATA_VALIDATION].count);
    result.validation = evaluation.loss;
    result.close = evaluation.figures[1].value;
    trainer_free(trainer);
    data_close(data);
    test_model_free(model);
    return result;
}

Test(trainer, gives_the_same_bits_with_any_number_of_threads) {
    static const int64_t chunks[] = {1, 2, 3, 8};
    for (size_t i = 0; i < sizeof chunks / sizeof *chunks; i++) {
        Result one = train(24, chunks[i], 1);
        cr_assert(one.loss[39] < 0.3f * one.loss[0], "%g %g", one.loss[0], one.loss[39]);
        cr_assert(one.close > 0 && one.close < 1);
        for (int threads = 2; threads <= 9; threads++) {
            Result more = train(24, chunks[i], threads);
            cr_assert_arr_eq(&one, &more, sizeof one, "%d chunks, %d threads", (int)chunks[i],
                             threads);
        }
    }
}

Test(trainer, chunks_change_rounding_alone) {
    Result one = train(24, 1, 2), eight = train(24, 8, 2);
    for (int i = 0; i < 64; i++)
        cr_assert_float_eq(one.w[i], eight.w[i], 1e-5);
    cr_assert_float_eq(one.loss[39], eight.loss[39], 1e-5);
}

/* The first step by hand, in double. */
Test(trainer, takes_the_mean_over_the_batch) {
    TestModel *model = test_model_create(16, 4, 40, 0.02);
    DataSet *data = digits(model);
    RunError error;
    Trainer *trainer = trainer_create(&model->program, data, 2, &error);
    cr_assert(trainer_init(trainer, &error));
    const float *w = trainer_model(trainer)->parameters.values[0];
    double loss = 0, gradient[64] = {0}, start[64];
    for (int n = 0; n < 64; n++)
        start[n] = w[n];
    const DataImages *images = &data->splits[DATA_TRAIN];
    for (int i = 0; i < 16; i++) {
        int32_t tokens[64], label;
        data_batch(data, NULL, 0, &images->images[shuffle_at(3, 0, images->count, i)], 1, tokens,
                   &label);
        double p = 0;
        for (int n = 0; n < 64; n++)
            p += start[n] * tokens[n] / 16;
        loss += (p - label / 10.0) * (p - label / 10.0) / 16;
        for (int n = 0; n < 64; n++)
            gradient[n] += 2 * (p - label / 10.0) * tokens[n] / 16 / 16;
    }
    float got;
    cr_assert(trainer_step(trainer, 1, &got, &error));
    cr_assert_float_eq(got, loss, 1e-5);
    for (int n = 0; n < 64; n++)
        cr_assert_float_eq(w[n], start[n] - 0.02 * gradient[n], 1e-6);
    trainer_free(trainer);
    data_close(data);
    test_model_free(model);
}

/* --- memory --- */

static int64_t data_bytes(void) {
    FILE *stream = fopen("/proc/self/status", "r");
    char line[256];
    long long kilobytes = -1;
    while (stream && fgets(line, sizeof line, stream))
        if (sscanf(line, "VmData: %lld kB", &kilobytes) == 1)
            break;
    if (stream)
        fclose(stream);
    return kilobytes * 1024;
}

Test(memory, is_as_predicted) {
    for (int threads = 1; threads <= 3; threads++)
        for (int64_t chunks = 1; chunks <= 2; chunks++) {
            TestModel *model = test_model_create(16, chunks, 10, 0.1);
            const PlanFunction *grad = plan_function(model->plan, "grad");
            ((PlanFunction *)(uintptr_t)grad)->arena_bytes = INT64_C(256) << 20;
            DataSet *data = digits(model);
            RunError error;
            trainer_free(
                trainer_create(&model->program, data, threads, &error)); /* threads start */
            int64_t before = data_bytes();
            Trainer *trainer = trainer_create(&model->program, data, threads, &error);
            int64_t taken = data_bytes() - before;
            int64_t predicted = program_memory(&model->program, threads).peak;
            cr_assert(predicted >= (INT64_C(256) << 20));
            cr_assert(llabs(taken - predicted) < predicted / 100, "%lld, predicted %lld",
                      (long long)taken, (long long)predicted);
            trainer_free(trainer);
            data_close(data);
            test_model_free(model);
        }
}

/* --- divergence --- */

static void diverges(double rate, int poison, const char *text) {
    for (int threads = 1; threads <= 2; threads++) {
        TestModel *model = test_model_create(16, 4, 40, rate);
        DataSet *data = digits(model);
        RunError error = {0};
        Trainer *trainer = trainer_create(&model->program, data, threads, &error);
        cr_assert(trainer_init(trainer, &error));
        float *w = trainer_model(trainer)->parameters.values[0], loss;
        int step = 1;
        for (; step <= 40; step++) {
            if (step == poison)
                w[5] = NAN;
            if (!trainer_step(trainer, step, &loss, &error))
                break;
        }
        cr_assert(step < 40);
        cr_assert_eq(error.code, EXIT_DIVERGED);
        cr_assert(strstr(error.text, text), "%s", error.text);
        trainer_free(trainer);
        data_close(data);
        test_model_free(model);
    }
}

Test(diverged, names_the_step_and_the_kernel) {
    diverges(1e30, 0, "step 2: inf first in loss test.scan:3:1");
}

Test(diverged, names_the_update_of_a_parameter) {
    diverges(0.02, 7, "step 6: its update left NaN in w, in w test.scan:9:3");
}

Test(diverged, names_the_scalar) {
    diverges(INFINITY, 0, "step 1: the update rule's scalar $scalar.0");
}

/* --- programs that do not fit --- */

Test(trainer, refuses_what_does_not_fit) {
    RunError error;
    TestModel *model = test_model_create(16, 4, 40, 0.1);
    DataSet *data = digits(model);
    model->experiment.train.chunks = 5;
    cr_assert_null(trainer_create(&model->program, data, 1, &error));
    cr_assert(strstr(error.text, "divide"));
    model->experiment.train.chunks = 2;
    cr_assert_null(trainer_create(&model->program, data, 1, &error));
    cr_assert(strstr(error.text, "tokens"), "%s", error.text);
    model->experiment.train.chunks = 4;
    model->parameters[0].path = "v";
    cr_assert_null(trainer_create(&model->program, data, 1, &error));
    cr_assert(strstr(error.text, "names w"), "%s", error.text);
    data_close(data);
    test_model_free(model);
}
