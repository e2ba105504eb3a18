/* How long a probe takes, on features that are drawn: classes in the plane of a few directions,
 * among many that say nothing, with deviations that fall off as those of trained layers do.
 *
 * usage: bench_probe [IMAGES [WIDTH [CLASSES [LAYERS [SOLVER [THREADS]]]]]] */
#include "runtime/study/probe.h"
#include "ir/philox.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static double seconds(clockid_t clock) {
    struct timespec time;
    clock_gettime(clock, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

/* Nearly normal: of mean 0 and deviation 1. */
static double draw(uint32_t a, uint32_t b) {
    const PhiloxBlock block = philox4x32((PhiloxBlock){{a, b, 0, 0}}, 1, 2);
    double sum = 0;
    for (int i = 0; i < 4; i++)
        sum += (double)block.word[i] / 4294967296.0 - 0.5;
    return sum * sqrt(3);
}

static float *draw_layer(uint32_t layer, int64_t images, int64_t width, int64_t classes) {
    float *values = malloc((size_t)(images * width) * sizeof *values);
    double *hidden = malloc((size_t)width * sizeof *hidden);
    for (int64_t i = 0; values && hidden && i < images; i++) {
        const uint32_t class = (uint32_t)(i % classes);
        for (int64_t j = 0; j < width; j++)
            hidden[j] = (draw((uint32_t)i, (uint32_t)j + 100000 * (layer + 1)) +
                         0.25 * draw(class + 77, (uint32_t)j)) /
                        sqrt(1.0 + (double)j);
        for (int64_t j = 0; j < width; j++) { /* mixed, so that columns are correlated */
            double sum = 0;
            for (int64_t k = 0; k < 8; k++)
                sum += hidden[(j * 7 + k * k * 13) % width] * (k % 2 ? 1 : -0.7);
            values[i * width + j] = (float)sum;
        }
    }
    free(hidden);
    return values;
}

static int64_t number(int count, char **words, int which, int64_t usual) {
    return count > which ? atoll(words[which]) : usual;
}

int main(int count, char **words) {
    const int64_t images = number(count, words, 1, 60000), width = number(count, words, 2, 128),
                  classes = number(count, words, 3, 10), layers = number(count, words, 4, 9);
    const ProbeSettings settings = {
        .solver = count > 5 ? words[5] : "lbfgs", .epochs = 15, .batch = 256};
    FeatureTable *tables = calloc((size_t)layers, sizeof *tables);
    int64_t *numbers = calloc((size_t)layers, sizeof *numbers);
    int32_t *class_of = calloc((size_t)images, sizeof *class_of);
    DataImages splits[DATA_SPLIT_COUNT];
    for (int split = 0; split < DATA_SPLIT_COUNT; split++)
        splits[split] = (DataImages){0, calloc((size_t)images, sizeof(int32_t))};
    for (int32_t i = 0; i < images; i++) { /* 3/4 to train on, 1/12, 1/6: as CIFAR-10 */
        DataImages *to = &splits[i / classes % 12 < 9    ? DATA_TRAIN
                                 : i / classes % 12 < 10 ? DATA_VALIDATION
                                                         : DATA_TEST];
        class_of[i] = i % (int32_t)classes;
        to->images[to->count++] = i;
    }
    for (int64_t i = 0; i < layers; i++)
        tables[i] = (FeatureTable){"drawn", draw_layer((uint32_t)i, images, width, classes), width};
    const ProbeTask task = {.settings = &settings,
                            .class_of = class_of,
                            .classes = classes,
                            .splits = splits,
                            .features = tables,
                            .feature_count = (uint32_t)layers,
                            .layer_count = (uint32_t)layers,
                            .numbers = numbers,
                            .threads = (int)number(count, words, 6, 2)};
    ProbeReport report;
    RunError error;
    const double start = seconds(CLOCK_MONOTONIC), cpu = seconds(CLOCK_PROCESS_CPUTIME_ID);
    if (!probe_run(&task, &report, &error)) {
        fprintf(stderr, "%s\n", error.text);
        return 1;
    }
    printf("%s: %lld training images, %lld features, %lld classes, %lld layers: %.1f s, %.1f s of "
           "CPU; accuracy %.3f, %s %g\n",
           settings.solver, (long long)splits[DATA_TRAIN].count, (long long)width,
           (long long)classes, (long long)layers, seconds(CLOCK_MONOTONIC) - start,
           seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu,
           probe_accuracy(&report.results[report.best].all.test), "choice",
           report.results[report.best].all.choice);
    return 0;
}
