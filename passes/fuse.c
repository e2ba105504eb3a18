/* The pass fuse: every op ends up in the body of one kernel.
 *
 * What passes between nodes of one kernel never goes through memory, and what a kernel reads it
 * reads once. So nodes are grouped where one kernel can compute them (passes/emit says what it
 * can), a value is computed twice where that moves less memory than storing it, and elementwise ops
 * go to the matrix product before them. Each step asks whether the groups that it changes are
 * kernels still; should others have become none, the joined groups are taken as they were. What is
 * left is a function of params, inputs, renames, kernels and their results. */
#include "passes/fuse.h"

#include "passes/passes.h"

static Fusion begin(const Function *split, bool recorded) {
    Fusion fusion = fuse_begin(split);
    fusion.record = recorded ? fusion_record_create(split) : NULL;
    return fusion;
}

Function *pass_fuse(const Function *function, PassContext *context) {
    const bool recorded = context && context->records;
    const Function *split = fuse_split_sums(function);
    Fusion fusion = begin(split, recorded);
    fuse_join(&fusion);
    fuse_recompute(&fusion);
    fuse_epilogues(&fusion);
    if (!fuse_is_sound(&fusion)) {
        fusion = begin(split, recorded);
        fuse_join(&fusion);
    }
    if (recorded)
        fusion_records_add(context->records, fusion.record);
    return fuse_end(&fusion);
}
