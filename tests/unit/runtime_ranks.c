/* Several ranks: who is whose part, what they tell each other, the sum of gradients as the tree
 * over chunks has it, trainings of the same bits, and what happens when they lose each other. */
#include "runtime/ranks/collective.h"
#include "runtime/ranks/halving.h"
#include "runtime/training/rank_sum.h"
#include "runtime/training/trainer.h"
#include "runtime/training/tree_block.h"
#include "tests/unit/fake_ranks.h"
#include "tests/unit/runtime_model.h"

#include <criterion/criterion.h>
#include <math.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_CHUNKS = 16 };

static const int sizes[] = {1, 2, 4, 8};
enum { SIZE_COUNT = sizeof sizes / sizeof *sizes };

/* --- parts --- */

Test(halving, gives_each_its_own_and_everything_to_someone) {
    for (int levels = 0; levels <= 3; levels++)
        for (int64_t count = 0; count <= 40; count++) {
            int owners[40] = {0};
            for (int rank = 0; rank < 1 << levels; rank++) {
                const HalvingPart part = halving_part(rank, levels, count);
                for (int64_t i = part.first; i < part.last; i++)
                    owners[i]++;
                for (int level = 0; level < levels; level++) {
                    const HalvingPart before = halving_part(rank, level, count);
                    const HalvingPart own = halving_part(rank, level + 1, count);
                    const int partner = halving_partner(rank, level);
                    const HalvingPart other = halving_part(partner, level + 1, count);
                    cr_assert_eq(own.last - own.first + other.last - other.first,
                                 before.last - before.first);
                }
            }
            for (int64_t i = 0; i < count; i++)
                cr_assert_eq(owners[i], 1);
        }
}

static void fits(Ranks *ranks, int rank, void *user) {
    (void)rank;
    const int size = *(const int *)user;
    for (int64_t chunks = 1; chunks <= MOST_CHUNKS; chunks++) {
        RunError error = {0};
        const bool powers = (size & (size - 1)) == 0 && (chunks & (chunks - 1)) == 0;
        cr_assert_eq(ranks_fit(ranks, chunks, &error), size == 1 || (powers && size <= chunks));
        cr_assert(!*error.text || strstr(error.text, "train.chunks"), "%s", error.text);
    }
    free(ranks);
}

Test(ranks, share_chunks_by_powers_of_two) {
    for (int size = 1; size <= FAKE_MOST_RANKS; size++) {
        FakeRanks *fake = fake_ranks_create(size);
        fake_ranks_run(fake, fits, &size);
        fake_ranks_free(fake);
    }
}

/* --- what they tell each other --- */

static char value_at(int64_t i) { return (char)(i * 31 + i / 251); }

static void tell(Ranks *ranks, int rank, void *user) {
    (void)user;
    enum { BYTES = (4 << 20) + 1001, UNITS = 21, UNIT = 6, SHORT = UNITS * UNIT - 4 };
    char *bytes = calloc(1, BYTES), units[SHORT] = {0};
    for (int64_t i = 0; i < BYTES && rank == 0; i++)
        bytes[i] = value_at(i);
    cr_assert(ranks_broadcast(ranks, bytes, BYTES));
    int wrong = 0;
    for (int64_t i = 0; i < BYTES; i++)
        wrong += bytes[i] != value_at(i);
    cr_assert_eq(wrong, 0);
    const HalvingPart own = halving_part(rank, ranks_levels(ranks), UNITS);
    for (int64_t i = own.first * UNIT; i < own.last * UNIT && i < SHORT; i++)
        units[i] = value_at(i);
    cr_assert(ranks_gather(ranks, &(RanksArray){units, UNITS, UNIT, SHORT}));
    for (int64_t i = 0; i < SHORT; i++)
        cr_assert_eq(units[i], value_at(i));
    RanksVerdict verdict = {rank == ranks_count(ranks) - 1, rank == 0 ? 15 : 0};
    cr_assert(ranks_agree(ranks, &verdict));
    cr_assert(verdict.not_finite == 1 && verdict.signal == 15);
    free(bytes);
    free(ranks);
}

Test(ranks, have_what_one_or_all_had) {
    for (int i = 0; i < SIZE_COUNT; i++) {
        FakeRanks *fake = fake_ranks_create(sizes[i]);
        fake_ranks_run(fake, tell, NULL);
        fake_ranks_free(fake);
    }
}

/* --- meeting and parting --- */

