/* The commands on a trained model, and running its functions over images: a model on the digits
 * whose kernels are plain C, so that what must come out is known.
 *
 *     features   tap.feature.0 [b, 1] = gain * (tokens[0] + image)
 *                tap.feature.1 [b, n] = gain * tokens
 *     decode     logits [b, v] = -gain * |v - the colour before|
 *     eval       loss [b] = image;  class [b, k] = chance(image, draw, k), or draw 0's of every
 * image where the plan has no draw */
#include "ir/philox.h"
#include "runtime/commands/complete.h"
#include "runtime/commands/data.h"
#include "runtime/commands/eval.h"
#include "runtime/commands/probe.h"
#include "runtime/commands/sample.h"
#include "runtime/model/inference.h"
#include "runtime/run/run_create.h"
#include "runtime/run/run_folder.h"
#include "runtime/study/evaluate.h"
#include "runtime/study/features.h"
#include "runtime/study/interval.h"
#include "runtime/study/vote.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { N = 64, V = 17, K = 10, CHUNK = 4 };

/* --- the model --- */

static void features_kernel(char *const *operands, const int64_t *immediates, char *scratch,
                            int64_t first, int64_t last) {
    (void)immediates, (void)scratch;
    const float gain = *(const float *)(const void *)operands[0];
    const int32_t *tokens = (const int32_t *)(const void *)operands[1];
    const int32_t *image = (const int32_t *)(const void *)operands[2];
    float *poor = (float *)(void *)operands[3], *rich = (float *)(void *)operands[4];
    for (int64_t i = first; i < last; i++) {
        poor[i] = gain * (float)(tokens[i * N] + image[i]);
        for (int p = 0; p < N; p++)
            rich[i * N + p] = gain * (float)tokens[i * N + p];
    }
}

static void decode_kernel(char *const *operands, const int64_t *immediates, char *scratch,
                          int64_t first, int64_t last) {
    (void)immediates, (void)scratch;
    const float gain = *(const float *)(const void *)operands[0];
    const int32_t *tokens = (const int32_t *)(const void *)operands[1];
    float *logits = (float *)(void *)operands[2];
    for (int64_t i = first; i < last; i++)
        for (int c = 0; c < V; c++)
            logits[i * V + c] = -gain * (float)abs(c - tokens[i]);
}

/* In [0, 1): what class c gets from a draw for an image. */
static float chance(int32_t image, int32_t draw, int c) {
    const PhiloxBlock counter = {{(uint32_t)image, (uint32_t)draw, (uint32_t)c, 0}};
    return (float)random_unit(philox4x32(counter, 1, 2).word[0]);
}

static void eval_kernel(char *const *operands, const int64_t *immediates, char *scratch,
                        int64_t first, int64_t last) {
    (void)immediates, (void)scratch;
    const int32_t *image = (const int32_t *)(const void *)operands[0];
    const int32_t draw = *(const int32_t *)(const void *)operands[1];
    float *loss = (float *)(void *)operands[2], *class = (float *)(void *)operands[3];
    for (int64_t i = first; i < last; i++) {
        loss[i] = (float)(image[i] + 10000 * draw);
        for (int c = 0; c < K; c++)
            class[i * K + c] = chance(image[i], draw, c);
    }
}

static void steady_kernel(char *const *operands, const int64_t *immediates, char *scratch,
                          int64_t first, int64_t last) {
    const int32_t draw = 0;
    char *const all[] = {operands[0], (char *)(uintptr_t)&draw, operands[1], operands[2]};
    eval_kernel(all, immediates, scratch, first, last);
}

static const KernelFunction code[] = {features_kernel, decode_kernel, eval_kernel, steady_kernel};
static char name_gain[] = "gain", name_tokens[] = "tokens", name_image[] = "$image",
            name_poor[] = "tap.feature.0", name_rich[] = "tap.feature.1", name_logits[] = "logits",
            name_features[] = "features", name_decode[] = "decode", name_strange[] = "strange",
            name_eval[] = "eval", name_draw[] = "$draw", name_loss[] = "loss",
            name_class[] = "class", origin[] = "here";

