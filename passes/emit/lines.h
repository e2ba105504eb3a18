/* Lines of the spec as debug information: each instruction has the place of the node that it was
 * written for; what belongs to no node, that of the kernel. It is on where ObjectOptions asks for
 * it, and changes no byte of the code (tests/unit/emit_lines.c). */
#ifndef SCANLINE_PASSES_EMIT_LINES_H
#define SCANLINE_PASSES_EMIT_LINES_H

#include "ir/graph.h"

#include <llvm-c/Core.h>

struct Emitter;
typedef struct Lines Lines;

/* From here on the emitter's functions have lines: emitter->lines. For a kernel's body. */
void lines_open(struct Emitter *emitter, const Function *body);
/* Completes the debug information; before LLVM's passes. */
void lines_close(struct Emitter *emitter);

/* A function that was just made gets its place; the builder stands in it from here on. Where there
 * are no lines, these do nothing. */
void lines_function(struct Emitter *emitter, LLVMValueRef function, const char *name);
/* The builder is back in a function that was left. */
void lines_return(struct Emitter *emitter, LLVMValueRef function);

/* What is written next is of a node's place. The place before, for lines_restore; a builder that is
 * moved before an instruction takes the place of that, and needs it, too. */
LLVMMetadataRef lines_node(struct Emitter *emitter, const Node *node);
LLVMMetadataRef lines_save(const struct Emitter *emitter);
void lines_restore(struct Emitter *emitter, LLVMMetadataRef place);

#endif