static void meet(Ranks *ranks, int rank, void *user) {
    (void)user;
    RunError own = {0}, error = {0};
    const RanksFact same = {"spec", "dim n"}, other = {"spec", rank == 2 ? "dim m" : "dim n"};
    cr_assert(ranks_meet(ranks, &own, &same, 1, &error));
    if (rank == 1)
        run_fail(&own, EXIT_MACHINE, "no memory");
    /* Whoever fails says so in his last call; the others hear of it in whichever meeting. */
    if (rank == 1) {
        cr_assert_eq(ranks_end(ranks, &own), EXIT_DONE); /* that of rank 0 counts */
        return;
    }
    cr_assert_not(ranks_meet(ranks, &own, &other, 1, &error));
    cr_assert_eq(error.code, EXIT_MACHINE);
    cr_assert(strncmp(error.text, "rank 1 (", 8) == 0 && strstr(error.text, "): no memory"), "%s",
              error.text);
    cr_assert_eq(ranks_end(ranks, &error), rank == 0 ? EXIT_MACHINE : EXIT_DONE);
}

Test(ranks, hear_of_a_fault_before_they_begin) {
    FakeRanks *fake = fake_ranks_create(4);
    fake_ranks_run(fake, meet, NULL);
    cr_assert_eq(fake_ranks_aborted(fake), 0);
    fake_ranks_free(fake);
}

static void differ(Ranks *ranks, int rank, void *user) {
    (void)user;
    RunError own = {0}, error = {0};
    const RanksFact facts[] = {{"spec", "dim n"}, {"data set", rank == 3 ? "b" : "a"}};
    cr_assert_not(ranks_meet(ranks, &own, facts, 2, &error));
    cr_assert(error.code == EXIT_INPUT && strstr(error.text, "rank 3 (") &&
                  strstr(error.text, "another data set than rank 0"),
              "%s", error.text);
    cr_assert_not(ranks_fails_alone(ranks, error.code));
    ranks_end(ranks, &error);
}

Test(ranks, must_train_the_same) {
    FakeRanks *fake = fake_ranks_create(4);
    fake_ranks_run(fake, differ, NULL);
    cr_assert_eq(fake_ranks_aborted(fake), 0);
    fake_ranks_free(fake);
}

static void leave_alone(Ranks *ranks, int rank, void *user) {
    (void)user;
    RunError own = {0}, error = {0};
    cr_assert(ranks_meet(ranks, &own, NULL, 0, &error));
    ranks_come_together(ranks);
    if (rank == 1) {
        run_fail(&own, EXIT_MACHINE, "no memory");
        cr_assert(ranks_fails_alone(ranks, own.code));
    } else {
        ranks_part(ranks);
    }
    ranks_end(ranks, &own);
}

Test(ranks, are_ended_by_one_that_fails_later) {
    FakeRanks *fake = fake_ranks_create(2);
    fake_ranks_run(fake, leave_alone, NULL);
    cr_assert_eq(fake_ranks_aborted(fake), 1);
    fake_ranks_free(fake);
}

/* --- the sum --- */

enum { OUTPUTS = 40, STEPS = 30 };

/* `grad` as far as buckets look at it: outputs of many sizes, step i writes output (i * 7) %
 * OUTPUTS, and the rest are written by the last. */
typedef struct Grad {
    PlanFunction function;
    PlanBinding outputs[OUTPUTS];
    PlanBuffer buffers[OUTPUTS];
    PlanStep steps[STEPS];
    uint32_t operands[STEPS][OUTPUTS];
    int64_t offsets[OUTPUTS];
    int64_t floats;
    Buckets buckets;
} Grad;

static Grad *grad_create(void) {
    Grad *grad = calloc(1, sizeof *grad);
    for (uint32_t i = 0; i < OUTPUTS; i++) {
        grad->outputs[i].elements = i % 10 == 0 ? 90000 + i : 1 + 37 * i;
        grad->buffers[i] = (PlanBuffer){.storage = PLAN_OUTPUT, .binding = i};
        grad->offsets[i] = grad->floats * (int64_t)sizeof(float);
        grad->floats += (grad->outputs[i].elements + 15) / 16 * 16;
    }
    for (uint32_t i = 0; i < STEPS; i++) {
        grad->steps[i] = (PlanStep){.operand_count = 1, .operands = grad->operands[i]};
        grad->operands[i][0] = i * 7 % OUTPUTS;
    }
    for (uint32_t i = STEPS; i < OUTPUTS; i++)
        grad->operands[STEPS - 1][grad->steps[STEPS - 1].operand_count++] = i * 7 % OUTPUTS;
    grad->function = (PlanFunction){.output_count = OUTPUTS,
                                    .outputs = grad->outputs,
                                    .buffer_count = OUTPUTS,
                                    .buffers = grad->buffers,
                                    .step_count = STEPS,
                                    .steps = grad->steps};
    RunError error;
    cr_assert(buckets_create(&grad->buckets, &grad->function, NULL, grad->offsets, &error));
    return grad;
}

