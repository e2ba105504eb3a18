/* Student's t distribution. */
#ifndef SCANLINE_RUNTIME_STUDENT_H
#define SCANLINE_RUNTIME_STUDENT_H

/* The regularised incomplete beta function I_x(a, b) for a, b > 0 and x in [0, 1], to about 1e-13
 * (DLMF 8.17). */
double incomplete_beta(double a, double b, double x);

/* The t that a variable of `freedom` degrees (> 0, not only whole ones) stays below with
 * probability `share`, in (0, 1). */
double student_quantile(double share, double freedom);

#endif
