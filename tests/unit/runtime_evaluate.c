/* Evaluation by the vote of several masks. */
#include "runtime/study/evaluate.h"
#include "runtime/study/vote.h"
#include "tests/unit/command_model.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static int32_t cast(int32_t image, int32_t draw) {
    int32_t best = 0;
    for (int c = 1; c < K; c++)
        best = command_chance(image, draw, c) > command_chance(image, draw, best) ? c : best;
    return best;
}

/* How many of the draws are for each class; returns the most that one has. */
static int tally(int32_t image, int draws, int votes[K]) {
    int most = 0;
    memset(votes, 0, K * sizeof *votes);
    for (int32_t draw = 0; draw < draws; draw++)
        votes[cast(image, draw)]++;
    for (int c = 0; c < K; c++)
        most = votes[c] > most ? votes[c] : most;
    return most;
}

typedef struct Asked {
    Evaluation evaluation;
    int64_t confusion[K][K];
    double loss;
} Asked;

static Asked ask(const Plan *of, int threads, int64_t seed) {
    Experiment experiment = command_experiment();
    experiment.train.seed = seed;
    const Program program = {.experiment = &experiment, .plan = of, .kernels = command_kernels};
    DataError fault;
    RunError error = {0};
    DataSet *data = data_open(&experiment.data, &fault);
    _Alignas(64) float gain = 1;
    float *values[] = {&gain};
    const Model model = command_model_of(&experiment, values);
    Evaluator *evaluator = evaluation_create(&program, &model, NULL, threads, data, &error);
    cr_assert(evaluator, "%s", error.text);
    Asked asked;
    cr_assert(evaluation_run(evaluator, DATA_TRAIN, &asked.evaluation, &error));
    cr_assert_eq(asked.evaluation.classes, K);
    cr_assert_eq(asked.evaluation.figure_count, 2); /* the spec has no metric accuracy */
    cr_expect_str_eq(asked.evaluation.figures[1].name, "accuracy");
    cr_expect_eq(asked.evaluation.figures[1].value,
                 (double)asked.evaluation.correct / (double)asked.evaluation.count);
    memcpy(asked.confusion, asked.evaluation.confusion, sizeof asked.confusion);
    evaluation_free(evaluator);
    data_close(data);
    return asked;
}

/* What a vote of so many draws gives where no two classes have equally many; images whose vote is a
 * tie are left over. */
typedef struct ByHand {
    int64_t confusion[K][K], ties[K], count; /* ties by label */
    double loss;
} ByHand;

static ByHand count_by_hand(int draws) {
    const Experiment experiment = command_experiment();
    DataError fault;
    DataSet *data = data_open(&experiment.data, &fault);
    const DataImages *images = &data->splits[DATA_TRAIN];
    ByHand hand = {.count = images->count};
    for (int64_t i = 0; i < images->count; i++) {
        const int32_t image = images->images[i], label = data->labels[image];
        int votes[K], winners = 0, winner = 0;
        const int most = tally(image, draws, votes);
        for (int c = 0; c < K; c++)
            if (votes[c] == most) {
                winners++;
                winner = c;
            }
        if (winners == 1)
            hand.confusion[label][winner]++;
        else
            hand.ties[label]++;
        hand.loss += image;
    }
    hand.loss /= (double)images->count;
    data_close(data);
    return hand;
}

