/* I_x(a, b) by its continued fraction, DLMF 8.17.22, evaluated from the front by the method of
 * Lentz as Thompson and Barnett modified it (J. Comput. Phys. 64, 1986); the fraction converges
 * quickly below x = (a + 1) / (a + b + 2), and above it I_x(a, b) = 1 - I_{1 - x}(b, a). */
#include "runtime/study/student.h"

#include <float.h>
#include <math.h>

enum { MOST_TERMS = 10000, HALVINGS = 200 };

static const double TINY = 1e-300;

static double away_from_zero(double value) { return fabs(value) < TINY ? TINY : value; }

/* d_m of DLMF 8.17.23: the m-th numerator. */
static double numerator(double a, double b, double x, int m) {
    const double k = m / 2; /* whole */
    if (m % 2 == 0)
        return k * (b - k) * x / ((a + 2 * k - 1) * (a + 2 * k));
    return -(a + k) * (a + b + k) * x / ((a + 2 * k) * (a + 2 * k + 1));
}

static double fraction(double a, double b, double x) {
    double value = 1, c = 1, d = 0;
    for (int m = 1; m <= MOST_TERMS; m++) {
        const double term = numerator(a, b, x, m);
        d = 1 / away_from_zero(1 + term * d);
        c = away_from_zero(1 + term / c);
        value *= c * d;
        if (fabs(c * d - 1) < DBL_EPSILON)
            break;
    }
    return value;
}

static double log_beta(double a, double b) {
    int sign;
    return lgamma_r(a, &sign) + lgamma_r(b, &sign) - lgamma_r(a + b, &sign);
}

double incomplete_beta(double a, double b, double x) {
    if (x <= 0 || x >= 1)
        return x <= 0 ? 0 : 1;
    if (x > (a + 1) / (a + b + 2))
        return 1 - incomplete_beta(b, a, 1 - x);
    return exp(a * log(x) + b * log1p(-x) - log_beta(a, b)) / (a * fraction(a, b, x));
}

/* Of a variable above 0. */
static double upper_tail(double t, double freedom) {
    return 0.5 * incomplete_beta(freedom / 2, 0.5, freedom / (freedom + t * t));
}

double student_quantile(double share, double freedom) {
    if (share < 0.5)
        return -student_quantile(1 - share, freedom);
    double low = 0, high = 1;
    while (upper_tail(high, freedom) > 1 - share && high < DBL_MAX / 4)
        high *= 2;
    for (int i = 0; i < HALVINGS && low < high; i++) {
        const double middle = low + (high - low) / 2;
        if (middle == low || middle == high)
            break;
        if (upper_tail(middle, freedom) > 1 - share)
            low = middle;
        else
            high = middle;
    }
    return high;
}
