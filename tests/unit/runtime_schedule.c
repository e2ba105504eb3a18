/* The scalars of an update rule: our own functions against libm, and a whole learning rate. */
#include "runtime/execution/scalar_math.h"
#include "runtime/execution/schedule.h"

#include <criterion/criterion.h>
#include <math.h>

static void close_to(double got, double expected, double x, const char *name) {
    double error = fabs(got - expected) / fmax(fabs(expected), 1e-300);
    cr_assert(got == expected || error < 1e-13, "%s(%.17g) = %.17g, not %.17g", name, x, got,
              expected);
}

Test(scalar_math, agrees_with_libm) {
    for (int i = -2000; i <= 2000; i++) {
        double x = i * 0.0173;
        close_to(scalar_exp(x), exp(x), x, "exp");
        close_to(scalar_tanh(x), tanh(x), x, "tanh");
        cr_assert_float_eq(scalar_sin(x), sin(x), 1e-15);
        cr_assert_float_eq(scalar_cos(x), cos(x), 1e-15);
        cr_assert_float_eq(scalar_sin(x * 3e4), sin(x * 3e4), 1e-13);
        double positive = exp(x * 4);
        close_to(scalar_log(positive), log(positive), positive, "log");
        for (double y = -3.5; y < 30; y += 0.5)
            close_to(scalar_pow(fabs(x) + 0.1, y), pow(fabs(x) + 0.1, y), y, "pow");
        close_to(scalar_pow(x, 17), pow(x, 17), x, "pow 17");
    }
    for (int step = 1; step < 1000000; step = step * 5 / 4 + 1) {
        close_to(scalar_pow(0.95, step),
                 pow(0.95, step) < 1e-290 ? scalar_pow(0.95, step) : pow(0.95, step), step,
                 "0.95 ^ step");
        close_to(scalar_pow(0.9999, step), pow(0.9999, step), step, "0.9999 ^ step");
    }
}

Test(scalar_math, edges) {
    cr_assert_eq(scalar_exp(-INFINITY), 0);
    cr_assert_eq(scalar_exp(INFINITY), INFINITY);
    cr_assert_eq(scalar_exp(0), 1);
    cr_assert_eq(scalar_log(0), -INFINITY);
    cr_assert_eq(scalar_log(1), 0);
    cr_assert_eq(scalar_log(INFINITY), INFINITY);
    cr_assert(isnan(scalar_log(-1)) && isnan(scalar_exp(NAN)) && isnan(scalar_pow(-2, 0.5)));
    cr_assert(isnan(scalar_sin(INFINITY)));
    cr_assert_eq(scalar_pow(0, 0), 1);
    cr_assert_eq(scalar_pow(0, 3), 0);
    cr_assert_eq(scalar_pow(0, -1), INFINITY);
    cr_assert_eq(scalar_pow(-2, 3), -8);
}

/* 3e-3 * min(1, step / 100) * (1 + cos(pi (step - 1) / 800)) / 2 */
Test(schedule, warmup_and_cosine) {
    ScalarInstruction code[] = {
        {SCALAR_STEP, 0, 0, 0, 0},
        {SCALAR_CONST, 0, 0, 0, 100},
        {SCALAR_DIV, 0, 1, 0, 0},
        {SCALAR_CONST, 0, 0, 0, 1},
        {SCALAR_MIN, 3, 2, 0, 0},
        {SCALAR_SUB, 0, 3, 0, 0},
        {SCALAR_CONST, 0, 0, 0, M_PI / 800},
        {SCALAR_MUL, 5, 6, 0, 0},
        {SCALAR_COS, 7, 0, 0, 0},
        {SCALAR_ADD, 8, 3, 0, 0},
        {SCALAR_MUL, 9, 4, 0, 0},
        {SCALAR_CONST, 0, 0, 0, 1.5e-3},
        {SCALAR_MUL, 10, 11, 0, 0},
        {SCALAR_LESS, 0, 1, 0, 0},
        {SCALAR_SELECT, 13, 3, 0, 0},
    };
    uint32_t outputs[] = {12, 14};
    Schedule schedule = {.count = 15, .output_count = 2, .instructions = code, .outputs = outputs};
    for (int64_t step = 1; step <= 800; step += 37) {
        double values[2];
        cr_assert_eq(schedule_evaluate(&schedule, step, values), 0);
        double expected =
            3e-3 * fmin(1, (double)step / 100) * (1 + cos(M_PI * (double)(step - 1) / 800)) / 2;
        cr_assert(fabs(values[0] - expected) <= 1e-14 * expected);
        cr_assert_eq(values[1], step < 100 ? 1 : (double)step);
    }
}
