/* The passes over one function. Each builds a new function in the arena of the old one, which stays
 * as it was. Order and names are in passes/passes.def. */
#ifndef SCANLINE_PASSES_PASSES_H
#define SCANLINE_PASSES_PASSES_H

#include "ir/interpret.h"
#include "passes/precision.h"

struct FusionRecords; /* passes/fusion_record.h */

typedef struct PassContext {
    const struct Target *target; /* passes/emit/target.h; NULL where no code is to be made */
    Precision precision;
    int64_t arena_bytes; /* the most that the arena of gradients may take; 0: as it comes */
    /* Something the user should hear of (a fallback that costs memory, say). May be NULL. */
    void (*warn)(void *user, const SpanSet *spans, const char *text);
    void *user;
    const InterpretCaller *caller; /* of external functions, where passes are checked by value */
    struct FusionRecords *records; /* takes what fusion decides; NULL: nobody asks */
} PassContext;

typedef Function *PassFunction(const Function *function, PassContext *context);

#define PASS(NAME, doc) PassFunction pass_##NAME;
#include "passes/passes.def"
#undef PASS

/* Keeps the named outputs alone (in that order; those that do not exist are left out) and what they
 * need. */
Function *function_select(const Function *function, const char *name, const char *const *outputs,
                          size_t count);

/* `grad` of `forward`: differentiates sum[batch] $weight * loss with respect to every PARAM that
 * the loss depends on. Outputs: loss (that sum), then grad:PATH in the order of the PARAM nodes. */
Function *function_gradient(const Function *forward, const char *name, AxisId batch,
                            PassContext *context);

#endif
