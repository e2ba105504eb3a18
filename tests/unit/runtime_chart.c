/* Charts as text and SVG, and the baselines. */
#include "runtime/data/baseline.h"
#include "runtime/study/chart.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const ChartBar bars[] = {
    {"0", 0.5, 0.4, 0.6, false}, {"1", 1.0, 0.95, 1.0, true}, {"2", 0.0, 0.0, 0.05, false}};
static const Chart chart = {.title = "Probe <a & b>",
                            .subtitle = "n = 10",
                            .bar_axis = "layer",
                            .value_axis = "test accuracy",
                            .chosen = "chosen on validation",
                            .bars = bars,
                            .count = 3,
                            .reference_label = "pixels",
                            .reference = 0.75};

Test(chart, text_is_drawn_to_scale) {
    const ChartStyle style = {.columns = 58, .utf8 = false};
    char *text = chart_text(&chart, &style);
    cr_assert(text);
    cr_expect_str_eq(text,
                     "Probe <a & b>\n"
                     "  n = 10\n"
                     "       0 ###########     :       50.0 % (40.0 to 60.0)\n"
                     "       1 ###################### 100.0 % (95.0 to 100.0) *\n"
                     "       2                 :        0.0 % (0.0 to 5.0)\n"
                     "  pixels                 :       75.0 %\n"
                     "  * chosen on validation\n",
                     "%s", text);
    free(text);
}

/* Columns that a line of UTF-8 takes. */
static int columns_of(const char *line, size_t bytes) {
    int columns = 0;
    for (size_t i = 0; i < bytes; i++)
        columns += ((unsigned char)line[i] & 0xC0) != 0x80;
    return columns;
}

Test(chart, lines_fit_the_terminal) {
    for (int width = 60; width < 140; width += 7) {
        const ChartStyle style = {.columns = width, .utf8 = true};
        char *text = chart_text(&chart, &style);
        cr_assert(text);
        for (const char *line = text; *line; line = strchr(line, '\n') + 1)
            cr_expect_leq(columns_of(line, (size_t)(strchr(line, '\n') - line)), width);
        cr_expect(strstr(text, "█"));
        cr_expect_null(strchr(text, '\033'));
        free(text);
    }
}

Test(chart, colours_only_where_asked) {
    const ChartStyle style = {.columns = 80, .colours = true};
    char *text = chart_text(&chart, &style);
    cr_expect(text && strchr(text, '\033'));
    free(text);
}

Test(chart, svg_is_well_formed_and_to_scale) {
    char *svg = chart_svg(&chart);
    cr_assert(svg);
    cr_expect_eq(strncmp(svg, "<svg xmlns=", 11), 0);
    cr_expect(strstr(svg, "Probe &lt;a &amp; b&gt;"));
    cr_expect(strstr(svg, "chosen on validation"));
    cr_expect(strstr(svg, "stroke-dasharray"));
    int depth = 0, deepest = 0;
    for (const char *at = strchr(svg, '<'); at; at = strchr(at + 1, '<')) {
        const char *end = strchr(at, '>');
        cr_assert(end);
        if (at[1] == '/')
            depth--;
        else if (end[-1] != '/')
            depth++;
        cr_assert_geq(depth, 0);
        deepest = depth > deepest ? depth : deepest;
    }
    cr_expect_eq(depth, 0);
    cr_expect_geq(deepest, 2);
    /* The plot is 288 high from 76: half of it for 50 %, all for 100 %. */
    cr_expect(strstr(svg, "y=\"220.0\" width=\"64.0\" height=\"144.0\""), "%s", svg);
    cr_expect(strstr(svg, "y=\"76.0\" width=\"64.0\" height=\"288.0\""));
    free(svg);
}

/* --- baselines --- */

Test(baseline, is_what_counting_by_hand_gives) {
    const DataSettings settings = {.source = "digits", .validation = 0.1, .test = 0.2};
    DataError error;
    DataSet *data = data_open(&settings, &error);
    cr_assert(data);
    Baselines baselines;
    cr_assert(baseline_measure(data, 17, DATA_VALIDATION, &baselines));
    const DataImages *train = &data->splits[DATA_TRAIN],
                     *validation = &data->splits[DATA_VALIDATION];
    double counts[65][17]; /* of each position, then of all */
    for (int p = 0; p < 65; p++)
        for (int c = 0; c < 17; c++)
            counts[p][c] = 1;
    int32_t tokens[64];
    for (int64_t i = 0; i < train->count; i++) {
        data_batch(data, NULL, 0, &train->images[i], 1, tokens, NULL);
        for (int p = 0; p < 64; p++)
            counts[p][tokens[p]]++, counts[64][tokens[p]]++;
    }
    double histogram = 0, positions = 0;
    const double images = (double)train->count, tokens_seen = 64.0 * (double)validation->count;
    for (int64_t i = 0; i < validation->count; i++) {
        data_batch(data, NULL, 0, &validation->images[i], 1, tokens, NULL);
        for (int p = 0; p < 64; p++) {
            histogram -= log(counts[64][tokens[p]] / (64 * images + 17));
            positions -= log(counts[p][tokens[p]] / (images + 17));
        }
    }
    cr_expect_float_eq(baselines.uniform, log(17), 1e-12);
    cr_expect_float_eq(baselines.histogram, histogram / tokens_seen, 1e-9);
    cr_expect_float_eq(baselines.positions, positions / tokens_seen, 1e-9);
    cr_expect_lt(baselines.histogram, baselines.uniform);
    cr_expect_lt(baselines.positions, baselines.histogram);
    fprintf(stderr, "baselines of digits: %.4f %.4f %.4f nats per token\n", baselines.uniform,
            baselines.histogram, baselines.positions);
    data_close(data);
}

Test(baseline, too_few_colours_or_no_images_are_refused) {
    const DataSettings settings = {.source = "digits", .validation = 0, .test = 0.2};
    DataError error;
    DataSet *data = data_open(&settings, &error);
    cr_assert(data);
    Baselines baselines;
    cr_expect_not(baseline_measure(data, 17, DATA_VALIDATION, &baselines));
    cr_expect_not(baseline_measure(data, 16, DATA_TEST, &baselines));
    cr_expect(baseline_measure(data, 20, DATA_TEST, &baselines));
    data_close(data);
}
