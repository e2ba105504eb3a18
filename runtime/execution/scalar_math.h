/* Functions of one double whose bits depend on nothing but this source: no libm, so a learning rate
 * is the same on every machine. Relative error below 1e-13 (sin and cos: absolute, for |x| <= 1e6).
 */
#ifndef SCANLINE_RUNTIME_SCALAR_MATH_H
#define SCANLINE_RUNTIME_SCALAR_MATH_H

double scalar_exp(double x);
double scalar_log(double x);
double scalar_sin(double x);
double scalar_cos(double x);
double scalar_tanh(double x);
double scalar_pow(double x, double y); /* x < 0: only for an integer y, else NaN */

#endif
