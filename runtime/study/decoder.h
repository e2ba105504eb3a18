/* A model that gives the logits of one position after another, for some images side by side: the
 * functions decode, decode_weights and prefill of runtime/execution/plan.h, with their caches. */
#ifndef SCANLINE_RUNTIME_DECODER_H
#define SCANLINE_RUNTIME_DECODER_H

#include "runtime/model/model.h"

typedef struct Decoder Decoder;

/* The program and the model must outlive it; the model's parameters must not change. NULL and
 * `error`: the program cannot decode, or there is no memory. */
Decoder *decoder_create(const Program *program, const Model *model, int threads, RunError *error);
void decoder_free(Decoder *decoder);

int64_t decoder_images(const Decoder *decoder); /* side by side */
int64_t decoder_positions(const Decoder *decoder);
int64_t decoder_colours(const Decoder *decoder);
int decoder_threads(const Decoder *decoder);

/* How much of the whole (0 to 1) was done since it was last told; the shares add up to 1. */
typedef void DecoderProgress(void *user, double share);

/* Begins with images whose first tokens are given: tokens [images, positions], those that are not
 * given being any. Without it a decoder begins at position 0. */
void decoder_fill(Decoder *decoder, const int32_t *tokens, DecoderProgress *progress, void *user);

/* The logits [images, colours] of a position, given the tokens [images] before it (any before the
 * first). Positions come one after another: from 0 on, or from the first that was not given; 0
 * begins new images. Valid until the next step. */
const float *decoder_step(Decoder *decoder, const int32_t *before, int64_t position);

/* Bytes that a step at a position reads from memory at the least: of weights, and of what the
 * caches hold so far, as they are kept. */
double decoder_step_bytes(const Decoder *decoder, int64_t position);

#endif
