/* Small image GPTs, built node by node as the frontend lowers them, with bindings for them. */
#ifndef SCANLINE_TESTS_PASSES_MODELS_H
#define SCANLINE_TESTS_PASSES_MODELS_H

#include "ir/interpret.h"

/* What the score is made into. */
typedef enum ModelScore {
    SCORE_CAUSAL,       /* where(m <= n, s / sqrt(e), -inf) */
    SCORE_PLAIN,        /* s * c: nothing is masked */
    SCORE_UNSCALED,     /* s itself */
    SCORE_TRUE_MASK,    /* where(true, s / sqrt(e), -inf) */
    SCORE_WINDOW,       /* where(m <= n and n - m < 3, s / sqrt(e), -inf) */
    SCORE_STRICT,       /* where(m < n, ...): the first row is all -inf */
    SCORE_ALIBI,        /* causal, + slope(h) * (m - n) */
    SCORE_INPUT_MASK,   /* where(see, s / sqrt(e), -inf) with an input see[n, m] */
    SCORE_LEARNED_BIAS, /* s / sqrt(e) + param[h, n, m] */
    SCORE_CENTRED,      /* s - its mean over m */
    SCORE_KINDS
} ModelScore;

typedef struct ModelOptions {
    ModelScore score;
    int layers;
    bool bert;         /* hidden colours, no shift, instead of the next colour */
    bool tap_weights;  /* an output reads the weights of attention */
    bool head_is_zero; /* in the bindings */
} ModelOptions;

enum { MODEL_MAX_BINDINGS = 64 };

/* Outputs loss f32[b], logits, class, metric.accuracy, tap.feature.I. */
typedef struct Model {
    Function *forward;
    AxisId b, n, m, v, d, h, e, f, k;
    InterpretBinding bindings[MODEL_MAX_BINDINGS];
    size_t count;
} Model;

enum { MODEL_IMAGES = 2, MODEL_POSITIONS = 5, MODEL_COLOURS = 7 };

Model model_build(Arena *arena, const ModelOptions *options);

/* As many `grad:` and plain inputs as the model's update rule, w - lr * g, has for each param. */
Function *model_update(Arena *arena, const Model *model);

#endif
