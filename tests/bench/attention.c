/* The attention of a rung's training, forward and backward, by itself: the kernels that its plan
 * has, on random values, shared by the threads as in training (whole chunks where there are as many
 * as threads, else tiles).
 *
 *     bench_attention SPEC [KEY=VALUE...]
 *
 * A line "forward N" or "backward N" on standard input does it N times for a whole batch, one
 * layer, and is answered by {"seconds": [...]}. The first line comes unasked: {"ready": true}, or
 * {"refused": "why"}. */
#include "ir/philox.h"
#include "runtime/execution/block.h"
#include "runtime/execution/float_mode.h"
#include "tests/bench/program.h"

#include <jansson.h>
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One kernel with memory for all chunks. */
typedef struct Work {
    const PlanKernel *kernel;
    KernelFunction code;
    int64_t chunks;
    int threads;
    PageBlock *blocks;  /* [chunks, operands] */
    char **operands;    /* the blocks' bytes */
    PageBlock *scratch; /* [threads] */
} Work;

static void values_draw(const PlanOperand *operand, char *bytes) {
    for (int64_t i = 0; i < operand->elements; i++) {
        const PhiloxBlock counter = {{(uint32_t)i, (uint32_t)(i >> 32), 0, 0}};
        const float value = (float)(2 * random_unit(philox4x32(counter, 2, 0).word[0]) - 1);
        uint32_t bits;
        memcpy(&bits, &value, sizeof bits);
        if (operand->type == PLAN_F32)
            memcpy(bytes + 4 * i, &bits, sizeof bits);
        else if (operand->type == PLAN_BF16)
            memcpy(bytes + 2 * i, &(uint16_t){(uint16_t)(bits >> 16)}, sizeof(uint16_t));
    }
}

static bool work_open(Work *work, const Program *program, uint32_t number, RunError *error) {
    *work = (Work){.kernel = &program->plan->kernels[number],
                   .code = program->kernels[number],
                   .chunks = program->experiment->train.chunks,
                   .threads = omp_get_num_procs()};
    const uint32_t count = work->kernel->operand_count;
    work->blocks = calloc((size_t)work->chunks * count, sizeof *work->blocks);
    work->operands = calloc((size_t)work->chunks * count, sizeof *work->operands);
    work->scratch = calloc((size_t)work->threads, sizeof *work->scratch);
    bool made = work->blocks && work->operands && work->scratch;
    for (int64_t i = 0; made && i < work->chunks * count; i++) {
        const PlanOperand *operand = &work->kernel->operands[i % count];
        made = block_create(&work->blocks[i],
                            operand->elements * (int64_t)plan_type_size(operand->type));
        work->operands[i] = work->blocks[i].bytes;
        if (made)
            values_draw(operand, work->operands[i]);
    }
    for (int i = 0; made && i < work->threads; i++)
        made = block_create(&work->scratch[i], work->kernel->scratch_bytes);
    return made || run_no_memory(error, "the operands");
}

static void work_close(Work *work) {
    for (int64_t i = 0; work->blocks && i < work->chunks * work->kernel->operand_count; i++)
        block_free(&work->blocks[i]);
    for (int i = 0; work->scratch && i < work->threads; i++)
        block_free(&work->scratch[i]);
    free(work->blocks);
    free(work->operands);
    free(work->scratch);
}

static void work_run(const Work *work) {
    const bool alone = work->chunks >= work->threads;
#pragma omp parallel num_threads(work->threads)
    {
        const int64_t share = omp_get_thread_num(), shares = omp_get_num_threads();
        const int64_t tiles = work->kernel->tiles;
        const uint64_t mode = float_mode_flush();
        for (int64_t chunk = 0; chunk < work->chunks; chunk++) {
            char *const *operands = work->operands + chunk * work->kernel->operand_count;
            int64_t first = alone ? 0 : tiles * share / shares;
            int64_t last = alone ? tiles : tiles * (share + 1) / shares;
            bool mine = !alone || chunk * shares / work->chunks == share;
            if (mine && first < last)
                work->code(operands, NULL, work->scratch[share].bytes, first, last);
        }
        float_mode_restore(mode);
    }
}

static void serve(const Work work[2]) {
    char line[64];
    while (fgets(line, sizeof line, stdin)) {
        const Work *asked = &work[line[0] == 'b'];
        const char *space = strchr(line, ' ');
        const char *comma = "";
        printf("{\"seconds\": [");
        for (int64_t left = space ? atoll(space) : 0; left > 0; left--, comma = ", ") {
            double start = bench_now();
            work_run(asked);
            printf("%s%.9f", comma, bench_now() - start);
        }
        printf("]}\n");
        fflush(stdout);
    }
}

/* The kernel whose symbol is NAME_ and a hash. */
static bool kernel_find(const Plan *plan, const char *name, uint32_t *number, RunError *error) {
    const PlanFunction *grad = plan_gradients(plan);
    for (uint32_t i = 0; grad && i < grad->step_count; i++) {
        const char *symbol = plan->kernels[grad->steps[i].kernel].symbol;
        const char *hash = strrchr(symbol, '_');
        if (hash && strlen(name) == (size_t)(hash - symbol) &&
            strncmp(symbol, name, strlen(name)) == 0) {
            *number = grad->steps[i].kernel;
            return true;
        }
    }
    return run_fail(error, EXIT_INPUT, "the training has no kernel %s", name);
}

int main(int count, char **words) {
    BenchProgram program = {.arena = arena_create()};
    RunError error = {0};
    Work work[2] = {{0}, {0}};
    uint32_t forward = 0, backward = 0;
    if (count < 2) {
        fprintf(stderr, "usage: bench_attention SPEC [KEY=VALUE...]\n");
        return EXIT_USAGE;
    }
    if (!program.arena || setjmp(*arena_boundary(program.arena))) {
        fprintf(stderr, "bench_attention: out of memory\n");
        return EXIT_MACHINE;
    }
    bool good = bench_program_open(&program, words[1], (const char *const *)words + 2,
                                   (uint32_t)count - 2, &error) &&
                kernel_find(program.program.plan, "attention", &forward, &error) &&
                kernel_find(program.program.plan, "attention_grad", &backward, &error) &&
                work_open(&work[0], &program.program, forward, &error) &&
                work_open(&work[1], &program.program, backward, &error);
    json_t *ready =
        good ? json_pack("{s:b}", "ready", 1) : json_pack("{s:s}", "refused", error.text);
    json_dumpf(ready, stdout, JSON_COMPACT);
    putchar('\n');
    fflush(stdout);
    json_decref(ready);
    if (good)
        serve(work);
    work_close(&work[0]);
    work_close(&work[1]);
    bench_program_close(&program);
    arena_destroy(program.arena);
    return good ? 0 : 1;
}