#define BOUND(NAME, TYPE, RANK, A, B, C, COUNT)                                                    \
    {                                                                                              \
        .name = NAME, .type = TYPE, .axis_count = RANK, .extents = {A, B, C}, .elements = COUNT,   \
        .donated = -1                                                                              \
    }

static PlanBinding features_inputs[] = {BOUND(name_gain, PLAN_F32, 1, 1, 0, 0, 1),
                                        BOUND(name_tokens, PLAN_I32, 2, CHUNK, N, 0, CHUNK *N),
                                        BOUND(name_image, PLAN_I32, 1, CHUNK, 0, 0, CHUNK)};
static PlanBinding features_outputs[] = {BOUND(name_poor, PLAN_F32, 2, CHUNK, 1, 0, CHUNK),
                                         BOUND(name_rich, PLAN_F32, 2, CHUNK, N, 0, CHUNK *N)};
static PlanBinding decode_inputs[] = {BOUND(name_gain, PLAN_F32, 1, 1, 0, 0, 1),
                                      BOUND(name_tokens, PLAN_I32, 1, CHUNK, 0, 0, CHUNK)};
static PlanBinding decode_outputs[] = {BOUND(name_logits, PLAN_F32, 2, CHUNK, V, 0, CHUNK *V)};
static PlanBinding strange_inputs[] = {BOUND(name_strange, PLAN_F32, 1, CHUNK, 0, 0, CHUNK)};
static PlanBinding eval_inputs[] = {BOUND(name_image, PLAN_I32, 1, CHUNK, 0, 0, CHUNK),
                                    BOUND(name_draw, PLAN_I32, 0, 0, 0, 0, 1)};
static PlanBinding eval_outputs[] = {BOUND(name_loss, PLAN_F32, 1, CHUNK, 0, 0, CHUNK),
                                     BOUND(name_class, PLAN_F32, 2, CHUNK, K, 0, CHUNK *K)};
static PlanBuffer eval_buffers[] = {{PLAN_INPUT, PLAN_I32, CHUNK, 0, 0},
                                    {PLAN_INPUT, PLAN_I32, 1, 0, 1},
                                    {PLAN_OUTPUT, PLAN_F32, CHUNK, 0, 0},
                                    {PLAN_OUTPUT, PLAN_F32, CHUNK *K, 0, 1}};
static PlanBuffer features_buffers[] = {{PLAN_INPUT, PLAN_F32, 1, 0, 0},
                                        {PLAN_INPUT, PLAN_I32, CHUNK *N, 0, 1},
                                        {PLAN_INPUT, PLAN_I32, CHUNK, 0, 2},
                                        {PLAN_OUTPUT, PLAN_F32, CHUNK, 0, 0},
                                        {PLAN_OUTPUT, PLAN_F32, CHUNK *N, 0, 1}};
static PlanBuffer decode_buffers[] = {{PLAN_INPUT, PLAN_F32, 1, 0, 0},
                                      {PLAN_INPUT, PLAN_I32, CHUNK, 0, 1},
                                      {PLAN_OUTPUT, PLAN_F32, CHUNK *V, 0, 0}};
static uint32_t all_operands[] = {0, 1, 2, 3, 4};
static uint32_t steady_operands[] = {0, 2, 3};
static PlanStep steps[] = {{0, 5, all_operands, 0, NULL, origin, 0, NULL, false},
                           {1, 3, all_operands, 0, NULL, origin, 0, NULL, false},
                           {2, 4, all_operands, 0, NULL, origin, 0, NULL, false},
                           {3, 3, steady_operands, 0, NULL, origin, 0, NULL, false}};
static PlanFunction functions[] = {
    {name_features, 3, 2, 5, 1, features_inputs, features_outputs, features_buffers, &steps[0], 0},
    {name_decode, 2, 1, 3, 1, decode_inputs, decode_outputs, decode_buffers, &steps[1], 0},
    {name_strange, 1, 1, 0, 0, strange_inputs, decode_outputs, NULL, NULL, 0},
    {name_eval, 2, 2, 4, 1, eval_inputs, eval_outputs, eval_buffers, &steps[2], 0}};
static PlanFunction steady_function = {name_eval,    1,         2, 4, 1, eval_inputs, eval_outputs,
                                       eval_buffers, &steps[3], 0};
