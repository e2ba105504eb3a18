/* Checkpoints that transformers made give its logits, and go back as they came: see
 * interchange.py. */
#include "frontend/lower.h"
#include "passes/compile.h"
#include "passes/derive.h"
#include "runtime/interchange/export_tensors.h"
#include "runtime/interchange/import_tensors.h"
#include "runtime/interchange/map_config.h"
#include "runtime/model/inference.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { IMAGES = 3, POSITIONS = 16, COLOURS = 24, THREADS = 2, TEXT = 1 << 16 };

#define FOLDER SCANLINE_SOURCE_DIR "/tests/parity/interchange/"

/* Of single precision, and of exp and tanh by other polynomials. */
static const double tolerance = 1e-4;

/* A checkpoint imported into a spec, and its program. */
typedef struct Imported {
    Arena *arena;
    const Module *module;
    Experiment experiment;
    Map *map;
    PlacedMap placed;
    Weights *weights;
    json_t *config;
    Model model;
    ImportedTensors counts;
} Imported;

/* --- importing --- */

static void lower_spec(Imported *imported, const char *name) {
    enum { MOST = 8 };
    Arena *arena = imported->arena;
    const char *overrides[MOST] = {"train.batch=4", "train.chunks=2", "train.objective=ar"};
    uint32_t count = 3;
    FileError error;
    for (uint32_t i = 0; i < imported->map->dim_count; i++) {
        const MapDim *dim = &imported->map->dims[i];
        int64_t value;
        cr_assert(config_dim(dim, imported->config, &value, &error) && value, "%s", error.text);
        overrides[count++] = arena_printf(arena, "%s=%lld", dim->dim, (long long)value);
    }
    const SpecOptions options = {.overrides = overrides, .override_count = count};
    Sources *sources = sources_create(arena, NULL, 0);
    Diagnostics *diagnostics = diagnostics_create(arena, sources);
    const char *path = arena_printf(arena, SCANLINE_SOURCE_DIR "/models/%s.scan", name);
    const Spec *spec = spec_load(arena, sources, path, &options, diagnostics);
    const Module *lowered =
        spec ? lower_experiment(arena, spec, NULL, &imported->experiment, diagnostics) : NULL;
    cr_assert(lowered, "%s", diagnostics_text(diagnostics, false));
    PassContext context = {.target = NULL};
    imported->module = derive_experiment(lowered, lower_batch_axis(spec), &context);
}

static Map *read_map(const char *name) {
    char path[256];
    FileError error;
    size_t size;
    snprintf(path, sizeof path, SCANLINE_SOURCE_DIR "/models/%s.map", name);
    char *text = file_read(path, TEXT, &size, &error);
    cr_assert(text, "%s", error.text);
    Map *map = map_parse(path, text, size, &error);
    cr_assert(map, "%s", error.text);
    free(text);
    return map;
}

/* Everything but the tensors. */
static Imported *begin(const char *path, const char *map, const char *spec) {
    Imported *imported = calloc(1, sizeof *imported);
    FileError error;
    RunError fault;
    imported->arena = arena_create();
    imported->map = read_map(map);
    imported->weights = weights_open(path, &error);
    cr_assert(imported->weights, "%s", error.text);
    cr_assert(
        config_read(weights_folder(imported->weights), "config.json", &imported->config, &error),
        "%s", error.text);
    lower_spec(imported, spec);
    const Experiment *experiment = &imported->experiment;
    cr_assert(config_check(imported->map, imported->config, experiment, &error), "%s", error.text);
    cr_assert(map_place(imported->map, experiment, &imported->placed, &error), "%s", error.text);
    cr_assert(model_create(&imported->model, experiment, false, &fault), "%s", fault.text);
    return imported;
}

static bool take(Imported *imported, FileError *error) {
    return import_tensors(&imported->placed, imported->weights, &imported->experiment,
                          imported->model.parameters.values, NULL, &imported->counts, error);
}

static void release(Imported *imported) {
    model_free(&imported->model);
    map_unplace(&imported->placed);
    map_free(imported->map);
    weights_close(imported->weights);
    json_decref(imported->config);
    arena_destroy(imported->arena);
    free(imported);
}

