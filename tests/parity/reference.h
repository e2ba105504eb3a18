/* A training that PyTorch did (tests/parity/vectors.py), the same experiment as the compiler has
 * it, and how near the one must come to the other:
 *
 *     loss       |ours - theirs| <= 1e-5, before each step
 *     gradient   of each parameter: max|ours - theirs| <= 1e-4 max|theirs|, at the first step
 *     weights    after all steps: |ours - theirs| <= 1e-3 |theirs - where they began|, all together
 * and each
 *
 * With products of bf16, by how much values may be off follows from the rounding: see
 * reference_rounding.
 *
 * Some gradients are zero in exact arithmetic (a bias of the keys shifts all scores of a row
 * alike). There is nothing to compare with then; ours must be nothing beside the other gradients.
 * What Adam makes of such noise is noise as large as the rate, in any implementation, so those
 * weights are left out of the last comparison. */
#ifndef SCANLINE_TESTS_PARITY_REFERENCE_H
#define SCANLINE_TESTS_PARITY_REFERENCE_H

#include "ir/graph.h"
#include "runtime/execution/experiment.h"

enum { REFERENCE_STEPS = 10, REFERENCE_BATCH = 4, REFERENCE_POSITIONS = 16 };

typedef struct ReferenceCase {
    const char *name; /* of the file of vectors: "ar" */
    const char *spec; /* in models/ */
    const char *objective, *update;
} ReferenceCase;

extern const ReferenceCase reference_ar, reference_bert, reference_gpt2;

/* Each array is parallel to experiment.parameters. */
typedef struct Reference {
    Arena *arena;
    Experiment experiment;
    const Module *module; /* init, grad, update, ... as derived, before the passes */
    float **start, **gradient, **end;
    double loss[REFERENCE_STEPS];
    int32_t tokens[REFERENCE_STEPS][REFERENCE_BATCH][REFERENCE_POSITIONS];
    int32_t images[REFERENCE_STEPS][REFERENCE_BATCH];
} Reference;

/* Fails the test that calls it when anything is missing or not of the shape that the spec gives it.
 */
Reference *reference_open(const ReferenceCase *which, int chunks);
void reference_close(Reference *reference);

/* Compare, and fail the test where they differ by more than they may. Gradients and weights in
 * double precision. */
void reference_expect_loss(const Reference *reference, int step, double loss);
void reference_expect_gradients(const Reference *reference, double *const *gradients);
void reference_expect_weights(const Reference *reference, double *const *weights);

/* Of products of bf16. A number rounded to 8 bits is off by at most 2^-9 of itself, evenly, so by
 * 2^-9 / sqrt(3) in the mean square; a product has two such sides. Along a path of P products these
 * errors add up as independent ones do: sqrt(2 P / 3) 2^-9 of the result. P is that of the longest
 * path of the module's `grad`; attention is two products, its gradient three on a path. */
double reference_rounding(const Reference *reference);

/* Each parameter's gradient as a vector: |ours - theirs| <= bound |theirs|. */
void reference_expect_gradients_near(const Reference *reference, double *const *gradients,
                                     double bound);
void reference_expect_loss_near(const Reference *reference, int step, double loss, double bound);

#endif