static void grad_free(Grad *grad) {
    buckets_free(&grad->buckets);
    free(grad);
}

/* Each float of an output is in one bucket, that is ready when its step was. */
Test(buckets, have_everything_once_and_in_order) {
    Grad *grad = grad_create();
    uint32_t *ready = calloc((size_t)grad->floats, sizeof *ready);
    int twice = 0, late = 0;
    cr_assert(grad->buckets.count > 4);
    for (int b = 0; b < grad->buckets.count; b++) {
        const Bucket *bucket = &grad->buckets.all[b];
        int64_t floats = 0;
        cr_assert(b == 0 || bucket->ready[0] >= bucket[-1].ready[0]);
        for (uint32_t p = 0; p < bucket->piece_count; p++) {
            const BucketPiece piece = grad->buckets.pieces[bucket->first_piece + p];
            for (int64_t i = piece.first; i < piece.first + piece.count; i++) {
                twice += ready[i] != 0;
                ready[i] = bucket->ready[0];
            }
            floats += piece.count;
        }
        cr_assert(floats == bucket->floats && floats <= grad->buckets.most_floats);
    }
    for (uint32_t step = 0; step < STEPS; step++)
        for (uint32_t k = 0; k < grad->steps[step].operand_count; k++) {
            const uint32_t output = grad->operands[step][k];
            const int64_t first = grad->offsets[output] / (int64_t)sizeof(float);
            for (int64_t i = 0; i < grad->outputs[output].elements; i++)
                late += ready[first + i] <= step;
        }
    cr_assert(twice == 0 && late == 0, "%d floats twice, %d too early", twice, late);
    free(ready);
    grad_free(grad);
}

/* The gradients of all chunks, and their sum by the tree. */
typedef struct Leaves {
    const Grad *grad;
    int chunks;
    float *floats[MOST_CHUNKS], *sum;
} Leaves;

static Leaves leaves_create(const Grad *grad, int chunks) {
    Leaves leaves = {.grad = grad, .chunks = chunks, .sum = calloc((size_t)grad->floats, 4)};
    static const float scales[] = {1e-3f, 1, 1e3f, 1e-1f, 1e2f, 1e-2f, 10};
    TreeNode nodes[MOST_CHUNKS];
    uint32_t draw = 1;
    for (int c = 0; c < chunks; c++) {
        leaves.floats[c] = calloc((size_t)grad->floats, sizeof(float));
        nodes[c] = (TreeNode){0, c, leaves.floats[c]};
        for (int64_t i = 0; i < grad->floats; i++) {
            draw = draw * 1664525U + 1013904223U;
            leaves.floats[c][i] = ((float)(draw >> 8) / (1 << 23) - 1) * scales[(draw >> 16) % 7];
        }
    }
    cr_assert(tree_block_sum(nodes, chunks, leaves.sum, 0, grad->floats));
    return leaves;
}

static void leaves_free(Leaves *leaves) {
    for (int c = 0; c < leaves->chunks; c++)
        free(leaves->floats[c]);
    free(leaves->sum);
}

/* One rank: its chunks are summed by the tree, as workers do. */
typedef struct Own {
    const Leaves *leaves;
    float *got;
    int first, last;
} Own;

static void take(void *user, const Bucket *bucket, float *sum) {
    const Own *own = user;
    for (uint32_t p = 0; p < bucket->piece_count; p++) {
        const BucketPiece piece = own->leaves->grad->buckets.pieces[bucket->first_piece + p];
        TreeNode nodes[MOST_CHUNKS];
        for (int c = own->first; c < own->last; c++)
            nodes[c - own->first] = (TreeNode){0, c, own->leaves->floats[c] + piece.first};
        tree_block_sum(nodes, own->last - own->first, sum, 0, piece.count);
        sum += piece.count;
    }
}

