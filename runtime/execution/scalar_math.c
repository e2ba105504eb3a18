/* Range reduction, then a Taylor polynomial that is longer than it needs to be: speed does not
 * matter here. The functions of libm that are used (floor, frexp, ldexp, fabs) are exact. */
#include "runtime/execution/scalar_math.h"

#include <math.h>
#include <stdbool.h>

/* ln 2 and pi / 2 in two parts each; the first has trailing zeros, so that its product with a small
 * integer is exact (Cody and Waite, "Software Manual for the Elementary Functions", 1980). */
static const double ln2_high = 0x1.62e42fee00000p-1, ln2_low = 0x1.a39ef35793c76p-33;
static const double half_pi_high = 0x1.921fb54400000p+0, half_pi_low = 0x1.0b4611a626331p-34;

double scalar_exp(double x) {
    if (isnan(x))
        return x;
    if (x > 709.79)
        return INFINITY;
    if (x < -745.2)
        return 0;
    double k = floor(x / 0.6931471805599453 + 0.5);
    double r = (x - k * ln2_high) - k * ln2_low;
    double sum = 1;
    for (int n = 14; n >= 1; n--)
        sum = 1 + r / n * sum;
    return ldexp(sum, (int)k);
}

double scalar_log(double x) {
    if (isnan(x) || x < 0)
        return NAN;
    if (x == 0)
        return -INFINITY;
    if (isinf(x))
        return x;
    int k;
    double m = frexp(x, &k); /* [1/2, 1) */
    if (m < 0.7071067811865476) {
        m *= 2;
        k--;
    }
    double s = (m - 1) / (m + 1), square = s * s, sum = 0; /* ln m = 2 atanh s */
    for (int n = 27; n >= 1; n -= 2)
        sum = sum * square + 1.0 / n;
    return k * ln2_high + (2 * s * sum + k * ln2_low);
}

/* sin(r) for quarter 0, cos(r) for quarter 1, and their negatives; |r| <= pi / 4. */
static double quarter_wave(double r, int quarter) {
    double square = r * r, sum = 0;
    int last = quarter % 2 ? 18 : 19;
    for (int n = last; n >= 2; n -= 2)
        sum = -square / (n * (n - 1)) * (1 + sum);
    double wave = quarter % 2 ? 1 + sum : r + r * sum;
    return quarter >= 2 ? -wave : wave;
}

static double sine_from_quarter(double x, int quarter) {
    if (isnan(x) || isinf(x))
        return NAN;
    double k = floor(x / 1.5707963267948966 + 0.5);
    double r = (x - k * half_pi_high) - k * half_pi_low;
    int turned = (int)(k - 4 * floor(k / 4));
    return quarter_wave(r, (turned + quarter) % 4);
}

double scalar_sin(double x) { return sine_from_quarter(x, 0); }

double scalar_cos(double x) { return sine_from_quarter(x, 1); }

double scalar_tanh(double x) {
    if (isnan(x))
        return x;
    double magnitude = fabs(x), result;
    if (magnitude < 0.05) {
        double s = x * x;
        return x * (1 - s / 3 * (1 - s * 2 / 5 * (1 - s * 17 / 42 * (1 - s * 62 / 153))));
    }
    double e = scalar_exp(-2 * magnitude);
    result = (1 - e) / (1 + e);
    return x < 0 ? -result : result;
}

static double integer_power(double x, int n) {
    double result = 1;
    for (int i = 0; i < n; i++)
        result *= x;
    return result;
}

double scalar_pow(double x, double y) {
    bool integer = y == floor(y) && fabs(y) < 9007199254740992.0;
    if (y == 0)
        return 1;
    if (isnan(x) || isnan(y))
        return NAN;
    if (integer && fabs(y) <= 16) {
        double power = integer_power(x, (int)fabs(y));
        return y < 0 ? 1 / power : power;
    }
    if (x < 0 && !integer)
        return NAN;
    double magnitude = scalar_exp(y * scalar_log(fabs(x)));
    bool odd = integer && y != 2 * floor(y / 2);
    return x < 0 && odd ? -magnitude : magnitude;
}
