#include "tests/parity/reference.h"

#include "frontend/lower.h"
#include "passes/derive.h"
#include "runtime/files/safetensors.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const ReferenceCase reference_ar = {"ar", "digits.scan", "ar", "adam(lr = 1e-3)"};
const ReferenceCase reference_bert = {"bert", "digits.scan", "bert", "adam(lr = 1e-3)"};
const ReferenceCase reference_gpt2 = {"gpt2", "gpt2.scan", "ar", "adamw(lr = 1e-3)"};

/* --- the experiment --- */

static void lower_spec(Reference *reference, const ReferenceCase *which, int chunks) {
    Arena *arena = reference->arena;
    const char *overrides[] = {
        "n=16",
        "v=24",
        "d=32",
        "h=2",
        "layers=2",
        "train.batch=4",
        "train.steps=10",
        "train.seed=7",
        arena_printf(arena, "train.chunks=%d", chunks),
        arena_printf(arena, "train.objective=%s", which->objective),
        arena_printf(arena, "train.update=%s", which->update),
    };
    const SpecOptions options = {.overrides = overrides,
                                 .override_count = sizeof overrides / sizeof *overrides};
    Sources *sources = sources_create(arena, NULL, 0);
    Diagnostics *diagnostics = diagnostics_create(arena, sources);
    const char *path = arena_printf(arena, SCANLINE_SOURCE_DIR "/models/%s", which->spec);
    const Spec *spec = spec_load(arena, sources, path, &options, diagnostics);
    const Module *lowered =
        spec ? lower_experiment(arena, spec, NULL, &reference->experiment, diagnostics) : NULL;
    cr_assert(lowered, "%s", diagnostics_text(diagnostics, false));
    PassContext context = {.target = NULL};
    reference->module = derive_experiment(lowered, lower_batch_axis(spec), &context);
}

/* --- the vectors --- */

static void read_tensor(const Safetensors *file, const char *name, TensorType type,
                        int64_t elements, void *to) {
    FileError error;
    const Tensor *tensor = safetensors_find(file, name);
    cr_assert(tensor, "there is no %s", name);
    cr_assert(tensor->type == type && tensor->elements == elements, "%s is of another kind", name);
    cr_assert(safetensors_read(file, tensor, to, &error), "%s", error.text);
}

static float *read_parameter(const Reference *reference, const Safetensors *file,
                             const char *prefix, const Parameter *parameter) {
    const char *name = arena_printf(reference->arena, "%s:%s", prefix, parameter->path);
    const Tensor *tensor = safetensors_find(file, name);
    cr_assert(tensor, "there is no %s", name);
    cr_assert_eq(tensor->rank, parameter->axis_count, "%s", name);
    cr_assert_arr_eq(tensor->extents, parameter->extents, tensor->rank * sizeof *tensor->extents,
                     "%s", name);
    float *values = arena_array(reference->arena, (size_t)parameter->elements, sizeof *values);
    read_tensor(file, name, TENSOR_F32, parameter->elements, values);
    return values;
}

static void read_vectors(Reference *reference, const ReferenceCase *which) {
    const Experiment *experiment = &reference->experiment;
    FileError error;
    const char *path = arena_printf(
        reference->arena, SCANLINE_SOURCE_DIR "/tests/parity/%s.safetensors", which->name);
    Safetensors *file = safetensors_open(path, &error);
    cr_assert(file, "%s", error.text);
    const uint32_t count = experiment->parameter_count;
    uint32_t held = 0;
    for (uint32_t i = 0; i < safetensors_count(file); i++)
        held += strncmp(safetensors_at(file, i)->name, "param:", 6) == 0;
    cr_assert_eq(held, count, "%s has %u parameters, the spec %u", path, held, count);
    reference->start = arena_array(reference->arena, count, sizeof *reference->start);
    reference->gradient = arena_array(reference->arena, count, sizeof *reference->gradient);
    reference->end = arena_array(reference->arena, count, sizeof *reference->end);
    for (uint32_t i = 0; i < count; i++) {
        const Parameter *parameter = &experiment->parameters[i];
        reference->start[i] = read_parameter(reference, file, "param", parameter);
        reference->gradient[i] = read_parameter(reference, file, "grad", parameter);
        reference->end[i] = read_parameter(reference, file, "final", parameter);
    }
    read_tensor(file, "loss", TENSOR_F64, REFERENCE_STEPS, reference->loss);
    read_tensor(file, "image", TENSOR_I32, REFERENCE_STEPS * REFERENCE_BATCH, reference->images);
    read_tensor(file, "tokens", TENSOR_I32, REFERENCE_STEPS * REFERENCE_BATCH * REFERENCE_POSITIONS,
                reference->tokens);
    safetensors_close(file);
}

Reference *reference_open(const ReferenceCase *which, int chunks) {
    Reference *reference = calloc(1, sizeof *reference);
    cr_assert(reference);
    reference->arena = arena_create();
    cr_assert(reference->arena);
    if (setjmp(*arena_boundary(reference->arena)))
        cr_assert_fail("no memory");
    lower_spec(reference, which, chunks);
    read_vectors(reference, which);
    return reference;
}

