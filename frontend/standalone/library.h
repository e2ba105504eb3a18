/* A scanline_model, as the functions of scanline.h share it. */
#ifndef SCANLINE_STANDALONE_LIBRARY_H
#define SCANLINE_STANDALONE_LIBRARY_H

#include "frontend/carried_spec.h"
#include "runtime/execution/program.h"
#include "runtime/model/inference.h"
#include "runtime/training/trainer.h"
#include "frontend/standalone/scanline.h"

struct scanline_model {
    Arena *arena; /* of the spec and what it was lowered to */
    Experiment experiment;
    Plan *plan;
    Externals *externals; /* NULL: no functions of libraries are called */
    Program program;
    int threads;
    Trainer *trainer;
    Inference *evaluation, *features; /* made when first asked for */
    int64_t step;                     /* steps done */
    int64_t positions, colours, classes;
};

/* From the spec to a model with its initial values. False and `error`: it is to be closed all the
 * same. */
bool library_open(scanline_model *model, const scanline_options *options, RunError *error);
void library_close(scanline_model *model);

/* Sets what the caller asked to have said. The status. */
scanline_status library_answer(bool done, const RunError *fault, scanline_error *error);

/* Whether tokens [count, positions] and labels [count] are in range; those of labels only where the
 * model reads them. False and `error`. */
bool library_check(const scanline_model *model, const int32_t *tokens, const int32_t *labels,
                   int64_t count, int64_t positions, RunError *error);

/* Images of the caller's. */
typedef struct LibraryImages {
    const scanline_model *model;
    const int32_t *tokens, *labels;
} LibraryImages;

/* Fills a chunk with images first ... first + count - 1 of them, the last one as often as there is
 * room; an InferenceFill. */
void library_fill(void *user, int64_t first, int64_t count, Chunk *chunk);

/* A function of the program over the caller's images, made where *inference is NULL. */
bool library_inference(scanline_model *model, const char *function, Inference **inference,
                       RunError *error);

#endif