static Imported *import(const char *name, const char *map, const char *spec) {
    char path[256];
    FileError error;
    snprintf(path, sizeof path, FOLDER "%s", name);
    Imported *imported = begin(path, map, spec);
    cr_assert(take(imported, &error), "%s", error.text);
    return imported;
}

/* --- logits --- */

static void read_expected(const char *name, TensorType type, int64_t elements, void *data) {
    FileError error;
    Safetensors *file = safetensors_open(FOLDER "expected.safetensors", &error);
    cr_assert(file, "%s", error.text);
    const Tensor *tensor = safetensors_find(file, name);
    cr_assert(tensor && tensor->type == type && tensor->elements == elements, "no %s", name);
    cr_assert(safetensors_read(file, tensor, data, &error), "%s", error.text);
    safetensors_close(file);
}

typedef struct Logits {
    int32_t tokens[IMAGES][POSITIONS];
    float values[IMAGES][POSITIONS * COLOURS];
    int64_t output;
} Logits;

static void give_tokens(void *user, int64_t first, int64_t count, Chunk *chunk) {
    const Logits *logits = user;
    memcpy(chunk->tokens, logits->tokens[first], (size_t)count * sizeof *logits->tokens);
}

static void take_logits(void *user, int64_t first, int64_t count, void *const *outputs) {
    Logits *logits = user;
    memcpy(logits->values[first], outputs[logits->output], (size_t)count * sizeof *logits->values);
}

static void compute(const Imported *imported, Logits *logits) {
    const CompileOptions options = {.verify = true, .threads = THREADS, .accumulate = true};
    CompileError error = {0};
    RunError fault;
    CompiledModule *module = compile_module(imported->module, &options, &error);
    cr_assert(module, "%s", error.text);
    Jit *jit = jit_load(module, &error);
    cr_assert(jit, "%s", error.text);
    const Program program = {
        .experiment = &imported->experiment, .plan = module->plan, .kernels = jit_kernels(jit)};
    Inference *inference =
        inference_create(&program, "sample", &imported->model, NULL, THREADS, &fault);
    cr_assert(inference, "%s", fault.text);
    int64_t width;
    logits->output = inference_output(inference, "logits", &width);
    cr_assert(logits->output >= 0 && width == POSITIONS * COLOURS);
    inference_run(inference, IMAGES, 0, give_tokens, take_logits, logits);
    inference_free(inference);
    jit_free(jit);
    compile_free(module);
}

static void expect_logits(const char *name, const char *map, const char *spec) {
    static Logits logits;
    static float expected[IMAGES][POSITIONS * COLOURS];
    Imported *imported = import(name, map, spec);
    read_expected("tokens", TENSOR_I32, IMAGES * POSITIONS, logits.tokens);
    read_expected(name, TENSOR_F32, IMAGES * POSITIONS * COLOURS, expected);
    compute(imported, &logits);
    double largest = 0;
    for (int image = 0; image < IMAGES; image++)
        for (int i = 0; i < POSITIONS * COLOURS; i++)
            largest =
                fmax(largest, fabs((double)logits.values[image][i] - (double)expected[image][i]));
    cr_assert_lt(largest, tolerance, "%s: the logits differ by %g", name, largest);
    release(imported);
}

Test(interchange, biases_give_the_logits) { expect_logits("bias", "igpt-hf", "igpt-hf"); }
Test(interchange, zero_biases_give_the_logits) { expect_logits("plain", "igpt-hf", "igpt-hf"); }
Test(interchange, half_precision_and_views_give_the_logits) {
    expect_logits("half", "igpt-hf", "igpt-hf");
}
Test(interchange, shards_of_bf16_give_the_logits) { expect_logits("shards", "igpt-hf", "igpt-hf"); }
Test(interchange, zero_biases_fit_into_a_spec_without) {
    expect_logits("plain", "igpt-hf", "igpt-s");
}
Test(interchange, gpt2_gives_the_logits_by_a_map_of_its_own) {
    expect_logits("gpt2", "gpt2-hf", "gpt2");
}

