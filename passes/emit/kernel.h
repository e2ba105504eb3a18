/* From a kernel's body to machine code. The op that a body is built around decides who emits it:
 *
 *     contract                  contract.c    generated GEMM with its epilogue
 *     attention                 attention.c
 *     attention_grad            attention_grad.c
 *     update_slice              update_slice.c
 *     any other                 rows.c        loops with reductions
 *
 * A body's INPUT nodes, in node order, are the first operands of the kernel; its outputs, in order,
 * are the others. Each lies dense in memory in the order of its node's axes. Immediate i is the key
 * of the body's i-th RANDOM or RANDOM_NORMAL node.
 *
 * Emission reads the body and never allocates from its arena, so threads may share bodies.
 */
#ifndef SCANLINE_PASSES_EMIT_KERNEL_H
#define SCANLINE_PASSES_EMIT_KERNEL_H

#include "ir/graph.h"
#include "passes/emit/target.h"

struct Emitter;

typedef struct KernelShape {
    int64_t tiles;         /* independent parts, >= 1; a function of body and target alone */
    int64_t scratch_bytes; /* a thread, a multiple of 64 */
    double flops, bytes;   /* of all tiles; bytes: each operand once */
} KernelShape;

/* What the emitted kernel will need; no LLVM. */
void kernel_measure(const Function *body, const Target *target, KernelShape *shape);

/* Adds the kernel, which is no call, to the emitter's module as the global function `symbol`
 * (runtime/execution/kernel.h). */
void emit_kernel(struct Emitter *emitter, const Function *body, const char *symbol);

/* Whether output number `output` may lie in the memory of input number `input`: same type and size,
 * and no element of the input is read after that place of the output is written, in any tile. */
bool kernel_in_place(const Function *body, uint32_t input, uint32_t output);

/* The node around which the body is built: its contract, attention, attention_grad, update_slice,
 * call or call_grad; NODE_NONE when it has none of them. */
NodeId kernel_anchor(const Function *body);

/* The body's PARAM and INPUT nodes by number, and back. */
uint32_t kernel_input_count(const Function *body);
NodeId kernel_input(const Function *body, uint32_t number);
uint32_t kernel_input_number(const Function *body, NodeId input);

#endif