static PlanKernel kernels[] = {{.tiles = CHUNK, .operand_count = 5},
                               {.tiles = CHUNK, .operand_count = 3},
                               {.tiles = CHUNK, .operand_count = 4},
                               {.tiles = CHUNK, .operand_count = 3}};
static const Plan plan = {
    .kernel_count = 4, .function_count = 4, .kernels = kernels, .functions = functions};
static const Plan steady_plan = {
    .kernel_count = 4, .function_count = 1, .kernels = kernels, .functions = &steady_function};

static Parameter parameters[] = {{.path = "gain", .axis_count = 1, .extents = {1}, .elements = 1}};
static DataInput inputs[] = {{.name = "tokens", .axis_count = 1, .extents = {N}, .limit = V}};
static TapSeries taps[] = {{"feature", 2}};

static const int64_t few_labels[] = {4, 10};

static Experiment experiment_make(void) {
    return (Experiment){.name = "digits",
                        .parameters = parameters,
                        .parameter_count = 1,
                        .inputs = inputs,
                        .input_count = 1,
                        .taps = taps,
                        .tap_count = 1,
                        .data = {.source = "digits", .validation = 0.1, .test = 0.2},
                        .train = {.objective = "ar", .batch = 2 * CHUNK, .chunks = 2, .seed = 5},
                        .spec = "",
                        .probe = {.features = "feature",
                                  .solver = "lbfgs",
                                  .labels = {few_labels, 2},
                                  .epochs = 2,
                                  .batch = 256,
                                  .memory = 1 << 30},
                        .autoregressive = true};
}

/* --- a run of it --- */

typedef struct Run {
    Experiment experiment;
    Program program;
    char root[64], *folder, *results;
    size_t size;
    Command command;
    RunError error;
} Run;

static void write_checkpoint(const Run *run, float gain) {
    DataError fault;
    DataSet *data = data_open(&run->experiment.data, &fault);
    cr_assert(data);
    CheckpointState state = {.step = 7};
    snprintf(state.data_hash, sizeof state.data_hash, "%s", data->hash);
    snprintf(state.split_hash, sizeof state.split_hash, "%s", data->split_hash);
    snprintf(state.whole_split_hash, sizeof state.whole_split_hash, "%s", data->whole_split_hash);
    float *const values[] = {&gain};
    FileError error;
    char *path = file_path(run->folder, "checkpoints/last.safetensors");
    cr_assert(checkpoint_write(path, &run->experiment, values, NULL, &state, &error), "%s",
              error.text);
    free(path);
    data_close(data);
}

static Run *run_make(void) {
    Run *run = calloc(1, sizeof *run);
    run->experiment = experiment_make();
    run->program = (Program){.experiment = &run->experiment, .plan = &plan, .kernels = code};
    strcpy(run->root, "/tmp/scanline-run-XXXXXX");
    cr_assert(mkdtemp(run->root));
    FileError error;
    run->folder = run_create(run->root, NULL, "test", NULL, NULL, &run->error);
    cr_assert(run->folder, "%s", run->error.text);
    json_t *record = json_object();
    cr_assert(run_record_write(run->folder, record, &error), "%s", error.text);
    json_decref(record);
    write_checkpoint(run, 0.5f);
    run->command = (Command){.program = &run->program,
                             .folder = run->folder,
                             .threads = 2,
                             .style = {.columns = 80, .utf8 = false},
                             .results = open_memstream(&run->results, &run->size)};
    return run;
}

static const char *results_of(Run *run) {
    fflush(run->command.results);
    return run->results;
}

static void run_remove(Run *run) {
    char command[128];
    snprintf(command, sizeof command, "rm -r %s", run->root);
    cr_expect_eq(system(command), 0);
    fclose(run->command.results);
    free(run->results);
    free(run->folder);
    free(run);
}

static char *contents(const Run *run, const char *name, size_t *size) {
    FileError error = {""};
    char *path = file_path(run->folder, name);
    char *bytes = file_read(path, 1 << 24, size, &error);
    cr_assert(bytes, "%s", error.text);
    free(path);
    return bytes;
}

/* --- inference --- */

typedef struct Taken {
    float poor[11];
    int times[11];
} Taken;