void reference_close(Reference *reference) {
    arena_destroy(reference->arena);
    free(reference);
}

/* --- comparing --- */

static const double LOSS_TOLERANCE = 1e-5, GRADIENT_TOLERANCE = 1e-4, WEIGHT_TOLERANCE = 1e-3;
/* A gradient so much smaller than the largest of all is zero but for rounding. */
static const double NOTHING = 1e-10, ALMOST_NOTHING = 1e-6;

static double largest(const float *values, int64_t count) {
    double most = 0;
    for (int64_t i = 0; i < count; i++)
        most = fmax(most, fabs((double)values[i]));
    return most;
}

static double largest_gradient(const Reference *reference) {
    double most = 0;
    for (uint32_t i = 0; i < reference->experiment.parameter_count; i++)
        most = fmax(most,
                    largest(reference->gradient[i], reference->experiment.parameters[i].elements));
    return most;
}

static bool has_gradient(const Reference *reference, uint32_t i) {
    return largest(reference->gradient[i], reference->experiment.parameters[i].elements) >
           NOTHING * largest_gradient(reference);
}

void reference_expect_loss(const Reference *reference, int step, double loss) {
    cr_expect_float_eq(loss, reference->loss[step], LOSS_TOLERANCE,
                       "loss of step %d: %.9g, not %.9g", step + 1, loss, reference->loss[step]);
}

void reference_expect_gradients(const Reference *reference, double *const *gradients) {
    const double most = largest_gradient(reference);
    for (uint32_t i = 0; i < reference->experiment.parameter_count; i++) {
        const Parameter *parameter = &reference->experiment.parameters[i];
        const double scale = largest(reference->gradient[i], parameter->elements);
        const double bound =
            has_gradient(reference, i) ? GRADIENT_TOLERANCE * scale : ALMOST_NOTHING * most;
        double difference = 0;
        for (int64_t j = 0; j < parameter->elements; j++) {
            const double apart = fabs(gradients[i][j] - (double)reference->gradient[i][j]);
            difference = isnan(apart) ? INFINITY : fmax(difference, apart);
        }
        cr_expect_leq(difference, bound, "gradient of %s: off by %.3g, of at most %.3g",
                      parameter->path, difference, scale);
    }
}

void reference_expect_weights(const Reference *reference, double *const *weights) {
    double all_apart = 0, all_moved = 0;
    for (uint32_t i = 0; i < reference->experiment.parameter_count; i++) {
        if (!has_gradient(reference, i))
            continue;
        const Parameter *parameter = &reference->experiment.parameters[i];
        double apart = 0, moved = 0;
        for (int64_t j = 0; j < parameter->elements; j++) {
            const double end = (double)reference->end[i][j];
            apart += pow(weights[i][j] - end, 2);
            moved += pow(end - (double)reference->start[i][j], 2);
        }
        cr_expect(sqrt(apart) <= WEIGHT_TOLERANCE * sqrt(moved),
                  "%s: %.3g from where it went, by %.3g", parameter->path, sqrt(apart),
                  sqrt(moved));
        all_apart += apart;
        all_moved += moved;
    }
    cr_expect_gt(all_moved, 0);
    cr_expect(sqrt(all_apart) <= WEIGHT_TOLERANCE * sqrt(all_moved));
}

/* --- products of bf16 --- */

static uint32_t products_in(OpCode op) {
    switch (op) {
    case OP_CONTRACT:
        return 1;
    case OP_ATTENTION:
        return 2;
    case OP_ATTENTION_GRAD:
        return 3;
    default:
        return 0;
    }
}

double reference_rounding(const Reference *reference) {
    const Function *grad = module_function(reference->module, "grad");
    uint32_t *path = arena_array(reference->arena, grad->node_count, sizeof *path), longest = 0;
    for (NodeId id = 0; id < grad->node_count; id++) {
        const Node *node = graph_node(grad, id);
        for (uint32_t i = 0; i < node->source_count; i++)
            if (path[node->sources[i]] > path[id])
                path[id] = path[node->sources[i]];
        path[id] += products_in(node->op);
        longest = path[id] > longest ? path[id] : longest;
    }
    return sqrt(2.0 * longest / 3) * 0x1p-9;
}

void reference_expect_gradients_near(const Reference *reference, double *const *gradients,
                                     double bound) {
    for (uint32_t i = 0; i < reference->experiment.parameter_count; i++) {
        if (!has_gradient(reference, i))
            continue;
        const Parameter *parameter = &reference->experiment.parameters[i];
        double apart = 0, length = 0;
        for (int64_t j = 0; j < parameter->elements; j++) {
            const double theirs = (double)reference->gradient[i][j];
            apart += pow(gradients[i][j] - theirs, 2);
            length += theirs * theirs;
        }
        cr_expect(sqrt(apart) <= bound * sqrt(length),
                  "gradient of %s: off by %.3g of itself, not %.3g", parameter->path,
                  sqrt(apart / length), bound);
    }
}

void reference_expect_loss_near(const Reference *reference, int step, double loss, double bound) {
    const double apart = fabs(loss / reference->loss[step] - 1);
    cr_expect(apart <= bound, "loss of step %d: %.9g, not %.9g", step + 1, loss,
              reference->loss[step]);
}