static void put(void *user, const Bucket *bucket, const float *sum) {
    const Own *own = user;
    for (uint32_t p = 0; p < bucket->piece_count; p++) {
        const BucketPiece piece = own->leaves->grad->buckets.pieces[bucket->first_piece + p];
        memcpy(own->got + piece.first, sum, (size_t)piece.count * sizeof *sum);
        sum += piece.count;
    }
}

enum { WORKERS = 2, ROUNDS = 2 };

static void sum_up(Ranks *ranks, int rank, void *user) {
    const Leaves *leaves = user;
    const Grad *grad = leaves->grad;
    const int own_chunks = leaves->chunks / ranks_count(ranks);
    Own own = {leaves, calloc((size_t)grad->floats, 4), rank * own_chunks, (rank + 1) * own_chunks};
    const RankSumPlaces places = {take, put, &own};
    RunError error;
    RankSum *sum = rank_sum_create(ranks, &grad->buckets, WORKERS, &places, &error);
    cr_assert(sum);
    for (int round = 0; round < ROUNDS; round++) {
        memset(own.got, 0xff, (size_t)grad->floats * sizeof *own.got);
        rank_sum_begin(sum);
        for (int i = 1; i <= grad->buckets.count; i++)
            for (int worker = 0; worker < WORKERS; worker++)
                rank_sum_pass(sum, worker, i);
        cr_assert(rank_sum_end(sum));
        for (uint32_t i = 0; i < OUTPUTS; i++) {
            const int64_t first = grad->offsets[i] / (int64_t)sizeof(float);
            cr_assert_arr_eq(own.got + first, leaves->sum + first,
                             (size_t)grad->outputs[i].elements * sizeof(float));
        }
    }
    rank_sum_free(sum);
    free(own.got);
    free(ranks);
}

Test(sum, is_that_of_the_tree_for_any_number_of_ranks, .timeout = 120) {
    Grad *grad = grad_create();
    for (int chunks = 2; chunks <= MOST_CHUNKS; chunks *= 2) {
        Leaves leaves = leaves_create(grad, chunks);
        for (int i = 1; i < SIZE_COUNT && sizes[i] <= chunks; i++) {
            FakeRanks *fake = fake_ranks_create(sizes[i]);
            fake_ranks_run(fake, sum_up, &leaves);
            fake_ranks_free(fake);
        }
        leaves_free(&leaves);
    }
    grad_free(grad);
}

/* --- trainings --- */

enum { TRAINED_STEPS = 20 };

typedef struct Result {
    float w[64], c, m[64], loss[TRAINED_STEPS];
    double validation, close;
} Result;

typedef struct Training {
    TestModel *model;
    DataSet *data;
    int threads;
    Result results[FAKE_MOST_RANKS];
} Training;

static Training training_create(int64_t chunks, int threads) {
    Training training = {.model = test_model_create(32, chunks, 40, 0.02), .threads = threads};
    DataError error;
    training.data = data_open(&training.model->experiment.data, &error);
    cr_assert(training.data, "%s", error.text);
    return training;
}

static void training_free(Training *training) {
    data_close(training->data);
    test_model_free(training->model);
}

static Trainer *begin(const Training *training, Ranks *ranks) {
    RunError error;
    Trainer *trainer = trainer_create_ranked(&training->model->program, training->data,
                                             training->threads, ranks, &error);
    cr_assert(trainer, "%s", error.text);
    cr_assert(trainer_init(trainer, &error), "%s", error.text);
    return trainer;
}

static void train(Ranks *ranks, int rank, void *user) {
    Training *training = user;
    Result *result = &training->results[rank];
    RunError error;
    Trainer *trainer = begin(training, ranks);
    for (int step = 1; step <= TRAINED_STEPS; step++)
        cr_assert(trainer_step(trainer, step, &result->loss[step - 1], &error), "%s", error.text);
    const Model *memory = trainer_model(trainer);
    memcpy(result->w, memory->parameters.values[0], sizeof result->w);
    memcpy(&result->c, memory->parameters.values[1], sizeof result->c);
    memcpy(result->m, memory->states.values[0], sizeof result->m);
    Evaluation evaluation;
    cr_assert(evaluation_run(trainer_evaluator(trainer), DATA_VALIDATION, &evaluation, &error));
    result->validation = evaluation.loss;
    result->close = evaluation.figures[1].value;
    trainer_free(trainer);
    free(ranks);
}