static void take(void *user, int64_t first, int64_t count, void *const *outputs) {
    Taken *taken = user;
    for (int64_t i = 0; i < count; i++) {
        taken->poor[first + i] = ((const float *)outputs[0])[i];
        taken->times[first + i]++;
    }
}

/* The 11 images of a set whose numbers are 100 apart. */
static void give(void *user, int64_t first, int64_t count, Chunk *chunk) {
    (void)user;
    for (int64_t i = 0; i < count; i++) {
        chunk->tokens[i * N] = (int32_t)(first + i);
        chunk->image[i] = (int32_t)(100 * (first + i));
    }
}

static Model model_of(const Experiment *experiment, float **values) {
    return (Model){.experiment = experiment, .parameters = {.values = values}};
}

/* One and two threads run whole chunks, more of them are a team. */
Test(inference, every_image_once_whatever_the_threads) {
    const Experiment experiment = experiment_make();
    const Program program = {.experiment = &experiment, .plan = &plan, .kernels = code};
    _Alignas(64) float gain = 2;
    float *values[] = {&gain};
    const Model model = model_of(&experiment, values);
    for (int threads = 1; threads <= 4; threads++) {
        RunError error = {0};
        int64_t width = 0;
        Inference *inference =
            inference_create(&program, "features", &model, NULL, threads, &error);
        cr_assert(inference, "%s", error.text);
        cr_expect_eq(inference_output(inference, "tap.feature.1", &width), 1);
        cr_expect_eq(width, N);
        cr_expect_eq(inference_output(inference, "tap.feature.2", &width), -1);
        Taken taken = {{0}, {0}};
        inference_run(inference, 11, 0, give, take, &taken);
        for (int i = 0; i < 11; i++) {
            cr_expect_eq(taken.times[i], 1);
            cr_expect_eq(taken.poor[i], 2 * (float)(i + 100 * i));
        }
        inference_free(inference);
    }
}

Test(inference, what_cannot_be_bound_is_refused) {
    const Experiment experiment = experiment_make();
    const Program program = {.experiment = &experiment, .plan = &plan, .kernels = code};
    _Alignas(64) float gain = 2;
    float *values[] = {&gain};
    const Model model = model_of(&experiment, values);
    RunError error = {0};
    cr_expect_null(inference_create(&program, "nothing", &model, NULL, 1, &error));
    cr_expect(strstr(error.text, "nothing"), "%s", error.text);
    cr_expect_null(inference_create(&program, "strange", &model, NULL, 1, &error));
    cr_expect(strstr(error.text, "names strange, which is unknown"), "%s", error.text);
    cr_expect_eq(error.code, EXIT_INPUT);
}

static void compare_features(const Features *features, const DataSet *data,
                             const DataImages *images) {
    cr_assert_eq(features->layer_count, 2);
    cr_expect_str_eq(features->layers[1].name, "feature[1]");
    cr_expect_str_eq(features->layers[2].name, "pixels");
    cr_expect_eq(features->layers[0].width, 1);
    cr_expect_eq(features->layers[1].width, N);
    for (int64_t row = 0; row < images->count; row++) {
        const int32_t image = images->images[row];
        int32_t tokens[N];
        data_batch(data, NULL, 0, &image, 1, tokens, NULL);
        cr_assert_eq(features->layers[0].values[row], 0.5f * (float)(tokens[0] + image));
        for (int p = 0; p < N; p++) {
            cr_assert_eq(features->layers[1].values[row * N + p], 0.5f * (float)tokens[p]);
            cr_assert_eq(features->layers[2].values[row * N + p], (float)tokens[p]);
        }
    }
}

Test(features, are_those_of_each_image_and_the_pixels_come_last) {
    Experiment experiment = experiment_make();
    const Program program = {.experiment = &experiment, .plan = &plan, .kernels = code};
    DataError fault;
    DataSet *data = data_open(&experiment.data, &fault);
    cr_assert(data);
    _Alignas(64) float gain = 0.5f;
    float *values[] = {&gain};
    const Model model = model_of(&experiment, values);
    const FeaturesUse use = {.threads = 3, .folder = "/tmp"};
    for (int filed = 0; filed < 2; filed++) { /* in memory, and in a file */
        Features features;
        RunError error = {0};
        experiment.probe.memory = filed ? 1 : 1 << 30;
        cr_assert(features_read(&program, &model, data, &data->splits[DATA_TEST], &use, &features,
                                &error),
                  "%s", error.text);
        cr_expect_eq(features.stores[0].mapped, filed);
        compare_features(&features, data, &data->splits[DATA_TEST]);
        features_free(&features);
    }
    data_close(data);
}

