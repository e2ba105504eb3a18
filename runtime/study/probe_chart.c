#include "runtime/study/probe_report.h"

#include "runtime/study/interval.h"

#include <stdio.h>
#include <stdlib.h>

enum { LABEL_SIZE = 24 };

static ChartBar bar_of(const ProbeResult *result, int few) {
    if (few >= 0) {
        const ProbeSpread spread = probe_spread(result->few + few * PROBE_SUBSETS, PROBE_SUBSETS);
        return (ChartBar){.value = spread.mean,
                          .low = spread.mean - spread.deviation,
                          .high = spread.mean + spread.deviation};
    }
    const LogisticScore *test = &result->all.test;
    const Interval interval = interval_of_share(test->correct, test->count);
    return (ChartBar){.value = probe_accuracy(test), .low = interval.low, .high = interval.high};
}

static char *subtitle_of(const Probed *probed, int few) {
    const long long n = probed->report.results[0].all.test.count;
    char *text = NULL;
    const int length =
        few >= 0 ? asprintf(&text,
                            "%lld labels a class, mean and standard deviation of %d draws, n = "
                            "%lld test images",
                            (long long)probed->report.labels[few], PROBE_SUBSETS, n)
                 : asprintf(&text, "all training labels, 95 %% intervals, n = %lld test images", n);
    return length < 0 ? NULL : text;
}

static char *title_of(const char *what) {
    char *text = NULL;
    return asprintf(&text, "Linear probe of %s", what) < 0 ? NULL : text;
}

/* "3..7" where the layers that are side by side follow one another, else "3+5+9". */
static void label_side(const Probed *probed, char label[LABEL_SIZE]) {
    const ProbeReport *report = &probed->report;
    const int64_t *numbers = probed->features.numbers;
    const long long first = numbers[report->side_index[0]];
    bool run = true;
    for (uint32_t i = 0; i < report->side_count; i++)
        run &= numbers[report->side_index[i]] == first + i;
    if (run) {
        snprintf(label, LABEL_SIZE, "%lld..%lld", first, first + report->side_count - 1);
        return;
    }
    int length = 0;
    for (uint32_t i = 0; i < report->side_count && length < LABEL_SIZE; i++)
        length += snprintf(label + length, (size_t)(LABEL_SIZE - length), "%s%lld", i ? "+" : "",
                           (long long)numbers[report->side_index[i]]);
}

static void make_bars(const Probed *probed, int few, ProbeChart *made) {
    const ProbeReport *report = &probed->report;
    const uint32_t layers = probed->features.layer_count;
    const uint32_t best = few >= 0 ? report->best_few[few] : report->best;
    for (uint32_t i = 0; i < made->chart.count; i++) {
        char *label = made->labels + (size_t)i * LABEL_SIZE;
        made->bars[i] = bar_of(i < layers ? &report->results[i] : &report->side, few);
        made->bars[i].chosen = i == best;
        made->bars[i].label = label;
        if (i < layers)
            snprintf(label, LABEL_SIZE, "%lld", (long long)probed->features.numbers[i]);
        else
            label_side(probed, label);
    }
}

bool probe_chart_make(const Probed *probed, const char *title, int few, ProbeChart *made) {
    const uint32_t layers = probed->features.layer_count;
    const uint32_t bars = layers + (probed->report.side_count > 0);
    *made = (ProbeChart){.bars = calloc(bars, sizeof *made->bars),
                         .labels = calloc(bars, LABEL_SIZE),
                         .title = title_of(title),
                         .subtitle = subtitle_of(probed, few)};
    if (!made->bars || !made->labels || !made->title || !made->subtitle) {
        probe_chart_free(made);
        return false;
    }
    made->chart = (Chart){.title = made->title,
                          .subtitle = made->subtitle,
                          .bar_axis = "layer",
                          .value_axis = "test accuracy",
                          .chosen = "chosen on validation",
                          .bars = made->bars,
                          .count = bars,
                          .reference_label = "raw pixels",
                          .reference = bar_of(&probed->report.results[layers], few).value};
    make_bars(probed, few, made);
    return true;
}

void probe_chart_free(ProbeChart *chart) {
    free(chart->bars);
    free(chart->labels);
    free(chart->title);
    free(chart->subtitle);
    *chart = (ProbeChart){0};
}
