/* Choosing the outputs of a function. */
#include "passes/passes.h"
#include "passes/rewrite.h"

#include <string.h>

Function *function_select(const Function *function, const char *name, const char *const *outputs,
                          size_t count) {
    Rewrite rewrite = rewrite_begin(function, name);
    for (NodeId id = 0; id < function->node_count; id++)
        rewrite_copy(&rewrite, id);
    for (size_t i = 0; i < count; i++)
        for (uint32_t j = 0; j < function->output_count; j++) {
            const Output *output = &function->outputs[j];
            if (strcmp(output->name, outputs[i]) == 0)
                function_output(rewrite.to, output->name, rewrite.map[output->node],
                                output->donated);
        }
    return function_prune(rewrite.to);
}
