/* The pass fuse: every op ends up in the body of one kernel.
 *
 * What passes between nodes of one kernel never goes through memory, and what a kernel reads it reads
 * once. So nodes are grouped where one kernel can compute them (passes/emit says what it can), a value is
 * computed twice where that moves less memory than storing it, and elementwise ops go to the matrix
 * product before them. What is left is a function of params, inputs, renames, kernels and their results. */
#include "passes/fuse.h"

#include "passes/passes.h"

Function *pass_fuse(const Function *function, PassContext *context) {
    (void)context;
    Fusion fusion = fuse_begin(fuse_split_sums(function));
    fuse_join(&fusion);
    fuse_recompute(&fusion);
    fuse_epilogues(&fusion);
    return fuse_end(&fusion);
}
