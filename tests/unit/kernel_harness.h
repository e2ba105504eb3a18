/* Compiles one kernel body, runs it, and compares with the interpreter.
 *
 * Every operand ends within 63 bytes of a page that can't be touched, and has a margin in front
 * that must stay as it was; so does the scratch memory. */
#ifndef SCANLINE_TESTS_KERNEL_HARNESS_H
#define SCANLINE_TESTS_KERNEL_HARNESS_H

#include "passes/compile.h"
#include "passes/emit/kernel.h"

enum { HARNESS_MAX_OPERANDS = 32, HARNESS_TEXT = 1024 };

/* LLVM takes its time, under sanitizers three times as much, so they see a share: of bodies drawn
 * at random so many, of what is enumerated each fifth. Narrow targets have each third of that. */
#ifdef __SANITIZE_ADDRESS__
enum { HARNESS_EVERY = 5 };
#else
enum { HARNESS_EVERY = 1 };
#endif
enum { HARNESS_NARROW_EVERY = 3 * HARNESS_EVERY };
#define HARNESS_DRAWS(COUNT) ((COUNT) / HARNESS_EVERY)

/* Whether it is the turn of one of many bodies that a test goes through, for this machine (NULL) or
 * for a narrower one. */
bool harness_takes(const char *target);

typedef struct HarnessMemory {
    char *mapping;
    size_t mapped;
    char *bytes; /* 64-byte aligned */
    size_t size;
} HarnessMemory;

typedef struct Harness {
    const Function *body;
    KernelShape shape;
    uint32_t input_count, operand_count;
    HarnessMemory operands[HARNESS_MAX_OPERANDS];
    double *inputs[HARNESS_MAX_OPERANDS]; /* as the interpreter takes them */
    CompiledModule compiled;
    Jit *jit;
    char error[HARNESS_TEXT]; /* what went wrong */
} Harness;

/* Values are a function of `seed`, in [-1, 1) for f32. `target` as in CompileOptions; for one that
 * this machine can't run, only the object is made. False, and harness->error, when it does not
 * compile. */
bool harness_open(Harness *harness, const Function *body, const char *target, uint64_t seed);
/* The same with other choices than the target's; NULL: with those. */
bool harness_open_with(Harness *harness, const Function *body, const char *target,
                       const Choices *choices, uint64_t seed);
void harness_close(Harness *harness);

/* This machine, as what is compiled for no target by name is made for it. */
Target harness_target(void);

/* Overwrites an element of an input. */
void harness_set(Harness *harness, uint32_t input, int64_t element, double value);

/* Runs the tiles in groups of `group` (0: all at once), from the last group to the first, with
 * outputs and scratch full of NaN before. */
bool harness_run(Harness *harness, int64_t group);

/* The largest difference of any output from the interpreter's, over the largest value of that
 * output (or 1); infinite where one is NaN and the other not. Negative with harness->error on a
 * fault. */
double harness_difference(Harness *harness, Arena *arena);

/* A hash of all outputs' bytes. */
uint64_t harness_hash(const Harness *harness);

/* splitmix64: the next number of a sequence. */
uint64_t harness_random(uint64_t *state);

#endif
