/* Plots as SVG, their scales, and text from anywhere in them. */
#include "runtime/files/printable.h"
#include "runtime/study/markup.h"
#include "runtime/study/plot.h"
#include "runtime/study/scale.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void expect_holds(double low, double high, double least) {
    const Scale scale = scale_of(low, high, 6, least);
    cr_expect_leq(scale.low, low, "%g > %g", scale.low, low);
    cr_expect_geq(scale.high, high, "%g < %g", scale.high, high);
    cr_expect_gt(scale.step, 0);
    cr_expect(scale.ticks >= 2 && scale.ticks <= 10, "%d ticks from %g to %g", scale.ticks, low,
              high);
    cr_expect(isfinite(scale_place(&scale, low)) && isfinite(scale_place(&scale, high)));
}

Test(scale, holds_any_range) {
    const double ranges[][2] = {{0, 1},         {1.44, 1.6},    {-3, 200},  {0, 1e-12},
                                {1e12, 2e12},   {5, 5},         {0, 0},     {-1e300, 1e300},
                                {1, 1 + 1e-15}, {0.999, 1.001}, {-7, -6.9}, {0, 5e-324}};
    for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++)
        expect_holds(ranges[i][0], ranges[i][1], 0);
    expect_holds(0, 3, 1);
    cr_expect_eq(scale_of(0, 3, 6, 1).step, 1);
}

Test(scale, labels_tell_ticks_apart) {
    char label[32];
    const Scale losses = scale_of(1.44, 1.6, 6, 0), shares = scale_of(0.5, 1, 6, 0),
                signs = scale_of(-0.3, 0.3, 6, 0);
    scale_label(&losses, 1, 1, "", label, sizeof label);
    cr_expect_str_eq(label, "1.45");
    scale_label(&shares, 1, 100, " %", label, sizeof label);
    cr_expect_str_eq(label, "60 %");
    scale_label(&signs, 3, 1, "", label, sizeof label);
    cr_expect_str_eq(label, "0.0"); /* not -0.0 */
}

/* --- plots --- */

static PlotPoint curve[] = {
    {0, 1, 0, 0, NULL}, {10, 0.5, 0.4, 0.6, "half"}, {20, 0.25, 0, 0, NULL}};
static PlotSeries series[] = {
    {.name = "1: <b>", .line = true, .marks = true, .points = curve, .count = 3},
    {.name = NULL, .colour = 1, .line = true, .faint = true, .points = curve, .count = 2},
    {.name = "none", .colour = 2, .line = true, .dashed = true}};
static const Plot plot = {.name = "loss",
                          .title = "Loss & more",
                          .subtitle = "\"quoted\"",
                          .x_axis = "step",
                          .y_axis = "loss",
                          .x_whole = true,
                          .series = series,
                          .count = 3};

static int count_of(const char *text, const char *what) {
    int count = 0;
    for (const char *at = strstr(text, what); at; at = strstr(at + 1, what))
        count++;
    return count;
}

/* Each tag is closed, and nothing else looks like one. */
static void expect_well_formed(const char *svg) {
    int depth = 0;
    for (const char *at = strchr(svg, '<'); at; at = strchr(at + 1, '<')) {
        const char *end = strchr(at, '>');
        cr_assert(end);
        depth += at[1] == '/' ? -1 : end[-1] != '/';
        cr_assert_geq(depth, 0);
    }
    cr_expect_eq(depth, 0);
}

Test(plot, svg_is_well_formed_and_to_scale) {
    char *svg = plot_svg(&plot);
    cr_assert(svg);
    expect_well_formed(svg);
    cr_expect(strstr(svg, "Loss &amp; more"));
    cr_expect(strstr(svg, "&quot;quoted&quot;"));
    cr_expect(strstr(svg, ">1: &lt;b&gt;<"));
    /* The plot is 654 wide from 78 and 300 high from 76; x goes from 0 to 20, y from 0.2 to 1. */
    cr_expect(strstr(svg, "M78.0 76.0L405.0 263.5L732.0 357.2"), "%s", svg);
    cr_expect(strstr(svg, "M405.0 301.0V226.0"), "no interval");
    cr_expect_eq(count_of(svg, "<circle"), 4); /* three points and the key */
    cr_expect(strstr(svg, ">none<"));
    free(svg);
}

Test(plot, one_without_points_is_drawn) {
    const Plot empty = {.name = "x", .title = "t", .x_axis = "x", .y_axis = "y"};
    char *svg = plot_svg(&empty);
    cr_assert(svg);
    expect_well_formed(svg);
    cr_expect_null(strstr(svg, "nan"));
    cr_expect_null(strstr(svg, "inf"));
    free(svg);
}

/* --- text from anywhere --- */

static void expect_escaped(const char *text, const char *expected) {
    char *escaped;
    size_t size;
    FILE *out = open_memstream(&escaped, &size);
    markup_escape(out, text);
    fclose(out);
    cr_expect_str_eq(escaped, expected, "%s became %s", text, escaped);
    free(escaped);
}

Test(markup, nothing_gets_out_of_its_place) {
    expect_escaped("<script>&\"'", "&lt;script&gt;&amp;&quot;&#39;");
    expect_escaped("a\x01\x1b[2Jb\nc", "a  [2Jb\nc");
    expect_escaped("\xff<\xc3", "\xEF\xBF\xBD&lt;\xEF\xBF\xBD");
    expect_escaped("\xc0\xbc", "\xEF\xBF\xBD\xEF\xBF\xBD"); /* an overlong '<' */
    expect_escaped("ä€😀", "ä€😀");
    expect_escaped("", "");
    char text[] = "a\x1b[1m\xff\xc2\x9b"
                  "ä";
    printable_clean(text, "");
    cr_expect_str_eq(text, "a?[1m???ä");
}