Test(features, a_folder_that_cannot_hold_them_is_an_error) {
    FeatureStore store;
    RunError error = {0};
    cr_expect_not(feature_store_create(&store, 1 << 20, "/nowhere", &error));
    cr_expect_eq(error.code, EXIT_MACHINE);
    cr_expect(strstr(error.text, "/nowhere"), "%s", error.text);
    cr_expect_not(feature_store_create(&store, (size_t)1 << 60, "/tmp", &error));
    cr_expect(strstr(error.text, "1152921504606846976 bytes"), "%s", error.text);
}

/* --- evaluation --- */

static int32_t cast(int32_t image, int32_t draw) {
    int32_t best = 0;
    for (int c = 1; c < K; c++)
        best = chance(image, draw, c) > chance(image, draw, best) ? c : best;
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
    Experiment experiment = experiment_make();
    experiment.train.seed = seed;
    const Program program = {.experiment = &experiment, .plan = of, .kernels = code};
    DataError fault;
    RunError error = {0};
    DataSet *data = data_open(&experiment.data, &fault);
    _Alignas(64) float gain = 1;
    float *values[] = {&gain};
    const Model model = model_of(&experiment, values);
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
    const Experiment experiment = experiment_make();
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
    const Experiment experiment = experiment_make();
    const Program program = {.experiment = &experiment, .plan = &plan, .kernels = code};
    DataError fault;
    RunError error = {0};
    DataSet *data = data_open(&experiment.data, &fault);
    const DataImages *test = &data->splits[DATA_TEST];
    for (int i = 0; i < WITHOUT; i++)
        data->labels[test->images[i * 7]] = -1;
    _Alignas(64) float gain = 1;
    float *values[] = {&gain};
    const Model model = model_of(&experiment, values);
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
    const Asked asked = ask(&plan, 2, 5);
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
    const Asked asked = ask(&steady_plan, 2, 5);
    const ByHand hand = count_by_hand(1);
    cr_expect_eq(asked.evaluation.draws, 1);
    cr_expect_arr_eq(asked.confusion, hand.confusion, sizeof hand.confusion);
    cr_expect_eq(asked.evaluation.loss, hand.loss);
}

