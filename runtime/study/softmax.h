/* Rows of class scores to probabilities, in double precision, to the same bits on every CPU. */
#ifndef SCANLINE_RUNTIME_SOFTMAX_H
#define SCANLINE_RUNTIME_SOFTMAX_H

#include <stdint.h>

/* scores [n, columns], of which the first `classes` count, become probabilities; what is behind
 * them becomes 0. Rows lie as runtime/study/product.h has them. Returns the sum over rows of the
 * cross-entropy, in nats, with labels [n]. */
double softmax_rows(double *scores, const int32_t *labels, int64_t n, int64_t classes,
                    int64_t columns);

#endif
