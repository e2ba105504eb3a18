/* All kernels of a plan as one text: LLVM's IR after its passes, or the assembly of that. */
#ifndef SCANLINE_PASSES_EMIT_LISTING_H
#define SCANLINE_PASSES_EMIT_LISTING_H

#include "passes/emit/target.h"

/* Of kernels in LLVM's IR, as object_emit writes it, one module: as that, or as assembly. `text` is
 * the caller's to free; false, and the fault in words. */
bool listing_make(const Target *target, const char *const *kernels, size_t count, bool assembly,
                  char **text, size_t *size, char *error, size_t error_size);

#endif
