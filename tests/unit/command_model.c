#include "tests/unit/command_model.h"

#include "ir/philox.h"
#include "runtime/run/run_create.h"
#include "runtime/run/run_folder.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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

float command_chance(int32_t image, int32_t draw, int c) {
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
            class[i * K + c] = command_chance(image[i], draw, c);
    }
}

static void steady_kernel(char *const *operands, const int64_t *immediates, char *scratch,
                          int64_t first, int64_t last) {
    const int32_t draw = 0;
    char *const all[] = {operands[0], (char *)(uintptr_t)&draw, operands[1], operands[2]};
    eval_kernel(all, immediates, scratch, first, last);
}

const KernelFunction command_kernels[] = {features_kernel, decode_kernel, eval_kernel,
                                          steady_kernel};
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
    {name_features, 3, 2, 5, 1, features_inputs, features_outputs, features_buffers, &steps[0], 0,
     0},
    {name_decode, 2, 1, 3, 1, decode_inputs, decode_outputs, decode_buffers, &steps[1], 0, 0},
    {name_strange, 1, 1, 0, 0, strange_inputs, decode_outputs, NULL, NULL, 0, 0},
    {name_eval, 2, 2, 4, 1, eval_inputs, eval_outputs, eval_buffers, &steps[2], 0, 0}};
static PlanFunction steady_function = {name_eval,    1,         2, 4, 1, eval_inputs, eval_outputs,
                                       eval_buffers, &steps[3], 0, 0};
static PlanKernel kernels[] = {{.tiles = CHUNK, .operand_count = 5},
                               {.tiles = CHUNK, .operand_count = 3},
                               {.tiles = CHUNK, .operand_count = 4},
                               {.tiles = CHUNK, .operand_count = 3}};
const Plan command_plan = {
    .kernel_count = 4, .function_count = 4, .kernels = kernels, .functions = functions};
const Plan command_steady_plan = {
    .kernel_count = 4, .function_count = 1, .kernels = kernels, .functions = &steady_function};

static Parameter parameters[] = {{.path = "gain", .axis_count = 1, .extents = {1}, .elements = 1}};
static DataInput inputs[] = {{.name = "tokens", .axis_count = 1, .extents = {N}, .limit = V}};
static TapSeries taps[] = {{"feature", 2}};

static const int64_t few_labels[] = {4, 10};

Experiment command_experiment(void) {
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

Model command_model_of(const Experiment *experiment, float **values) {
    return (Model){.experiment = experiment, .parameters = {.values = values}};
}

/* --- a run of it --- */

void command_run_checkpoint(const CommandRun *run, float gain) {
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

CommandRun *command_run_make(void) {
    CommandRun *run = calloc(1, sizeof *run);
    run->experiment = command_experiment();
    run->program = (Program){
        .experiment = &run->experiment, .plan = &command_plan, .kernels = command_kernels};
    strcpy(run->root, "/tmp/scanline-run-XXXXXX");
    cr_assert(mkdtemp(run->root));
    FileError error;
    run->folder = run_create(run->root, NULL, "test", NULL, NULL, &run->error);
    cr_assert(run->folder, "%s", run->error.text);
    json_t *record = json_object();
    cr_assert(run_record_write(run->folder, record, &error), "%s", error.text);
    json_decref(record);
    command_run_checkpoint(run, 0.5f);
    run->command = (Command){.program = &run->program,
                             .folder = run->folder,
                             .threads = 2,
                             .style = {.columns = 80, .utf8 = false},
                             .results = open_memstream(&run->results, &run->size)};
    return run;
}

const char *command_run_results(CommandRun *run) {
    fflush(run->command.results);
    return run->results;
}

void command_run_remove(CommandRun *run) {
    char command[128];
    snprintf(command, sizeof command, "rm -r %s", run->root);
    cr_expect_eq(system(command), 0);
    fclose(run->command.results);
    free(run->results);
    free(run->folder);
    free(run);
}

char *command_run_contents(const CommandRun *run, const char *name, size_t *size) {
    FileError error = {""};
    char *path = file_path(run->folder, name);
    char *bytes = file_read(path, 1 << 24, size, &error);
    cr_assert(bytes, "%s", error.text);
    free(path);
    return bytes;
}
