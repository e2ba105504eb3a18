/* A model small enough to be compiled by hand, on the embedded digits: a linear regression of the
 * label on the pixels, trained by momentum. Its kernels are plain C, its plan goes through the file
 * form, so runtime tests need no compiler.
 *
 *     p = sum_n w[n] tokens[n] / 16 + c      loss = (p - label / 10)^2      metric.close = |p -
 * label / 10| < 0.05
 */
#ifndef SCANLINE_TESTS_RUNTIME_MODEL_H
#define SCANLINE_TESTS_RUNTIME_MODEL_H

#include "runtime/execution/program.h"

enum { MODEL_POSITIONS = 64 };

typedef struct TestModel {
    Experiment experiment;
    Plan *plan;
    KernelFunction *kernels;
    Program program;
    Parameter parameters[2], states[2];
    DataInput inputs[2];
    const char *metrics[1];
    Setting settings[4];
    char values[4][32];
    ScalarInstruction instructions[3];
    uint32_t outputs[2];
} TestModel;

/* The plan's file form for chunks of `b` images; malloc'ed. */
char *test_model_plan_text(int64_t b);

/* batch images a step in `chunks` chunks, `steps` steps, learning rate `rate` (times 1 / step). */
TestModel *test_model_create(int64_t batch, int64_t chunks, int64_t steps, double rate);
void test_model_free(TestModel *model);

#endif