/* Also where the objective takes images of any kind. */
Test(evaluation, judges_images_that_have_a_label) {
    enum { WITHOUT = 30 };
    const Experiment experiment = command_experiment();
    const Program program = {
        .experiment = &experiment, .plan = &command_plan, .kernels = command_kernels};
    DataError fault;
    RunError error = {0};
    DataSet *data = data_open(&experiment.data, &fault);
    const DataImages *test = &data->splits[DATA_TEST];
    for (int i = 0; i < WITHOUT; i++)
        data->labels[test->images[i * 7]] = -1;
    _Alignas(64) float gain = 1;
    float *values[] = {&gain};
    const Model model = command_model_of(&experiment, values);
    Evaluator *evaluator = evaluation_create(&program, &model, NULL, 2, data, &error);
    Evaluation judged;
    cr_assert(evaluator && evaluation_run(evaluator, DATA_TEST, &judged, &error), "%s", error.text);
    int64_t seen = 0;
    for (int i = 0; i < K * K; i++)
        seen += judged.confusion[i];
    cr_expect_eq(judged.count, test->count);
    cr_expect_eq(judged.labelled, test->count - WITHOUT);
    cr_expect_eq(seen, judged.labelled);
    cr_expect_eq(evaluation_accuracy(&judged), (double)judged.correct / (double)judged.labelled);
    evaluation_free(evaluator);
    data_close(data);
}

Test(evaluation, is_the_majority_of_five_draws_where_there_are_draws) {
    const Asked asked = ask(&command_plan, 2, 5);
    const ByHand hand = count_by_hand(5);
    int64_t correct = 0, ties = 0;
    cr_expect_eq(asked.evaluation.draws, 5);
    cr_expect_eq(asked.evaluation.count, hand.count);
    cr_expect_eq(asked.evaluation.loss, hand.loss, "the loss is draw 0's");
    for (int label = 0; label < K; label++) {
        int64_t left = 0;
        for (int c = 0; c < K; c++) {
            cr_expect_geq(asked.confusion[label][c], hand.confusion[label][c]);
            left += asked.confusion[label][c] - hand.confusion[label][c];
        }
        cr_expect_eq(left, hand.ties[label], "label %d", label);
        correct += asked.confusion[label][label];
        ties += hand.ties[label];
    }
    cr_expect_eq(asked.evaluation.correct, correct);
    cr_expect_gt(ties, 100, "there is nothing to see without ties");
    cr_expect_lt(ties, hand.count / 2);
}

Test(evaluation, is_one_draw_where_there_is_none) {
    const Asked asked = ask(&command_steady_plan, 2, 5);
    const ByHand hand = count_by_hand(1);
    cr_expect_eq(asked.evaluation.draws, 1);
    cr_expect_arr_eq(asked.confusion, hand.confusion, sizeof hand.confusion);
    cr_expect_eq(asked.evaluation.loss, hand.loss);
}

Test(evaluation, depends_on_the_seed_and_not_on_the_threads) {
    const Asked two = ask(&command_plan, 2, 5), four = ask(&command_plan, 4, 5),
                other = ask(&command_plan, 2, 6);
    cr_expect_arr_eq(two.confusion, four.confusion, sizeof two.confusion);
    cr_expect_arr_neq(two.confusion, other.confusion, sizeof two.confusion, "ties are drawn");
}

Test(vote, ties_are_drawn_evenly_among_those_that_tie) {
    int taken[K] = {0};
    for (int32_t image = 0; image < 3000; image++) {
        const int32_t votes[] = {7, 2, 7, 2, 9}, spread[] = {4, 1, 3, 0, 2};
        const int32_t winner = vote_majority(votes, 5, 1, image);
        cr_assert(winner == 2 || winner == 7, "%d", winner);
        cr_assert_eq(winner, vote_majority((int32_t[]){9, 2, 2, 7, 7}, 5, 1, image));
        taken[winner]++;
        taken[vote_majority(spread, 5, 2, image)] += 10000;
    }
    cr_expect(abs(taken[2] % 10000 - 1500) < 150, "%d", taken[2] % 10000);
    for (int c = 0; c < 5; c++)
        cr_expect(abs(taken[c] / 10000 - 600) < 120, "class %d: %d", c, taken[c] / 10000);
    cr_expect_eq(vote_majority((int32_t[]){3, 5, 5, 5, 3}, 5, 1, 0), 5);
    cr_expect_eq(vote_cast((float[]){NAN, 1, 3, 3}, 4), 2);
}
