/* Specs compiled for trainings of a few steps, in memory alone. */
#ifndef SCANLINE_TESTS_COMPILED_TRAINING_H
#define SCANLINE_TESTS_COMPILED_TRAINING_H

#include "passes/compile.h"
#include "runtime/training/trainer.h"

enum { TRAINING_BATCH = 8, TRAINING_COLOURS = 32 };

typedef struct Compiled {
    Arena *arena;
    Experiment experiment;
    CompiledModule *module;
    Jit *jit;
    Program program;
} Compiled;

/* What is compiled: a spec, with a batch of TRAINING_BATCH. An image GPT has n = 16,
 * v = TRAINING_COLOURS, d = 32, two heads and layers. */
typedef struct CompiledSpec {
    const char *file; /* from the root of the sources */
    const char *objective;
    int chunks;
    const char *update; /* NULL: the spec's own */
    bool is_other;      /* no image GPT: its dims stay as they are */
} CompiledSpec;

/* Faults end the test. */
Compiled compiled_open(const CompiledSpec *spec, const CompileOptions *options);
void compiled_close(Compiled *compiled);

/* A step's batch of colours, drawn from its number: `user` is a uint32_t *. */
void compiled_fill(void *user, int64_t number, Chunk *chunk);

uint32_t compiled_draw(uint32_t *state);

/* Both give the same losses, parameters and states, to the bit, in a few steps. */
void compiled_expect_same(const Compiled *left, int left_threads, const Compiled *right,
                          int right_threads);

#endif
