/* The executor, on kernels written by hand: tiles, arenas, modes, denormals, watching. */
#include "runtime/execution/executor.h"

#include <criterion/criterion.h>
#include <float.h>
#include <omp.h>
#include <stdatomic.h>
#include <string.h>

enum { COUNT = 1000, TILES = 10 };

/* y[i] = x[i] * immediate, through scratch */
static void scale(char *const *operands, const int64_t *immediates, char *scratch, int64_t first,
                  int64_t last) {
    const float *x = (const float *)operands[0];
    float *y = (float *)operands[1], *kept = (float *)scratch;
    for (int64_t tile = first; tile < last; tile++)
        for (int64_t i = tile * (COUNT / TILES); i < (tile + 1) * (COUNT / TILES); i++) {
            kept[i % 16] = x[i] * (float)immediates[0];
            y[i] = kept[i % 16];
        }
}

static atomic_int totals; /* how often the sum was computed */

/* y = sum of x: one tile */
static void total(char *const *operands, const int64_t *immediates, char *scratch, int64_t first,
                  int64_t last) {
    (void)immediates, (void)scratch;
    const float *x = (const float *)operands[0];
    float sum = 0;
    atomic_fetch_add(&totals, 1);
    for (int64_t i = 0; i < COUNT && first < last; i++)
        sum += x[i];
    *(float *)operands[1] = sum;
}

static PlanOperand large = {PLAN_F32, COUNT}, operands_scale[2], operands_total[2];
static PlanKernel kernels[2];
static const KernelFunction code[2] = {scale, total};
static int64_t two[] = {2}, three[] = {3};
static uint32_t first_operands[] = {0, 1}, second_operands[] = {1, 2}, third_operands[] = {2, 3};
static char names[3][8] = {"double", "triple", "total"};
static PlanStep steps[] = {{0, 2, first_operands, 1, two, names[0], 0, NULL, false},
                           {0, 2, second_operands, 1, three, names[1], 0, NULL, false},
                           {1, 2, third_operands, 0, NULL, names[2], 0, NULL, false}};
static PlanBuffer buffers[] = {{PLAN_INPUT, PLAN_F32, COUNT, 0, 0},
                               {PLAN_ARENA, PLAN_F32, COUNT, 0, -1},
                               {PLAN_ARENA, PLAN_F32, COUNT, 4032, -1},
                               {PLAN_OUTPUT, PLAN_F32, 1, 0, 0}};
static PlanBinding input, output;
static PlanFunction function = {.name = "f",
                                .input_count = 1,
                                .output_count = 1,
                                .buffer_count = 4,
                                .step_count = 3,
                                .inputs = &input,
                                .outputs = &output,
                                .buffers = buffers,
                                .steps = steps,
                                .arena_bytes = 8064};
static Plan plan = {
    .kernel_count = 2, .function_count = 1, .kernels = kernels, .functions = &function};
static const Program program = {.plan = &plan, .kernels = code};

static void prepare(void) {
    operands_scale[0] = operands_scale[1] = operands_total[0] = large;
    operands_total[1] = (PlanOperand){PLAN_F32, 1};
    kernels[0] = (PlanKernel){.tiles = TILES,
                              .scratch_bytes = 64,
                              .operand_count = 2,
                              .output_count = 1,
                              .operands = operands_scale,
                              .immediate_count = 1};
    kernels[1] =
        (PlanKernel){.tiles = 1, .operand_count = 2, .output_count = 1, .operands = operands_total};
}

TestSuite(executor, .init = prepare);

static _Alignas(64) float x[COUNT];

static float expected(float first) {
    float sum = 0;
    for (int i = 0; i < COUNT; i++) {
        x[i] = first + (float)i;
        sum += x[i] * 2 * 3;
    }
    return sum;
}

Test(executor, a_team_of_any_size_gives_the_same) {
    float result = 0, wanted = expected(0.1f);
    void *inputs[] = {x}, *outputs[] = {&result};
    for (int threads = 1; threads <= 16; threads++) {
        ExecutorUse use = {&function, EXECUTOR_TEAM};
        Executor *executor = executor_create(&program, threads, &use, 1);
        for (int round = 0; round < 20; round++) {
            result = 0;
            executor_run(executor, &function, inputs, outputs);
            cr_assert_eq(result, wanted, "%d threads", threads);
        }
        executor_free(executor);
    }
}

Test(executor, threads_alone_do_not_disturb_each_other) {
    enum { THREADS = 4, RUNS = 64 };
    static _Alignas(64) float many[RUNS][COUNT + 8];
    float results[RUNS], wanted[RUNS];
    for (int run = 0; run < RUNS; run++) {
        wanted[run] = expected((float)run);
        memcpy(many[run], x, sizeof x);
    }
    ExecutorUse use = {&function, EXECUTOR_ALONE};
    Executor *executor = executor_create(&program, THREADS, &use, 1);
#pragma omp parallel for num_threads(THREADS) schedule(dynamic, 1)
    for (int run = 0; run < RUNS; run++) {
        void *inputs[] = {many[run]}, *outputs[] = {&results[run]};
        executor_run_alone(executor, omp_get_thread_num(), &function, inputs, outputs);
    }
    for (int run = 0; run < RUNS; run++)
        cr_assert_eq(results[run], wanted[run]);
    executor_free(executor);
}