static Result train_by(int ranks, int64_t chunks, int threads) {
    Training training = training_create(chunks, threads);
    if (ranks == 1) {
        train(NULL, 0, &training);
    } else {
        FakeRanks *fake = fake_ranks_create(ranks);
        fake_ranks_run(fake, train, &training);
        fake_ranks_free(fake);
    }
    for (int rank = 1; rank < ranks; rank++)
        cr_assert_arr_eq(&training.results[0], &training.results[rank], sizeof(Result),
                         "rank %d of %d", rank, ranks);
    training_free(&training);
    return training.results[0];
}

Test(trainer, gives_the_same_bits_with_any_number_of_ranks, .timeout = 120) {
    for (int64_t chunks = 2; chunks <= MOST_CHUNKS; chunks *= 2) {
        const Result one = train_by(1, chunks, 1);
        cr_assert(one.loss[TRAINED_STEPS - 1] < one.loss[0]);
        for (int i = 1; i < SIZE_COUNT && sizes[i] <= chunks; i++)
            for (int threads = 1; threads <= (sizes[i] == 2 ? 3 : 1); threads += 2) {
                const Result more = train_by(sizes[i], chunks, threads);
                cr_assert_arr_eq(&one, &more, sizeof one, "%d chunks, %d ranks, %d threads",
                                 (int)chunks, sizes[i], threads);
            }
    }
}

static void diverge(Ranks *ranks, int rank, void *user) {
    const Training *training = user;
    Trainer *trainer = begin(training, ranks);
    RunError error = {0};
    float loss;
    trainer_model(trainer)->parameters.values[0][5] = NAN;
    cr_assert_not(trainer_step(trainer, 1, &loss, &error));
    cr_assert_eq(error.code, EXIT_DIVERGED);
    cr_assert(rank > 0 || strstr(error.text, "step 0: its update left NaN in w"), "%s", error.text);
    trainer_free(trainer);
    free(ranks);
}

Test(trainer, agrees_on_what_is_not_finite) {
    Training training = training_create(4, 1);
    FakeRanks *fake = fake_ranks_create(4);
    fake_ranks_run(fake, diverge, &training);
    fake_ranks_free(fake);
    training_free(&training);
}

/* --- losing each other --- */

typedef struct Losing {
    Training training;
    FakeRanks *fake;
    bool breaks; /* or else the other ranks fall silent */
    int done;    /* ranks that have taken their steps */
} Losing;

static bool told(void) { return true; }

/* Three steps; then rank 0 alone tries a fourth, which leaves the model as it was. */
static void lose(Ranks *ranks, int rank, void *user) {
    Losing *losing = user;
    Trainer *trainer = begin(&losing->training, ranks);
    RunError error = {0};
    float loss, w[64];
    for (int step = 1; step <= 3; step++)
        cr_assert(trainer_step(trainer, step, &loss, &error), "%s", error.text);
    __atomic_add_fetch(&losing->done, 1, __ATOMIC_SEQ_CST);
    while (__atomic_load_n(&losing->done, __ATOMIC_SEQ_CST) < ranks_count(ranks))
        sched_yield();
    if (rank == 0) {
        memcpy(w, trainer_model(trainer)->parameters.values[0], sizeof w);
        if (losing->breaks)
            fake_ranks_break(losing->fake);
        else
            ranks_listen(ranks, told);
        cr_assert_not(trainer_step(trainer, 4, &loss, &error));
        cr_assert_eq(error.code, EXIT_MACHINE);
        cr_assert(ranks_lost(ranks));
        cr_assert(strstr(error.text, losing->breaks ? "the fake is broken" : "told to end"), "%s",
                  error.text);
        cr_assert_arr_eq(w, trainer_model(trainer)->parameters.values[0], sizeof w);
        Evaluation evaluation; /* it is left with all images */
        cr_assert(evaluation_run(trainer_evaluator(trainer), DATA_VALIDATION, &evaluation, &error));
        cr_assert(isfinite(evaluation.loss));
    }
    trainer_free(trainer);
    free(ranks);
}

Test(trainer, is_left_with_whole_steps_when_ranks_are_lost) {
    for (int breaks = 0; breaks < 2; breaks++) {
        Losing losing = {training_create(4, 2), fake_ranks_create(2), breaks, 0};
        fake_ranks_run(losing.fake, lose, &losing);
        fake_ranks_free(losing.fake);
        training_free(&losing.training);
    }
}
