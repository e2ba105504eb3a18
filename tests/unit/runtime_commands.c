/* The commands on a trained model, and running its functions over images: a model on the digits
 * whose kernels are plain C, so that what must come out is known.
 *
 *     features   tap.feature.0 [b, 1] = gain * (tokens[0] + image);  tap.feature.1 [b, n] = gain *
 * tokens sample     logits [b, n, v] = -gain * |v - the colour before| */
#include "runtime/commands/data.h"
#include "runtime/commands/probe.h"
#include "runtime/commands/sample.h"
#include "runtime/features.h"
#include "runtime/inference.h"
#include "runtime/run_folder.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { N = 64, V = 17, CHUNK = 4 };

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

static void sample_kernel(char *const *operands, const int64_t *immediates, char *scratch,
                          int64_t first, int64_t last) {
    (void)immediates, (void)scratch;
    const float gain = *(const float *)(const void *)operands[0];
    const int32_t *tokens = (const int32_t *)(const void *)operands[1];
    float *logits = (float *)(void *)operands[2];
    for (int64_t i = first; i < last; i++)
        for (int p = 0; p < N; p++)
            for (int c = 0; c < V; c++) {
                const int before = p ? tokens[i * N + p - 1] : 0;
                logits[(i * N + p) * V + c] = -gain * (float)abs(c - before);
            }
}

static const KernelFunction code[] = {features_kernel, sample_kernel};
static char name_gain[] = "gain", name_tokens[] = "tokens", name_image[] = "$image",
            name_poor[] = "tap.feature.0", name_rich[] = "tap.feature.1", name_logits[] = "logits",
            name_features[] = "features", name_sample[] = "sample", name_strange[] = "strange",
            origin[] = "here";

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
static PlanBinding sample_outputs[] = {BOUND(name_logits, PLAN_F32, 3, CHUNK, N, V, CHUNK *N *V)};
static PlanBinding strange_inputs[] = {BOUND(name_strange, PLAN_F32, 1, CHUNK, 0, 0, CHUNK)};
static PlanBuffer features_buffers[] = {{PLAN_INPUT, PLAN_F32, 1, 0, 0},
                                        {PLAN_INPUT, PLAN_I32, CHUNK *N, 0, 1},
                                        {PLAN_INPUT, PLAN_I32, CHUNK, 0, 2},
                                        {PLAN_OUTPUT, PLAN_F32, CHUNK, 0, 0},
                                        {PLAN_OUTPUT, PLAN_F32, CHUNK *N, 0, 1}};
static PlanBuffer sample_buffers[] = {{PLAN_INPUT, PLAN_F32, 1, 0, 0},
                                      {PLAN_INPUT, PLAN_I32, CHUNK *N, 0, 1},
                                      {PLAN_OUTPUT, PLAN_F32, CHUNK *N *V, 0, 0}};
static uint32_t all_operands[] = {0, 1, 2, 3, 4};
static PlanStep steps[] = {{0, 5, all_operands, 0, NULL, origin, false},
                           {1, 3, all_operands, 0, NULL, origin, false}};
static PlanFunction functions[] = {
    {name_features, 3, 2, 5, 1, features_inputs, features_outputs, features_buffers, &steps[0], 0},
    {name_sample, 2, 1, 3, 1, features_inputs, sample_outputs, sample_buffers, &steps[1], 0},
    {name_strange, 1, 1, 0, 0, strange_inputs, sample_outputs, NULL, NULL, 0}};
static PlanKernel kernels[] = {{.tiles = CHUNK, .operand_count = 5},
                               {.tiles = CHUNK, .operand_count = 3}};
static const Plan plan = {
    .kernel_count = 2, .function_count = 3, .kernels = kernels, .functions = functions};

static Parameter parameters[] = {{.path = "gain", .axis_count = 1, .extents = {1}, .elements = 1}};
static DataInput inputs[] = {{.name = "tokens", .axis_count = 1, .extents = {N}, .limit = V}};
static TapSeries taps[] = {{"feature", 2}};