Test(executor, says_what_memory_it_takes) {
    ExecutorUse team = {&function, EXECUTOR_TEAM}, alone = {&function, EXECUTOR_ALONE};
    cr_assert_eq(executor_bytes(&plan, 1, &team, 1), 8064 + 64);
    cr_assert_eq(executor_bytes(&plan, 4, &team, 1), 8064 + 4 * 64);
    cr_assert_eq(executor_bytes(&plan, 4, &alone, 1), 4 * (8064 + 64));
}

/* y[i] = x[0] + i */
static void count_up(char *const *operands, const int64_t *immediates, char *scratch, int64_t first,
                     int64_t last) {
    (void)immediates, (void)scratch;
    float *y = (float *)operands[1];
    for (int64_t i = first * (COUNT / TILES); i < last * (COUNT / TILES); i++)
        y[i] = *(const float *)operands[0] + (float)i;
}

/* The sum, of each thread's own, then tiles that read it. */
Test(executor, what_threads_have_of_their_own_each_computes) {
    PlanOperand of_total[] = {large, {PLAN_F32, 1}}, of_count[] = {{PLAN_F32, 1}, large};
    PlanKernel both[] = {
        {.tiles = 1, .operand_count = 2, .output_count = 1, .operands = of_total},
        {.tiles = TILES, .operand_count = 2, .output_count = 1, .operands = of_count}};
    PlanBuffer places[] = {{PLAN_INPUT, PLAN_F32, COUNT, 0, 0},
                           {PLAN_OWN, PLAN_F32, 1, 64, -1},
                           {PLAN_OUTPUT, PLAN_F32, COUNT, 0, 0}};
    PlanStep two_steps[] = {{0, 2, first_operands, 0, NULL, names[2], 0, NULL, false},
                            {1, 2, second_operands, 0, NULL, names[0], 0, NULL, false}};
    PlanFunction spread = {"g", 1, 1, 3, 2, &input, &output, places, two_steps, 0, 128};
    Plan small = {.kernel_count = 2, .function_count = 1, .kernels = both, .functions = &spread};
    const KernelFunction compute[] = {total, count_up};
    const Program run = {.plan = &small, .kernels = compute};
    static _Alignas(64) float y[COUNT];
    float sum = 0;
    for (int i = 0; i < COUNT; i++)
        sum += x[i] = (float)i / 8;
    void *inputs[] = {x}, *outputs[] = {y};
    for (int threads = 1; threads <= 8; threads++) {
        ExecutorUse use = {&spread, EXECUTOR_TEAM};
        cr_expect_eq(executor_bytes(&small, threads, &use, 1), threads * 128);
        Executor *executor = executor_create(&run, threads, &use, 1);
        atomic_store(&totals, 0);
        executor_run(executor, &spread, inputs, outputs);
        cr_expect_eq(atomic_load(&totals), threads);
        for (int i = 0; i < COUNT; i++)
            cr_assert_eq(y[i], sum + (float)i, "%d threads", threads);
        executor_free(executor);
    }
}

Test(executor, denormals_are_flushed_inside_and_not_outside) {
    float result = 1;
    void *inputs[] = {x}, *outputs[] = {&result};
    memset(x, 0, sizeof x);
    x[0] = FLT_MIN / 4;
    for (int threads = 1; threads <= 2; threads++) {
        ExecutorUse use = {&function, EXECUTOR_TEAM};
        Executor *executor = executor_create(&program, threads, &use, 1);
        executor_run(executor, &function, inputs, outputs);
        cr_assert_eq(result, 0);
        executor_free(executor);
    }
    volatile float small = FLT_MIN / 4;
    cr_assert_neq(small * 2, 0);
}

static bool note(void *user, const PlanStep *step, const PlanKernel *kernel,
                 char *const *operands) {
    strcat(user, step->origin);
    const float *written = (const float *)operands[kernel->operand_count - kernel->output_count];
    return *written < 5;
}

Test(executor, watching_stops_where_it_is_told) {
    float result = -1;
    char seen[64] = "";
    void *inputs[] = {x}, *outputs[] = {&result};
    expected(1);
    ExecutorUse use = {&function, EXECUTOR_ALONE};
    Executor *executor = executor_create(&program, 1, &use, 1);
    executor_run_watched(executor, &function, function.step_count, inputs, outputs, note, seen);
    cr_assert_str_eq(seen, "doubletriple");
    seen[0] = '\0';
    executor_run_watched(executor, &function, 1, inputs, outputs, note, seen);
    cr_assert_str_eq(seen, "double");
    cr_assert_eq(result, -1);
    executor_free(executor);
}
