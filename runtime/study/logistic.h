/* Multinomial logistic regression, in double precision.
 *
 * With W [width + 1, classes], the last row being the biases, and x augmented by a 1, fitting
 * minimises
 *
 *     1/n sum_i cross_entropy(softmax(x_i W), label_i) + l2/2 |W without its last row|^2,
 *
 * which is scikit-learn's LogisticRegression with C = 1 / (l2 n). */
#ifndef SCANLINE_RUNTIME_LOGISTIC_H
#define SCANLINE_RUNTIME_LOGISTIC_H

#include <stdbool.h>
#include <stdint.h>

/* Rows to fit or to score. Features carry their 1 in the last column already. */
typedef struct LogisticData {
    const double *features; /* [count, width + 1] */
    const int32_t *labels;  /* [count], in [0, classes) */
    int64_t count, width, classes;
} LogisticData;

typedef struct LogisticScore {
    int64_t count, correct;
    double cross_entropy; /* mean, in nats */
} LogisticScore;

typedef enum LogisticStatus {
    LOGISTIC_CONVERGED,
    LOGISTIC_STOPPED, /* out of iterations, or no step helps any more: the weights are usable */
    LOGISTIC_FAILED,  /* not finite */
    LOGISTIC_NO_MEMORY,
} LogisticStatus;

/* weights [width + 1, classes]: where to start, then the best found. */
LogisticStatus logistic_fit(const LogisticData *data, double l2, double *weights);

/* Of the class with the largest score; of equals, the first. False: no memory. */
bool logistic_score(const LogisticData *data, const double *weights, LogisticScore *score);

#endif