static Experiment experiment_make(void) {
    return (Experiment){.name = "digits",
                        .parameters = parameters,
                        .parameter_count = 1,
                        .inputs = inputs,
                        .input_count = 1,
                        .taps = taps,
                        .tap_count = 1,
                        .data = {.source = "digits", .validation = 0.1, .test = 0.2},
                        .train = {.objective = "ar"},
                        .spec = "",
                        .probe = {.features = "feature", .solver = "lbfgs", .labels = 10},
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
    float *const values[] = {&gain};
    FileError error;
    char *path = run_file(run->folder, "checkpoints/last.safetensors");
    cr_assert(checkpoint_write(path, &run->experiment, values, NULL, &state, &error), "%s",
              error.text);
    free(path);
    data_close(data);
}

static Run *run_make(void) {
    Run *run = calloc(1, sizeof *run);
    run->experiment = experiment_make();
    run->program = (Program){&run->experiment, &plan, code};
    strcpy(run->root, "/tmp/scanline-run-XXXXXX");
    cr_assert(mkdtemp(run->root));
    FileError error;
    run->folder = run_create(run->root, NULL, "test", &error);
    cr_assert(run->folder, "%s", error.text);
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
    char *path = run_file(run->folder, name);
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

Test(inference, every_image_once_whatever_the_threads) {
    const Experiment experiment = experiment_make();
    const Program program = {&experiment, &plan, code};
    _Alignas(64) float gain = 2;
    float *const values[] = {&gain};
    int32_t tokens[11 * N] = {0}, numbers[11];
    for (int i = 0; i < 11; i++) {
        tokens[i * N] = i;
        numbers[i] = 100 * i;
    }
    for (int threads = 1; threads <= 4; threads++) {
        RunError error = {0};
        Inference *inference = inference_create(&program, "features", values, threads, &error);
        cr_assert(inference, "%s", error.text);
        cr_expect_eq(inference_chunk(inference), CHUNK);
        Taken taken = {{0}, {0}};
        const InferenceImages images = {.count = 11, .tokens = tokens, .images = numbers};
        cr_assert(inference_run(inference, &images, take, &taken));
        for (int i = 0; i < 11; i++) {
            cr_expect_eq(taken.times[i], 1);
            cr_expect_eq(taken.poor[i], 2 * (float)(i + 100 * i));
        }
        const InferenceImages blind = {.count = 11};
        cr_expect_not(inference_run(inference, &blind, take, &taken), "tokens are missing");
        inference_free(inference);
    }
}

Test(inference, what_cannot_be_bound_is_refused) {
    const Experiment experiment = experiment_make();
    const Program program = {&experiment, &plan, code};
    _Alignas(64) float gain = 2;
    float *const values[] = {&gain};
    RunError error = {0};
    cr_expect_null(inference_create(&program, "nothing", values, 1, &error));
    cr_expect(strstr(error.text, "nothing"), "%s", error.text);
    cr_expect_null(inference_create(&program, "strange", values, 1, &error));
    cr_expect(strstr(error.text, "reads strange"), "%s", error.text);
    cr_expect_eq(error.code, EXIT_INPUT);
}

Test(features, are_those_of_each_image_and_the_pixels_come_last) {
    const Experiment experiment = experiment_make();
    const Program program = {&experiment, &plan, code};
    DataError fault;
    DataSet *data = data_open(&experiment.data, &fault);
    cr_assert(data);
    _Alignas(64) float gain = 0.5f;
    float *const values[] = {&gain};
    Features features;
    RunError error = {0};
    cr_assert(features_read(&program, values, data, 3, &features, &error), "%s", error.text);
    cr_assert_eq(features.layer_count, 2);
    cr_expect_str_eq(features.layers[1].name, "feature[1]");
    cr_expect_str_eq(features.layers[2].name, "pixels");
    cr_expect_eq(features.layers[0].width, 1);
    cr_expect_eq(features.layers[1].width, N);
    for (int32_t image = 0; image < 1797; image++) {
        int32_t tokens[N];
        data_batch(data, NULL, 0, &image, 1, tokens, NULL);
        cr_assert_eq(features.layers[0].values[image], 0.5f * (float)(tokens[0] + image));
        for (int p = 0; p < N; p++) {
            cr_assert_eq(features.layers[1].values[image * N + p], 0.5f * (float)tokens[p]);
            cr_assert_eq(features.layers[2].values[image * N + p], (float)tokens[p]);
        }
    }
    features_free(&features);
    data_close(data);
}

/* --- probe --- */

Test(commands, probe_writes_what_it_finds) {
    Run *run = run_make();
    cr_assert(commands_probe(&run->command, &run->error), "%s", run->error.text);
    size_t size;
    char *text = contents(run, "probe/probe.json", &size);
    json_t *json = json_loads(text, 0, NULL);
    cr_assert(json);
    const char *best = NULL, *few = NULL;
    double layer = 0, pixels = 0;
    int n = 0;
    cr_assert_eq(json_unpack(json, "{s{ss}, s{ss}, s{s{s{sf si}}}, s[{}, {s{s{sf}}}]}", "best",
                             "features", &best, "best_few", "features", &few, "pixels",
                             "all_labels", "test", "accuracy", &pixels, "n", &n, "layers",
                             "all_labels", "test", "accuracy", &layer),
                 0);
    cr_expect_str_eq(best, "feature[1]");
    cr_expect_str_eq(few, "feature[1]");
    cr_expect_eq(n, 359);
    cr_expect_gt(pixels, 0.94); /* scikit-learn's digits are nearly linear in their pixels */
    cr_expect_lt(pixels, 0.99);
    cr_expect_eq(layer, pixels, "features that are the pixels, at another scale");
    json_decref(json);
    free(text);
    free(contents(run, "probe/accuracy.svg", &size));
    free(contents(run, "probe/few_labels.svg", &size));
    cr_expect(strstr(results_of(run), "Linear probe of 0001-test\n"), "%s", run->results);
    cr_expect(strstr(results_of(run), "10 labels a class"), "%s", run->results);
    cr_expect(strstr(results_of(run), "probe/accuracy.svg"));
    run_remove(run);
}

Test(commands, reads_of_the_test_split_are_counted) {
    Run *run = run_make();
    run->experiment.probe.labels = 0;
    FileError error;
    cr_assert(commands_probe(&run->command, &run->error), "%s", run->error.text);
    json_t *before = run_record_read(run->folder, &error);
    cr_assert(commands_probe(&run->command, &run->error), "%s", run->error.text);
    json_t *after = run_record_read(run->folder, &error);
    cr_expect_not(json_equal(before, after));
    json_decref(before);
    json_decref(after);
    char *path = run_file(run->folder, "probe/few_labels.svg");
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
    run->experiment.probe.layers = layers;
    run->experiment.probe.layer_count = 2;
    cr_expect_not(commands_probe(&run->command, &run->error));
    cr_expect(strstr(run->error.text, "no layer 2"), "%s", run->error.text);
    run->experiment.probe.layer_count = 0;
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

/* --- sample --- */

static const SampleOptions options = {.temperature = 1, .top_p = 1, .seed = 4};

Test(commands, samples_are_the_same_for_any_number_of_threads) {
    Run *run = run_make();
    static const char *const names[] = {"samples/samples.png", "samples/completions.png"};
    size_t sizes[2][2];
    char *bytes[2][2];
    for (int i = 0; i < 2; i++) {
        run->command.threads = 1 + 2 * i;
        cr_assert(commands_sample(&run->command, &options, 10, &run->error), "%s", run->error.text);
        for (int j = 0; j < 2; j++)
            bytes[i][j] = contents(run, names[j], &sizes[i][j]);
    }
    for (int j = 0; j < 2; j++) {
        cr_expect_eq(memcmp(bytes[0][j], "\x89PNG", 4), 0);
        cr_assert_eq(sizes[0][j], sizes[1][j]);
        cr_expect_arr_eq(bytes[0][j], bytes[1][j], sizes[0][j]);
        free(bytes[0][j]);
        free(bytes[1][j]);
    }
    cr_expect(strstr(results_of(run), "samples/completions.png"));
    run_remove(run);
}

Test(commands, sample_refuses_what_it_cannot_do) {
    Run *run = run_make();
    SampleOptions wrong = options;
    wrong.top_p = 0;
    cr_expect_not(commands_sample(&run->command, &wrong, 10, &run->error));
    cr_expect_eq(run->error.code, EXIT_USAGE);
    cr_expect_not(commands_sample(&run->command, &options, 0, &run->error));
    cr_expect_eq(run->error.code, EXIT_USAGE);
    run->experiment.autoregressive = false;
    run->experiment.train.objective = "bert";
    cr_expect_not(commands_sample(&run->command, &options, 10, &run->error));
    cr_expect(strstr(run->error.text, "bert"), "%s", run->error.text);
    run->experiment.autoregressive = true;
    write_checkpoint(run, __builtin_nanf(""));
    cr_expect_not(commands_sample(&run->command, &options, 10, &run->error));
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
