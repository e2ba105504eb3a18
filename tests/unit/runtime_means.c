/* Differences of means, Student's t and rank correlations, against SciPy (vectors/ttest.py). */
#include "runtime/study/means.h"
#include "runtime/study/rank_correlation.h"
#include "runtime/study/student.h"

#include <criterion/criterion.h>
#include <jansson.h>
#include <math.h>

enum { MOST = 16 };

static json_t *vectors(const char *key) {
    json_error_t error;
    json_t *all = json_load_file(SCANLINE_SOURCE_DIR "/tests/unit/vectors/ttest.json", 0, &error);
    cr_assert(all, "%s", error.text);
    json_t *found = json_incref(json_object_get(all, key));
    json_decref(all);
    cr_assert_gt(json_array_size(found), 4);
    return found;
}

static double at(const json_t *array, size_t index) {
    return json_number_value(json_array_get(array, index));
}

static bool near(double value, double expected) {
    return fabs(value - expected) <= 1e-9 * fmax(fabs(expected), 1e-6);
}

Test(student, the_incomplete_beta_is_scipys) {
    json_t *cases = vectors("betas"), *c;
    size_t i;
    json_array_foreach(cases, i, c) {
        const double value = incomplete_beta(at(c, 0), at(c, 1), at(c, 2));
        cr_expect(near(value, at(c, 3)), "%zu: %.17g, not %.17g", i, value, at(c, 3));
    }
    cr_expect_eq(incomplete_beta(2, 3, 0), 0);
    cr_expect_eq(incomplete_beta(2, 3, 1), 1);
    json_decref(cases);
}

Test(student, quantiles_are_scipys) {
    json_t *cases = vectors("quantiles"), *c;
    size_t i;
    json_array_foreach(cases, i, c) {
        const double value = student_quantile(at(c, 0), at(c, 1));
        cr_expect(near(value, at(c, 2)) || (at(c, 0) == 0.5 && fabs(value) < 1e-12),
                  "%g of %g: %.17g, not %.17g", at(c, 0), at(c, 1), value, at(c, 2));
    }
    json_decref(cases);
}

static Sample sample_of(const json_t *array, double values[MOST]) {
    cr_assert_leq(json_array_size(array), MOST);
    for (size_t i = 0; i < json_array_size(array); i++)
        values[i] = at(array, i);
    return (Sample){values, (uint32_t)json_array_size(array)};
}

static void expect_estimate(const Estimate *estimate, const json_t *expected, const char *what) {
    const double low = json_number_value(json_object_get(expected, "low"));
    const double high = json_number_value(json_object_get(expected, "high"));
    const double freedom = json_number_value(json_object_get(expected, "freedom"));
    cr_expect(estimate->has_interval);
    cr_expect(near(estimate->interval.low, low), "%s: %.17g, not %.17g", what,
              estimate->interval.low, low);
    cr_expect(near(estimate->interval.high, high), "%s: %.17g, not %.17g", what,
              estimate->interval.high, high);
    cr_expect(near(estimate->value, (low + high) / 2), "%s", what);
    cr_expect(near(estimate->freedom, freedom), "%s: %.17g degrees, not %.17g", what,
              estimate->freedom, freedom);
}

Test(means, intervals_are_scipys) {
    json_t *cases = vectors("samples"), *c;
    size_t i, paired = 0;
    json_array_foreach(cases, i, c) {
        double values[2][MOST];
        const Sample a = sample_of(json_object_get(c, "a"), values[0]);
        const Sample b = sample_of(json_object_get(c, "b"), values[1]);
        const Estimate welch = estimate_welch(&a, &b);
        expect_estimate(&welch, json_object_get(c, "welch"), "Welch's");
        if (!json_object_get(c, "paired"))
            continue;
        const Estimate pairs = estimate_paired(&a, &b);
        expect_estimate(&pairs, json_object_get(c, "paired"), "paired");
        paired++;
    }
    cr_expect_geq(paired, 3);
    json_decref(cases);
}

Test(means, one_measurement_has_no_interval_and_equal_ones_none_to_speak_of) {
    const double one[] = {2.5}, same[] = {1, 1, 1}, more[] = {1.5, 1.5};
    const Sample a = {one, 1}, b = {same, 3}, c = {more, 2};
    cr_expect_not(estimate_mean(&a).has_interval);
    cr_expect_not(estimate_welch(&a, &b).has_interval);
    cr_expect_not(estimate_paired(&a, &a).has_interval);
    cr_expect_float_eq(estimate_welch(&a, &b).value, -1.5, 1e-15);
    const Estimate equal = estimate_welch(&b, &c);
    cr_expect(equal.has_interval);
    cr_expect_eq(equal.interval.low, 0.5);
    cr_expect_eq(equal.interval.high, 0.5);
    cr_expect_eq(sample_deviation(&a), 0);
}

Test(ranks, correlations_are_scipys) {
    json_t *cases = vectors("ranks"), *c;
    size_t i;
    json_array_foreach(cases, i, c) {
        double values[2][MOST], correlation;
        const Sample x = sample_of(json_object_get(c, "x"), values[0]);
        const Sample y = sample_of(json_object_get(c, "y"), values[1]);
        const double expected = json_number_value(json_object_get(c, "spearman"));
        cr_assert(rank_correlation(x.values, y.values, x.count, &correlation));
        cr_expect_float_eq(correlation, expected, 1e-12, "%zu: %.17g, not %.17g", i, correlation,
                           expected);
    }
    json_decref(cases);
}

Test(ranks, of_equal_values_there_is_no_correlation) {
    const double same[] = {1, 1, 1}, other[] = {1, 2, 3}, curved[] = {-1e9, 0, 1e-9};
    double correlation = 0;
    cr_assert(rank_correlation(same, other, 3, &correlation));
    cr_expect(isnan(correlation));
    cr_assert(rank_correlation(other, curved, 3, &correlation));
    cr_expect_float_eq(correlation, 1, 1e-15);
}