Test(evaluation, depends_on_the_seed_and_not_on_the_threads) {
    const Asked two = ask(&plan, 2, 5), four = ask(&plan, 4, 5), other = ask(&plan, 2, 6);
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

/* --- probe --- */

/* Each class has its line, and together they have n images. */
static void check_classes(const json_t *classes, int n) {
    int64_t images = 0;
    cr_assert_eq(json_array_size(classes), K);
    for (size_t c = 0; c < K; c++) {
        const char *name = NULL;
        int count = 0, correct = 0;
        double accuracy = 0;
        cr_assert_eq(json_unpack(json_array_get(classes, c), "{ss si si sf}", "class", &name, "n",
                                 &count, "correct", &correct, "accuracy", &accuracy),
                     0);
        cr_expect_gt(accuracy, 0.7, "class %s", name);
        cr_expect_float_eq(accuracy, (double)correct / count, 1e-6);
        images += count;
    }
    cr_expect_eq(images, n);
}

Test(commands, probe_writes_what_it_finds) {
    Run *run = run_make();
    cr_assert(commands_probe(&run->command, &run->error), "%s", run->error.text);
    size_t size;
    char *text = contents(run, "probe/probe.json", &size);
    json_t *json = json_loads(text, 0, NULL);
    cr_assert(json);
    const char *best = NULL, *few = NULL;
    double layer = 0, pixels = 0;
    int n = 0, labels = 0;
    cr_assert_eq(json_unpack(json, "{s{ss}, s[{}, {si ss}], s{s{s{sf si}}}, s[{}, {s{s{sf}}}]}",
                             "best", "features", &best, "best_few", "labels_per_class", &labels,
                             "features", &few, "pixels", "all_labels", "test", "accuracy", &pixels,
                             "n", &n, "layers", "all_labels", "test", "accuracy", &layer),
                 0);
    cr_expect_str_eq(best, "feature[1]");
    cr_expect_str_eq(few, "feature[1]");
    cr_expect_eq(labels, 10);
    check_classes(json_object_get(json_object_get(json, "best"), "classes"), 359);
    cr_expect_eq(n, 359);
    cr_expect_gt(pixels, 0.94); /* scikit-learn's digits are nearly linear in their pixels */
    cr_expect_lt(pixels, 0.99);
    cr_expect_eq(layer, pixels, "features that are the pixels, at another scale");
    json_decref(json);
    free(text);
    free(contents(run, "probe/accuracy.svg", &size));
    free(contents(run, "probe/few_labels_4.svg", &size));
    free(contents(run, "probe/few_labels_10.svg", &size));
    cr_expect(strstr(results_of(run), "Linear probe of 0001-test\n"), "%s", run->results);
    cr_expect(strstr(results_of(run), "10 labels a class"), "%s", run->results);
    cr_expect(strstr(results_of(run), "probe/accuracy.svg"));
    run_remove(run);
}

Test(commands, reads_of_the_test_split_are_counted) {
    Run *run = run_make();
    run->experiment.probe.labels.count = 0;
    FileError error;
    cr_assert(commands_probe(&run->command, &run->error), "%s", run->error.text);
    json_t *before = run_record_read(run->folder, &error);
    cr_assert(commands_probe(&run->command, &run->error), "%s", run->error.text);
    json_t *after = run_record_read(run->folder, &error);
    cr_expect_not(json_equal(before, after));
    json_decref(before);
    json_decref(after);
    char *path = file_path(run->folder, "probe/few_labels_10.svg");
    cr_expect_neq(access(path, F_OK), 0, "no probe with few labels was asked for");
    free(path);
    run_remove(run);
}

Test(commands, threads_do_not_change_a_probe) {
    Run *run = run_make();
    size_t sizes[2];
    char *texts[2];
    for (int i = 0; i < 2; i++) {
        run->command.threads = 1 + 2 * i;
        cr_assert(commands_probe(&run->command, &run->error), "%s", run->error.text);
        texts[i] = contents(run, "probe/probe.json", &sizes[i]);
    }
    cr_expect_str_eq(texts[0], texts[1]);
    free(texts[0]);
    free(texts[1]);
    run_remove(run);
}

Test(commands, probe_refuses_what_is_not_there) {
    Run *run = run_make();
    const int64_t layers[] = {0, 2};
    run->experiment.probe.layers = (IntegerList){layers, 2};
    cr_expect_not(commands_probe(&run->command, &run->error));
    cr_expect(strstr(run->error.text, "no layer 2"), "%s", run->error.text);
    run->experiment.probe.layers.count = 0;
    run->experiment.probe.features = "depth";
    cr_expect_not(commands_probe(&run->command, &run->error));
    cr_expect(strstr(run->error.text, "depth"), "%s", run->error.text);
    run->experiment.probe.features = "feature";
    run->experiment.data.seed = 1; /* another split: some test images were trained on */
    cr_expect_not(commands_probe(&run->command, &run->error));
    cr_expect(strstr(run->error.text, "other splits"), "%s", run->error.text);
    run->command.checkpoint = "/nowhere.safetensors";
    cr_expect_not(commands_probe(&run->command, &run->error));
    cr_expect_eq(run->error.code, EXIT_INPUT);
    run_remove(run);
}

/* --- eval --- */

Test(commands, eval_says_how_sure_the_accuracy_is) {
    Run *run = run_make();
    cr_assert(commands_eval(&run->command, DATA_TRAIN, &run->error), "%s", run->error.text);
    const char *text = results_of(run), *line = strstr(text, "\naccuracy ");
    double accuracy = -1, low = -1, high = -1;
    long long correct = -1, n = -1;
    int masks = -1;
    cr_assert(line, "%s", text);
    cr_assert_eq(sscanf(line,
                        " accuracy %lf (%lld of %lld; 95 %% interval %lf to %lf; vote: %d masks)",
                        &accuracy, &correct, &n, &low, &high, &masks),
                 6, "%s", text);
    const Interval interval = interval_of_share(correct, n);
    cr_expect_eq(masks, 5);
    cr_expect_eq(n, 1259);
    cr_expect_float_eq(accuracy, (double)correct / (double)n, 1e-6);
    cr_expect_float_eq(low, interval.low, 1e-4);
    cr_expect_float_eq(high, interval.high, 1e-4);
    run_remove(run);
}

Test(commands, eval_without_draws_does_not_vote) {
    Run *run = run_make();
    run->program.plan = &steady_plan;
    cr_assert(commands_eval(&run->command, DATA_VALIDATION, &run->error), "%s", run->error.text);
    cr_expect(strstr(results_of(run), "accuracy"), "%s", run->results);
    cr_expect_not(strstr(results_of(run), "vote"), "%s", run->results);
    run_remove(run);
}

Test(commands, eval_gives_the_table_of_classes_as_json) {
    Run *run = run_make();
    run->command.json = true;
    cr_assert(commands_eval(&run->command, DATA_TEST, &run->error), "%s", run->error.text);
    json_t *json = json_loads(results_of(run), 0, NULL), *table = NULL;
    cr_assert(json, "%s", run->results);
    int n = 0, correct = 0, masks = 0, sum = 0, right = 0;
    double accuracy = 0;
    cr_assert_eq(json_unpack(json, "{s:F, s:{s:i, s:i, s:i, s:o}}", "accuracy", &accuracy,
                             "classes", "n", &n, "correct", &correct, "masks", &masks, "confusion",
                             &table),
                 0, "%s", run->results);
    for (size_t label = 0; label < K; label++)
        for (size_t c = 0; c < K; c++) {
            const int images =
                (int)json_integer_value(json_array_get(json_array_get(table, label), c));
            sum += images;
            right += label == c ? images : 0;
        }
    cr_expect_eq(n, 359);
    cr_expect_eq(sum, n);
    cr_expect_eq(right, correct);
    cr_expect_eq(masks, 5);
    cr_expect_eq(accuracy, (double)correct / n);
    json_decref(json);
    run_remove(run);
}

/* --- sample --- */

static const SampleCommand drawn = {
    .options = {.temperature = 1, .top_p = 1, .seed = 4}, .images = 10, .files = true};
static const CompleteCommand completed = {.options = {.temperature = 1, .top_p = 1, .seed = 4},
                                          .images = 3,
                                          .each = 2,
                                          .given = 0.5,
                                          .split = DATA_SPLIT_COUNT,
                                          .files = true};

static void expect_png(Run *run, const char *name, const char *other_bytes, size_t other_size,
                       char **bytes, size_t *size) {
    *bytes = contents(run, name, size);
    cr_expect_eq(memcmp(*bytes, "\x89PNG", 4), 0, "%s", name);
    if (!other_bytes)
        return;
    cr_assert_eq(*size, other_size, "%s", name);
    cr_expect_arr_eq(*bytes, other_bytes, other_size, "%s", name);
}

Test(commands, images_are_the_same_for_any_number_of_threads) {
    Run *run = run_make();
    static const char *const names[] = {"samples/samples.png", "samples/images/0009.png",
                                        "samples/completions.png", "samples/images/0002-1.png"};
    enum { NAMES = sizeof names / sizeof *names };
    size_t sizes[2][NAMES];
    char *bytes[2][NAMES];
    for (int i = 0; i < 2; i++) {
        run->command.threads = 1 + 2 * i;
        cr_assert(commands_sample(&run->command, &drawn, &run->error), "%s", run->error.text);
        cr_assert(commands_complete(&run->command, &completed, &run->error), "%s", run->error.text);
        for (int j = 0; j < NAMES; j++)
            expect_png(run, names[j], i ? bytes[0][j] : NULL, i ? sizes[0][j] : 0, &bytes[i][j],
                       &sizes[i][j]);
    }
    for (int i = 0; i < 2 * NAMES; i++)
        free(bytes[i / NAMES][i % NAMES]);
    cr_expect(strstr(results_of(run), "samples/completions.png"));
    run_remove(run);
}

/* A picture of an image that was drawn is an image to be completed, and its tokens are the same. */
Test(commands, completes_image_files) {
    Run *run = run_make();
    cr_assert(commands_sample(&run->command, &drawn, &run->error), "%s", run->error.text);
    char *path = file_path(run->command.folder, "samples/images/0003.png");
    const char *const paths[] = {path};
    CompleteCommand files = completed;
    files.paths = paths;
    files.path_count = 1;
    files.given = 0.99;
    files.options.temperature = 0;
    cr_assert(commands_complete(&run->command, &files, &run->error), "%s", run->error.text);
    size_t size;
    char *text = contents(run, "samples/completions.json", &size);
    cr_expect(strstr(text, "\"given_positions\": 56"), "%s", text);
    free(text);
    files.given = 1;
    cr_expect_not(commands_complete(&run->command, &files, &run->error));
    cr_expect_eq(run->error.code, EXIT_USAGE);
    const char *const nowhere[] = {"/nowhere.png"}, *const broken[] = {"/etc/hostname"};
    files.given = 0.5;
    files.paths = nowhere;
    cr_expect_not(commands_complete(&run->command, &files, &run->error));
    cr_expect(strstr(run->error.text, "nowhere.png"), "%s", run->error.text);
    files.paths = broken;
    cr_expect_not(commands_complete(&run->command, &files, &run->error));
    cr_expect(strstr(run->error.text, "/etc/hostname"), "%s", run->error.text);
    free(path);
    run_remove(run);
}

Test(commands, sample_refuses_what_it_cannot_do) {
    Run *run = run_make();
    SampleCommand wrong = drawn;
    wrong.options.top_p = 0;
    cr_expect_not(commands_sample(&run->command, &wrong, &run->error));
    cr_expect_eq(run->error.code, EXIT_USAGE);
    wrong = drawn;
    wrong.images = 0;
    cr_expect_not(commands_sample(&run->command, &wrong, &run->error));
    cr_expect_eq(run->error.code, EXIT_USAGE);
    run->experiment.autoregressive = false;
    run->experiment.train.objective = "bert";
    cr_expect_not(commands_sample(&run->command, &drawn, &run->error));
    cr_expect(strstr(run->error.text, "bert"), "%s", run->error.text);
    run->experiment.autoregressive = true;
    write_checkpoint(run, __builtin_nanf(""));
    cr_expect_not(commands_sample(&run->command, &drawn, &run->error));
    cr_expect_eq(run->error.code, EXIT_DIVERGED);
    run_remove(run);
}

/* --- data --- */

Test(commands, data_says_what_there_is) {
    const DataSettings settings = {.source = "digits", .validation = 0.1, .test = 0.2};
    char *text = NULL;
    size_t size;
    RunError error = {0};
    FILE *out = open_memstream(&text, &size);
    cr_assert(commands_data(&settings, 17, false, out, &error), "%s", error.text);
    fclose(out);
    cr_expect(strstr(text, "1797 images of 8 x 8, 17 colours, 10 classes"), "%s", text);
    cr_expect(strstr(text, "validation       179"), "%s", text);
    cr_expect(strstr(text, "2.8332 nats/token  4.0875 bits/token"), "%s", text);
    free(text);
    out = open_memstream(&text, &size);
    cr_assert(commands_data(&settings, 0, true, out, &error), "%s", error.text);
    fclose(out);
    json_t *json = json_loads(text, 0, NULL);
    cr_assert(json, "%s", text);
    int test = 0;
    cr_assert_eq(json_unpack(json, "{s{s{si}}}", "splits", "test", "images", &test), 0);
    cr_expect_eq(test, 359);
    json_decref(json);
    free(text);
}

Test(commands, data_that_does_not_fit_is_refused) {
    const DataSettings settings = {.source = "digits", .validation = 0.1, .test = 0.2};
    RunError error = {0};
    cr_expect_not(commands_data(&settings, 16, false, stderr, &error));
    cr_expect(strstr(error.text, "17"), "%s", error.text);
    const DataSettings missing = {.source = "/nowhere"};
    cr_expect_not(commands_data(&missing, 0, false, stderr, &error));
    cr_expect_eq(error.code, EXIT_INPUT);
}