Test(interchange, says_whether_all_biases_are_zero) {
    Imported *bias = import("bias", "igpt-hf", "igpt-hf");
    cr_assert(!bias->counts.all_zero);
    release(bias);
    Imported *plain = import("plain", "igpt-hf", "igpt-hf");
    cr_assert(plain->counts.all_zero);
    release(plain);
}

/* --- back again --- */

/* What was imported is exported as the same tensors, to the bit. */
static void expect_same(const char *name, const char *map, const char *spec, const char *prefix) {
    char path[] = "/tmp/scanline-export-XXXXXX", original[256];
    FileError error;
    int file = mkstemp(path);
    cr_assert(file >= 0);
    close(file);
    Imported *imported = import(name, map, spec);
    Work work;
    work_begin(&work, NULL, "export", export_work(&imported->placed));
    cr_assert(export_tensors(&imported->placed, &imported->experiment,
                             imported->model.parameters.values, path, &work, &error),
              "%s", error.text);
    cr_expect(work.total > 0 && work.done == work.total, "%.0f of %.0f done", work.done,
              work.total);
    snprintf(original, sizeof original, FOLDER "%s/model.safetensors", name);
    Safetensors *theirs = safetensors_open(original, &error);
    Safetensors *ours = safetensors_open(path, &error);
    cr_assert(theirs && ours, "%s", error.text);
    cr_assert_str_eq(safetensors_metadata(ours, "format"), "pt");
    for (uint32_t i = 0; i < safetensors_count(ours); i++) {
        const Tensor *tensor = safetensors_at(ours, i);
        const Tensor *same = safetensors_find(theirs, tensor->name + strlen(prefix));
        cr_assert(same, "%s is not theirs", tensor->name);
        cr_assert(same->rank == tensor->rank && same->type == TENSOR_F32, "%s", tensor->name);
        cr_assert_arr_eq(same->extents, tensor->extents, tensor->rank * sizeof *tensor->extents);
        static float values[2][8192];
        cr_assert_leq(tensor->elements, 8192);
        cr_assert(safetensors_read(ours, tensor, values[0], &error));
        cr_assert(safetensors_read(theirs, same, values[1], &error));
        cr_assert_arr_eq(values[0], values[1], (size_t)tensor->elements * sizeof **values, "%s",
                         tensor->name);
    }
    /* But for a head that is the embedding. */
    cr_assert_eq(safetensors_count(ours) + (*prefix != 0), safetensors_count(theirs));
    safetensors_close(ours);
    safetensors_close(theirs);
    release(imported);
    unlink(path);
}

Test(interchange, exports_what_was_imported) { expect_same("bias", "igpt-hf", "igpt-hf", ""); }
Test(interchange, exports_gpt2_too) { expect_same("gpt2", "gpt2-hf", "gpt2", "transformer."); }

/* Every key that it writes and that transformers does has transformers' value. */
Test(interchange, exports_the_config_of_the_original) {
    FileError error;
    Imported *imported = import("bias", "igpt-hf", "igpt-hf");
    json_t *config = config_make(imported->map, &imported->experiment, &error);
    cr_assert(config, "%s", error.text);
    const char *key;
    json_t *value;
    json_object_foreach(config, key, value) {
        const json_t *theirs = json_object_get(imported->config, key);
        cr_assert(theirs, "'%s' is no key of theirs", key);
        cr_assert(json_equal(value, theirs) || strcmp(key, "dtype") == 0, "%s", key);
    }
    cr_assert_eq(json_integer_value(json_object_get(config, "vocab_size")), COLOURS + 1);
    cr_assert_null(json_object_get(config, "num_labels"));
    json_decref(config);
    release(imported);
}

/* --- what is refused --- */

static void expect_refusal(const Imported *imported, const char *key, json_t *value,
                           const char *words) {
    FileError error = {""};
    json_t *config = json_deep_copy(imported->config);
    json_object_set_new(config, key, value);
    cr_assert(!config_check(imported->map, config, &imported->experiment, &error), "%s", key);
    cr_assert(strstr(error.text, words), "%s", error.text);
    json_decref(config);
}

