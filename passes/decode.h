/* Drawing images position by position: from the function `sample`, which computes the logits of all
 * positions, the step that computes those of one and keeps what later ones will read. */
#ifndef SCANLINE_PASSES_DECODE_H
#define SCANLINE_PASSES_DECODE_H

#include "passes/passes.h"

typedef struct DecodeOptions {
    const char *batch; /* name of the batch axis */
    int64_t images;    /* its extent: so many are drawn side by side */
    Precision precision;
    bool absorb; /* wherever it is sound, not only where it is faster: attention over what keys and
                    values are made of (decode_absorb.c), which is kept in their place */
    bool tiles;  /* what is kept in their place is kept in tiles as well (ir/tiled.h), not
                    compressed:  the target multiplies by tiles */
} DecodeOptions;

typedef struct DecodeFault {
    char text[512];
    Span place; /* in the spec; of no file where no line of it is at fault */
} DecodeFault;

/* A module with the functions decode and prefill, as runtime/execution/plan.h has their inputs and
 * outputs, in the arena of `module`. NULL and `fault`: the logits of a position need more than the
 * tokens before it, or what comes before cannot be kept. */
Module *derive_decode(const Module *module, const DecodeOptions *options, DecodeFault *fault);

/* Whether a function of that name is one of those that draw: prefill, decode, decode_weights. */
bool decode_has(const char *name);

/* Whether it is the step: it takes so little time that what threads wait for each other counts. */
bool decode_is_step(const Function *function);

/* What of `decode`, after the passes before fusion, depends on parameters alone goes to `weights`,
 * which is run once: weights in bf16, and in the order in which products read them. `target` says
 * in which; NULL: no code is to be made. */
typedef struct DecodeParts {
    Function *weights; /* NULL: there is nothing */
    Function *decode;
} DecodeParts;

DecodeParts decode_split(const Function *decode, const struct Target *target);

#endif
