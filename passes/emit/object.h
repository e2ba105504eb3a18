/* A kernel to a relocatable object file in memory: the same bytes serve the JIT, the cache and
 * ahead-of-time programs. They depend on the body, symbol and target alone; with lines, on the
 * places of the body's nodes, too. */
#ifndef SCANLINE_PASSES_EMIT_OBJECT_H
#define SCANLINE_PASSES_EMIT_OBJECT_H

#include "ir/graph.h"
#include "passes/emit/target.h"

typedef struct ObjectOptions {
    bool verify; /* LLVM's verifier, before and after its passes */
    bool text;   /* the text of the optimised IR instead of an object */
    bool lines;  /* with debug information: lines of the spec (passes/emit/lines.h) */
} ObjectOptions;

/* Several threads may emit at once: each call has its own LLVM context. `bytes` is the caller's to
 * free; false, and the fault in words, when there is no memory or LLVM refuses. */
bool object_emit(const Target *target, const Function *body, const char *symbol,
                 const ObjectOptions *options, char **bytes, size_t *size, char *error,
                 size_t error_size);

#endif
