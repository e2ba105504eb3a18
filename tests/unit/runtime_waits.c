/* Where a team waits, and that it computes every tile once wherever it does not. */
#include "runtime/execution/executor.h"
#include "runtime/execution/waits.h"

#include <criterion/criterion.h>
#include <stdatomic.h>
#include <string.h>

enum { MOST_STEPS = 8, MOST_TILES = 13 };

/* Buffers of 16 floats, so 64 bytes: two inputs, four places of which the last lies on the first,
 * two outputs of which the second takes the place of the second input, and one of each thread. */
enum { X, W, A, B, C, OVER_A, Y, NEXT_W, OWN, BUFFERS };

static PlanBuffer buffers[BUFFERS] = {
    {PLAN_INPUT, PLAN_F32, 16, 0, 0},    {PLAN_INPUT, PLAN_F32, 16, 0, 1},
    {PLAN_ARENA, PLAN_F32, 16, 0, -1},   {PLAN_ARENA, PLAN_F32, 16, 64, -1},
    {PLAN_ARENA, PLAN_F32, 16, 128, -1}, {PLAN_ARENA, PLAN_F32, 16, 0, -1},
    {PLAN_OUTPUT, PLAN_F32, 16, 0, 0},   {PLAN_OUTPUT, PLAN_F32, 16, 0, 1},
    {PLAN_OWN, PLAN_F32, 16, 0, -1},
};
static PlanBinding inputs[] = {{.donated = -1}, {.donated = -1}};
static PlanBinding outputs[] = {{.donated = -1}, {.donated = 1}};
static PlanKernel kernel = {.tiles = MOST_TILES, .operand_count = 2, .output_count = 1};
static Plan plan = {.kernel_count = 1, .kernels = &kernel};

/* Steps of "from to" pairs; `wanted` has a 1 for each that waits. */
static void expect_waits(uint32_t count, uint32_t pairs[][2], const char *wanted) {
    PlanStep steps[MOST_STEPS];
    for (uint32_t i = 0; i < count; i++)
        steps[i] = (PlanStep){.operand_count = 2, .operands = pairs[i]};
    const PlanFunction function = {.input_count = 2,
                                   .output_count = 2,
                                   .buffer_count = BUFFERS,
                                   .step_count = count,
                                   .inputs = inputs,
                                   .outputs = outputs,
                                   .buffers = buffers,
                                   .steps = steps};
    bool *waits = waits_find(&plan, &function);
    cr_assert(waits);
    for (uint32_t i = 0; i < count; i++)
        cr_expect_eq(waits[i], wanted[i] == '1', "%s: step %u", wanted, i);
    free(waits);
}

Test(waits, readers_wait_for_writers) {
    expect_waits(4, (uint32_t[][2]){{X, A}, {X, B}, {A, C}, {B, Y}}, "0010");
    expect_waits(3, (uint32_t[][2]){{X, A}, {A, B}, {B, Y}}, "011");
}

Test(waits, writers_wait_for_readers_and_writers_of_the_same_place) {
    expect_waits(3, (uint32_t[][2]){{X, A}, {A, B}, {X, OVER_A}}, "011");
    expect_waits(2, (uint32_t[][2]){{X, A}, {X, OVER_A}}, "01");
    expect_waits(3, (uint32_t[][2]){{X, A}, {X, C}, {X, B}}, "000");
}

Test(waits, an_output_in_place_of_an_input_is_that_input) {
    expect_waits(2, (uint32_t[][2]){{W, A}, {X, NEXT_W}}, "01");
    expect_waits(2, (uint32_t[][2]){{X, NEXT_W}, {W, A}}, "01");
    expect_waits(2, (uint32_t[][2]){{X, A}, {X, NEXT_W}}, "00");
}

Test(waits, nobody_waits_for_what_threads_have_of_their_own) {
    expect_waits(3, (uint32_t[][2]){{X, OWN}, {OWN, A}, {OWN, B}}, "000");
    expect_waits(4, (uint32_t[][2]){{X, OWN}, {OWN, A}, {W, OWN}, {OWN, B}}, "0000");
    /* All read what one wrote. */
    expect_waits(3, (uint32_t[][2]){{X, A}, {A, OWN}, {OWN, B}}, "010");
    expect_waits(3, (uint32_t[][2]){{W, OWN}, {OWN, A}, {X, NEXT_W}}, "001");
}

/* --- tiles --- */

static atomic_int visits[MOST_STEPS][MOST_TILES];

static void visit(char *const *operands, const int64_t *immediates, char *scratch, int64_t first,
                  int64_t last) {
    (void)operands, (void)scratch;
    for (int64_t tile = first; tile < last; tile++)
        atomic_fetch_add(&visits[immediates[0]][tile], 1);
}

Test(waits, every_tile_is_computed_once) {
    static const KernelFunction code[] = {visit};
    static uint32_t pairs[MOST_STEPS][2];
    static int64_t numbers[MOST_STEPS];
    PlanStep steps[MOST_STEPS];
    for (uint32_t i = 0; i < MOST_STEPS; i++) {
        numbers[i] = i;
        pairs[i][0] = X;
        pairs[i][1] = i % 3 == 2 ? OVER_A : A + i % 3;
        steps[i] = (PlanStep){0, 2, pairs[i], 1, &numbers[i], "", 0, NULL, false};
    }
    PlanFunction function = {"f",     2,       2,     BUFFERS, MOST_STEPS, inputs,
                             outputs, buffers, steps, 192,     0};
    const Program program = {.plan = &plan, .kernels = code};
    static _Alignas(64) float memory[4][16];
    void *in[] = {memory[0], memory[1]}, *out[] = {memory[2], memory[1]};
    kernel.immediate_count = 1;
    for (int threads = 1; threads <= 5; threads++)
        for (int64_t tiles = 1; tiles <= MOST_TILES; tiles++) {
            memset(visits, 0, sizeof visits);
            kernel.tiles = tiles;
            const ExecutorUse use = {&function, EXECUTOR_TEAM};
            Executor *executor = executor_create(&program, threads, &use, 1);
            executor_run(executor, &function, in, out);
            executor_free(executor);
            for (int step = 0; step < MOST_STEPS; step++)
                for (int64_t tile = 0; tile < MOST_TILES; tile++)
                    cr_assert_eq(visits[step][tile], tile < tiles, "%d threads", threads);
        }
}
