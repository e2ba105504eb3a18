/* Multinomial logistic regression, in double precision.
 *
 * With W [width + 1, classes], the last row being the biases, and x augmented by a 1, fitting
 * minimises
 *
 *     1/n sum_i cross_entropy(softmax(x_i W), label_i) + l2/2 |W without its last row|^2,
 *
 * which is scikit-learn's LogisticRegression with C = 1 / (l2 n): by L-BFGS (logistic_fit), or,
 * where there are too many rows to read them hundreds of times, by SGD (logistic_descend).
 *
 * Weights lie as f64[width + 1, product_columns(classes)]: a row ends in zeros. Every sum has a
 * fixed order, so that nothing depends on the CPU or the number of threads. */
#ifndef SCANLINE_RUNTIME_LOGISTIC_H
#define SCANLINE_RUNTIME_LOGISTIC_H

#include "runtime/study/feature_rows.h"

/* What to fit or to score. */
typedef struct LogisticData {
    const FeatureRows *rows;
    const int32_t *images;   /* [count]: which rows, ascending */
    const int32_t *class_of; /* by image; in [0, classes) */
    int64_t count, classes;
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

/* How many numbers the weights are; -1: too many. */
int64_t logistic_weights(const LogisticData *data);

/* weights: where to start, then the best found. The rows are shared by so many threads. */
LogisticStatus logistic_fit(const LogisticData *data, double l2, int threads, double *weights);

typedef struct LogisticDescent {
    double rate;           /* at the first step; it falls to 0 as a cosine */
    int64_t epochs, batch; /* at least LOGISTIC_LEAST_STEPS steps are taken, however few rows */
    int64_t seed;          /* of the order of the rows */
} LogisticDescent;

enum { LOGISTIC_LEAST_STEPS = 1000 };

/* SGD with momentum 0.9 and no decay, from weights of 0. */
LogisticStatus logistic_descend(const LogisticData *data, const LogisticDescent *descent,
                                double *weights);

/* Of the class with the largest score; of equals, the first. `right`, where not NULL, [classes]:
 * how many images of each class were found. False: no memory. */
bool logistic_score(const LogisticData *data, const double *weights, int64_t *right,
                    LogisticScore *score);

#endif