Test(interchange, a_config_that_computes_something_else_is_refused) {
    Imported *imported = import("bias", "igpt-hf", "igpt-hf");
    expect_refusal(imported, "activation_function", json_string("gelu_new"),
                   "\"activation_function\" is \"gelu_new\"");
    expect_refusal(imported, "scale_attn_by_inverse_layer_idx", json_true(), "is true");
    expect_refusal(imported, "layer_norm_epsilon", json_real(1e-6), "must be 1");
    expect_refusal(imported, "n_inner", json_integer(63), "\"n_inner\" is 63");
    expect_refusal(imported, "n_head", json_integer(4), "the dim h is 4, and here it is 2");
    expect_refusal(imported, "vocab_size", json_integer(1), "gives no value to the dim 'v'");
    FileError error;
    json_object_set_new(imported->config, "n_inner", json_integer(64));
    cr_assert(config_check(imported->map, imported->config, &imported->experiment, &error));
    release(imported);
}

Test(interchange, biases_do_not_fit_into_a_spec_without) {
    FileError error = {""};
    Imported *imported = begin(FOLDER "bias", "igpt-hf", "igpt-s");
    cr_assert(!take(imported, &error));
    cr_assert(strstr(error.text, "'transformer.h.0.attn.c_attn.bias' is not zero"), "%s",
              error.text);
    release(imported);
}

/* Writes the tensors of bias/ with one of them changed. */
static void expect_tensor_refused(const char *name, const Tensor *other, const char *words) {
    char path[] = "/tmp/scanline-tensors-XXXXXX";
    FileError error = {""};
    static float values[64][1024];
    Tensor tensors[64];
    uint32_t count = 0;
    int descriptor = mkstemp(path);
    cr_assert(descriptor >= 0);
    close(descriptor);
    Safetensors *file = safetensors_open(FOLDER "bias/model.safetensors", &error);
    cr_assert(file, "%s", error.text);
    for (uint32_t i = 0; i < safetensors_count(file); i++) {
        const Tensor *tensor = safetensors_at(file, i);
        const bool chosen = strcmp(tensor->name, name) == 0;
        if (chosen && !other)
            continue;
        cr_assert(tensor->elements <= 1024 &&
                  safetensors_read(file, tensor, values[count], &error));
        tensors[count] = chosen ? *other : *tensor;
        tensors[count].data = chosen ? other->data : values[count];
        count++;
    }
    cr_assert(safetensors_write(path, tensors, count, NULL, 0, &error), "%s", error.text);
    safetensors_close(file);
    Imported *imported = begin(FOLDER "bias", "igpt-hf", "igpt-hf");
    weights_close(imported->weights);
    imported->weights = weights_open(path, &error);
    cr_assert(imported->weights, "%s", error.text);
    cr_assert(!take(imported, &error), "%s", words);
    cr_assert(strstr(error.text, words), "%s", error.text);
    release(imported);
    unlink(path);
}

Test(interchange, tensors_that_do_not_fit_are_refused_by_name) {
    const float zeros[16] = {0}, infinite[16] = {INFINITY};
    const int32_t integers[16] = {0};
    const char *name = "transformer.ln_f.weight";
    expect_tensor_refused(name, NULL, "there is no tensor 'transformer.ln_f.weight'");
    expect_tensor_refused(name, &(Tensor){name, TENSOR_F32, 1, {15}, 15, zeros},
                          "'transformer.ln_f.weight' is [15]; by the spec's dims");
    expect_tensor_refused(name, &(Tensor){name, TENSOR_F32, 2, {16, 1}, 16, zeros}, "[16, 1]");
    expect_tensor_refused(name, &(Tensor){name, TENSOR_I32, 1, {16}, 16, integers}, "is of I32");
    expect_tensor_refused(name, &(Tensor){name, TENSOR_F32, 1, {16}, 16, infinite}, "not finite");
    expect_tensor_refused(name, &(Tensor){"extra", TENSOR_F32, 1, {16}, 16, zeros},
                          "says nothing of tensor 'extra'");
}
