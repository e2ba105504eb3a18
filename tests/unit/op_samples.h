/* Sources for every op, drawn from its `shape` and `sample` columns in ir/ops.def, so that a test
 * can go through the whole table: gradients against differences, compiled against interpreted.
 *
 * A sample is a function with the op applied once: its f32 sources are PARAMs (what can be
 * differentiated by them is meant to be), sources of other types and the extras of attention
 * INPUTs. Values are exact in f32 and keep away from kinks (at least 1/2048 from integers, zeros
 * and ties where the op breaks there). Axes come in several orders, with one missing here or there,
 * and extents such as 1, 3, 8 and 17; now and then another order of the result is asked for, or the
 * tensors are i32. */
#ifndef SCANLINE_TESTS_OP_SAMPLES_H
#define SCANLINE_TESTS_OP_SAMPLES_H

#include "ir/graph.h"
#include "ir/interpret.h"

/* Seeds 0 to OP_SAMPLE_SEEDS - 1 between them have every shape of every op. */
enum { OP_SAMPLE_SEEDS = 24, OP_SAMPLE_MAX_BINDINGS = 8 };

typedef struct OpSample {
    Function *function; /* outputs: y; or y.0, y.1 ... of an op with several results */
    NodeId node;        /* the op */
    InterpretBinding bindings[OP_SAMPLE_MAX_BINDINGS];
    uint32_t binding_count;
} OpSample;

/* False when the op has no samples: leaves, and those that only stand around others. */
bool op_sample(OpCode op, uint64_t seed, Arena *arena, OpSample *sample);

#endif
