#include "tests/bench/kernels.h"

#include "passes/canonical.h"
#include "passes/emit/kernel.h"
#include "tests/bench/program.h"

#include <string.h>

static bool same_code(Arena *arena, const Function *a, const Function *b) {
    const CanonicalForm left = canonical_form(arena, a), right = canonical_form(arena, b);
    return left.length == right.length && memcmp(left.bytes, right.bytes, left.length) == 0;
}

static void add(Arena *arena, BenchKernel *kernels, uint32_t *count, const Function *body,
                int64_t times) {
    for (uint32_t i = 0; i < *count; i++)
        if (same_code(arena, kernels[i].body, body)) {
            kernels[i].times += times;
            return;
        }
    if (*count < BENCH_KERNELS)
        kernels[(*count)++] = (BenchKernel){body, times};
}

/* The passes, as training has them, for the gradient alone. */
static const Function *gradient(BenchProgram *bench, const char *rung, const char *precision,
                                RunError *error) {
    const char *path =
        arena_printf(bench->arena, SCANLINE_SOURCE_DIR "/tests/bench/rungs/%s.scan", rung);
    const char *setting = arena_printf(bench->arena, "train.precision=%s", precision);
    const Module *module = bench_module_read(bench, path, &setting, 1, error);
    if (!module)
        return NULL;
    Module *alone = module_create(bench->arena);
    module_add(alone, (Function *)module_function(module, "grad"));
    CompileOptions options = compile_options_of(&bench->experiment);
    options.accumulate = false;
    CompileError fault = {0};
    const Module *compiled = compile_passes(alone, &options, &fault);
    if (!compiled)
        run_fail(error, EXIT_INPUT, "%s", fault.text);
    return compiled ? module_function(compiled, "grad") : NULL;
}

uint32_t bench_kernels(Arena *arena, const char *rung, const char *precision,
                       BenchKernel kernels[BENCH_KERNELS], RunError *error) {
    BenchProgram bench = {.arena = arena};
    uint32_t count = 0;
    const Function *function = gradient(&bench, rung, precision, error);
    for (NodeId id = 0; function && id < function->node_count; id++) {
        const Node *node = graph_node(function, id);
        if (node->op == OP_KERNEL && kernel_anchor(node->attributes.body) != NODE_NONE)
            add(arena, kernels, &count, node->attributes.body, bench.experiment.train.chunks);
    }
    if (function && !count)
        run_fail(error, EXIT_INPUT, "%s has neither products nor attention", rung);
    return count;
}
