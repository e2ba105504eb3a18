/* What is read of runs for a report, whatever their files hold, and the page that is made of it. */
#include "runtime/commands/report.h"
#include "runtime/files/folder.h"
#include "runtime/report/base64.h"
#include "runtime/report/comparison.h"
#include "runtime/report/differences.h"

#include <criterion/criterion.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[] = "/tmp/scanline-report-XXXXXX";

static void make_folder(void) {
    cr_assert(mkdtemp(folder));
    setenv("SCANLINE_RUNS", folder, 1);
}

static void remove_it(void) {
    FileError error;
    cr_expect(folder_remove(folder, &error), "%s", error.text);
}

TestSuite(report, .init = make_folder, .fini = remove_it);

/* --- a run of files --- */

static void write_bytes(const char *run, const char *name, const void *bytes, size_t size) {
    FileError error;
    char *path, *parent;
    cr_assert(asprintf(&path, "%s/%s/%s", folder, run, name) > 0);
    cr_assert(asprintf(&parent, "mkdir -p \"$(dirname '%s')\"", path) > 0);
    cr_assert_eq(system(parent), 0);
    cr_assert(file_write(path, bytes, size, &error), "%s", error.text);
    free(path);
    free(parent);
}

static void write_text(const char *run, const char *name, const char *text) {
    write_bytes(run, name, text, strlen(text));
}

static const char record[] =
    "{\"id\": \"0001-x\", \"name\": \"x\", \"state\": \"done\", \"objective\": \"ar\", \"data\": "
    "\"d\", \"split\": \"s\", \"steps\": 20, \"best_step\": 20, \"best_validation_loss\": 1.5}";
static const char lines[] = "{\"step\": 0, \"split\": \"validation\", \"loss\": 2.5}\n"
                            "{\"step\": 10, \"split\": \"train\", \"loss\": 2.0}\n"
                            "{\"step\": 10, \"split\": \"validation\", \"loss\": 1.25}\n"
                            "{\"step\": 20, \"split\": \"validation\", \"loss\": 1.5}\n";

static void make_run(const char *run) {
    write_text(run, "run.json", record);
    write_text(run, "metrics.jsonl", lines);
    write_text(run, "spec.scan", "dim n = 1\n");
}

#define LAYER(name, n, correct)                                                                    \
    "{\"features\": \"" name "\", \"all_labels\": {\"test\": {\"n\": " #n                          \
    ", \"correct\": " #correct "}}}"

static char *run_path(const char *run) {
    char *path;
    cr_assert(asprintf(&path, "%s/%s", folder, run) > 0);
    return path;
}

static RunFindings read_run(const char *run, Pool *pool) {
    RunFindings findings;
    RunError error;
    char *path = run_path(run);
    cr_assert(findings_read(path, pool, &findings, &error), "%s", error.text);
    free(path);
    return findings;
}

/* --- what is read --- */

Test(report, figures_are_read) {
    Pool pool = {0};
    make_run("0001-x");
    write_text("0001-x", "probe/probe.json",
               "{\"step\": 10, \"layers\": [" LAYER("feature[2]", 100, 80) ", " LAYER(
                   "feature[5]", 100,
                   90) "], \"best\": " LAYER("feature[5]", 100,
                                             90) ", \"pixels\": " LAYER("pixels", 100, 50) "}");
    write_text("0001-x", "probe/step-000020/probe.json",
               "{\"step\": 20, \"layers\": [" LAYER("feature[0]", 100, 70) "], \"best\": " LAYER(
                   "feature[0]", 100, 70) "}");
    write_text("0001-x", "eval/test.json",
               "{\"images\": 50, \"step\": 10, \"loss\": 1.75, \"classes\": {\"n\": 50, "
               "\"correct\": 40}}");
    const RunFindings run = read_run("0001-x", &pool);
    cr_expect_str_eq(run.address, "1");
    cr_expect_str_eq(run.state, "done");
    cr_expect_eq(run.validation.count, 3);
    cr_expect_eq(run.train.count, 1);
    cr_expect_eq(run.best_loss, 1.25); /* the lines are newer than run.json */
    cr_expect_eq(run.best_step, 10);
    cr_expect_eq(run.probe_count, 2);
    cr_assert(run.probe);
    cr_expect_eq(run.probe->step, 10);
    cr_expect_eq(run.probe->layers[0].number, 2);
    cr_expect_eq(run.probe->best.test.value, 0.9);
    cr_expect(run.probe->has_pixels);
    cr_expect_eq(findings_loss_at(&run, 20), 1.5);
    cr_expect(isnan(findings_loss_at(&run, 15)));
    cr_assert(run.test);
    cr_expect_eq(run.test->loss, 1.75);
    cr_expect_eq(run.test->accuracy.value, 0.8);
    cr_expect_eq(run.note_count, 0);
    pool_free(&pool);
}

/* None of these is read as a figure, and each is noted. */
Test(report, what_is_no_figure_is_noted_and_left_out) {
    static const char *const bad_probes[] = {
        "",
        "[1, 2]",
        "{\"step\": -1, \"layers\": [" LAYER("f", 10, 5) "], \"best\": " LAYER("f", 10, 5) "}",
        "{\"step\": 1, \"layers\": [], \"best\": " LAYER("f", 10, 5) "}",
        "{\"step\": 1, \"layers\": [" LAYER("f", 10, 11) "], \"best\": " LAYER("f", 10, 5) "}",
        "{\"step\": 1, \"layers\": [" LAYER("f", 0, 0) "], \"best\": " LAYER("f", 10, 5) "}",
        "{\"step\": 1, \"layers\": [" LAYER("f", 1e5, 5) "], \"best\": " LAYER("f", 10, 5) "}",
        "{\"step\": 1, \"layers\": 7, \"best\": " LAYER("f", 10, 5) "}",
        "{\"step\": 1, \"layers\": [" LAYER("f", 10, 5) "], \"best\": null}",
    };
    for (size_t i = 0; i < sizeof bad_probes / sizeof *bad_probes; i++) {
        Pool pool = {0};
        make_run("0001-x");
        write_text("0001-x", "probe/probe.json", bad_probes[i]);
        const RunFindings run = read_run("0001-x", &pool);
        cr_expect_null(run.probe, "%s", bad_probes[i]);
        cr_expect_eq(run.note_count, 1, "%s: %u notes", bad_probes[i], run.note_count);
        pool_free(&pool);
    }
}

Test(report, lines_of_any_kind_are_gone_through) {
    static const char text[] =
        "{\"step\": 1, \"split\": \"validation\", \"loss\": 2}\n"
        "\n"
        "nonsense\n"
        "{\"step\": 2, \"split\": \"validation\", \"loss\": NaN}\n"
        "{\"step\": 2, \"split\": \"validation\", \"loss\": nan}\n"
        "{\"step\": 2, \"split\": \"validation\", \"loss\": -inf, \"accuracy\": 1}\n"
        "{\"step\": 2, \"split\": \"validation\", \"loss\": 1e999}\n"
        "{\"step\": 0, \"split\": \"validation\", \"loss\": 1}\n"
        "{\"step\": 1.5, \"split\": \"validation\", \"loss\": 1}\n"
        "a\0b\n"
        "{\"step\": 3, \"split\": \"validation\", \"loss\": 1.75}\n"
        "{\"step\": 4, \"split\": \"validation\", \"loss\": 1"; /* it was being written */
    Pool pool = {0};
    make_run("0001-x");
    write_bytes("0001-x", "metrics.jsonl", text, sizeof text - 1);
    const RunFindings run = read_run("0001-x", &pool);
    cr_expect_eq(run.validation.count, 2);
    cr_expect_eq(run.best_loss, 1.75);
    cr_assert_eq(run.note_count, 1);
    cr_expect_eq(strncmp(run.notes[0], "9 lines", 7), 0, "%s", run.notes[0]);
    pool_free(&pool);
}

/* --- names --- */

Test(report, runs_are_named_by_what_differs) {
    const Setting one[] = {
        {"layers", "2", "", false}, {"d", "64", "", false}, {"train.seed", "1", "", false}};
    const Setting two[] = {
        {"layers", "4", "", false}, {"d", "64", "", false}, {"train.seed", "2", "", false}};
    RunFindings runs[] = {{.address = "1",
                           .id = "0001-a",
                           .objective = "ar",
                           .data = "",
                           .split = "",
                           .settings = one,
                           .setting_count = 3},
                          {.address = "2",
                           .id = "0002-b",
                           .objective = "ar",
                           .data = "",
                           .split = "",
                           .settings = two,
                           .setting_count = 3}};
    Pool pool = {0};
    const SettingTable table = settings_compare(runs, 2, &pool);
    cr_assert_eq(table.count, 3);
    cr_expect(table.rows[0].differs && !table.rows[1].differs && table.rows[2].differs);
    const char **labels = runs_label(runs, 2, &table, &pool);
    cr_expect_str_eq(labels[0], "1: layers=2, seed=1");
    cr_expect_str_eq(labels[1], "2: layers=4, seed=2");
    cr_expect_str_eq(runs_kind_label(runs, 1, &table, &pool), "ar: layers=4");
    cr_expect_not(runs_alike(&runs[0], &runs[1]));
    runs[1].settings = (const Setting[]){one[0], one[1], two[2]};
    cr_expect(runs_alike(&runs[0], &runs[1]));
    uint32_t *groups;
    runs[1].objective = "bert";
    cr_expect_eq(runs_group(runs, 2, true, &pool, &groups), 2);
    cr_expect_eq(runs_group(runs, 2, false, &pool, &groups), 1);
    pool_free(&pool);
}

/* --- the page --- */

static char *page_of(const FoundRun *runs, uint32_t count) {
    RunError error;
    FileError fault;
    size_t size;
    char *path = run_path("page.html");
    FILE *nothing = fopen("/dev/null", "w");
    const ReportCommand command = {.runs = runs, .count = count, .out = path, .results = nothing};
    cr_assert(commands_report(&command, &error), "%s", error.text);
    fclose(nothing);
    char *page = file_read(path, 1 << 24, &size, &fault);
    cr_assert(page, "%s", fault.text);
    cr_expect_eq(strlen(page), size);
    free(path);
    return page;
}

/* Where in the page the scripts of the program begin: nothing before is theirs. */
static size_t own_part(const char *page) {
    const char *end = strstr(page, "Chart.js v3");
    cr_assert(end);
    return (size_t)(end - page);
}

Test(report, hostile_fields_stay_text) {
    static const char evil[] = "</script><script>alert(1)</script>";
    char *text;
    Pool pool = {0};
    make_run("0001-x");
    cr_assert(
        asprintf(&text,
                 "{\"state\": \"%s\", \"objective\": \"%s\", \"command\": \"%s\", \"reason\": "
                 "\"\\u001b[2J%s\", \"data\": \"d\", \"split\": \"s\", \"steps\": 1}",
                 evil, evil, evil, evil) > 0);
    write_text("0001-x", "run.json", text);
    write_text("0001-x", "spec.scan", "</pre><img src=x onerror=alert(2)> \xff");
    write_text("0001-x", "samples/<b>.png", "no PNG");
    write_bytes("0001-x", "samples/a.png", "\x89PNG\r\n\x1a\nrest", 12);
    write_text("0001-x", "probe/probe.json",
               "{\"step\": 10, \"layers\": [" LAYER("</script><i>", 10, 5) "], \"best\": " LAYER(
                   "</script><i>", 10, 5) "}");
    char *run = run_path("0001-x");
    const Setting settings[] = {{"a", "<u>", "", false}};
    const FoundRun found[] = {{run, settings, 1}, {run, NULL, 0}};
    char *page = page_of(found, 2);
    page[own_part(page)] = 0;
    static const char *const tags[] = {"<script>alert", "<img src=x", "<u>",
                                       "<i>",           "<b>.png",    "\x1b"};
    for (size_t i = 0; i < sizeof tags / sizeof *tags; i++)
        cr_expect_null(strstr(page, tags[i]), "%s is in the page", tags[i]);
    cr_expect(strstr(page, "&lt;script&gt;alert(1)"));
    cr_expect(strstr(page, "\\u003c/script\\u003e"));
    cr_expect(strstr(page, "data:image/png;base64,iVBORw0KGgpyZXN0"));
    cr_expect(strstr(page, "its settings: spec.scan is no sound spec"));
    cr_expect(strstr(page, "default-src &#39;none&#39;") || strstr(page, "default-src 'none'"));
    free(page);
    free(run);
    free(text);
    pool_free(&pool);
}

Test(report, what_is_absent_is_said_with_its_command) {
    write_text("0007-x", "run.json", record);
    write_text("0007-x", "spec.scan", "");
    char *run = run_path("0007-x");
    char *page = page_of(&(FoundRun){run, NULL, 0}, 1);
    page[own_part(page)] = 0;
    cr_expect(strstr(page, "No probe yet: <code>scanline probe 7</code>"));
    cr_expect(strstr(page, "No samples yet: <code>scanline sample 7</code>"));
    cr_expect(strstr(page, "<code>scanline train --resume 7</code>"));
    cr_expect_null(strstr(page, "<canvas"));
    free(page);
    free(run);
}

Test(report, losses_of_two_objectives_are_never_on_one_axis) {
    make_run("0001-x");
    make_run("0002-y");
    char *text = strdup(record);
    memcpy(strstr(text, "\"ar\""), "\"bt\"", 4);
    write_text("0002-y", "run.json", text);
    char *first = run_path("0001-x"), *second = run_path("0002-y");
    char *page = page_of((const FoundRun[]){{first, NULL, 0}, {second, NULL, 0}}, 2);
    cr_expect(strstr(page, "data-plot=\"loss-ar\""));
    cr_expect(strstr(page, "data-plot=\"loss-bt\""));
    free(page);
    free(first);
    free(second);
    free(text);
}

/* --- two objectives --- */

/* probe/NAME of a run: its best layer had so many of 1000 right, at a step. */
static void write_probe(const char *run, const char *name, int step, int correct) {
    char *text;
    cr_assert(asprintf(&text,
                       "{\"step\": %d, \"layers\": [{\"features\": \"feature[0]\", "
                       "\"all_labels\": {\"test\": {\"n\": 1000, \"correct\": %d}}}], \"best\": "
                       "{\"features\": \"feature[0]\", \"all_labels\": {\"test\": {\"n\": 1000, "
                       "\"correct\": %d}}}}",
                       step, correct, correct) > 0);
    write_text(run, name, text);
    free(text);
}

/* A run of an objective; a child of `parent`, unless that is "". */
static char *write_run(const char *run, const char *objective, const char *parent,
                       const char *more) {
    char *text;
    make_run(run);
    cr_assert(asprintf(&text,
                       "{\"id\": \"%s\", \"state\": \"done\", \"objective\": \"%s\", \"data\": "
                       "\"d\", \"split\": \"s\", \"parent\": {\"id\": \"%s\"}%s}",
                       run, objective, parent, more) > 0);
    write_text(run, "run.json", text);
    free(text);
    return run_path(run);
}

enum { OBJECTIVES = 7 };

/* Two of AR, one of BERT, and classifiers of all: of AR judged on test, of BERT on validation; and
 * one of a run that is not here. */
static void write_objectives(FoundRun found[OBJECTIVES]) {
    static const Setting seeds[] = {{"train.seed", "1", "", false}, {"train.seed", "2", "", false}};
    found[0] = (FoundRun){write_run("0001-a", "ar", "", ""), &seeds[0], 1};
    found[1] = (FoundRun){write_run("0002-a", "ar", "", ""), &seeds[1], 1};
    found[2] = (FoundRun){write_run("0003-b", "bert", "", ""), &seeds[0], 1};
    found[3] = (FoundRun){write_run("0004-c", "ar.classify", "0001-a", ""), &seeds[0], 1};
    found[4] = (FoundRun){write_run("0005-c", "ar.classify", "0002-a", ""), &seeds[1], 1};
    found[5] = (FoundRun){
        write_run("0006-d", "bert.classify", "0003-b", ", \"best_validation_accuracy\": 0.625"),
        &seeds[0], 1};
    found[6] = (FoundRun){write_run("0007-e", "ar.classify", "0009-z", ""), &seeds[0], 1};
    write_probe("0001-a", "probe/probe.json", 20, 800);
    write_probe("0002-a", "probe/probe.json", 20, 820);
    write_probe("0003-b", "probe/probe.json", 20, 700);
    write_text("0004-c", "eval/test.json", "{\"classes\": {\"n\": 1000, \"correct\": 900}}");
    write_text("0007-e", "eval/test.json", "{\"classes\": {\"n\": 1000, \"correct\": 100}}");
    write_text("0005-c", "eval/test.json", "{\"classes\": {\"n\": 1000, \"correct\": 910}}");
}

Test(report, objectives_have_a_table) {
    FoundRun found[OBJECTIVES];
    write_objectives(found);
    char *page = page_of(found, OBJECTIVES);
    cr_expect(strstr(page, "<th scope=\"row\">ar</th><td>2</td><td>81.0 ± 1.4 %</td><td>1000</td>"
                           "<td>90.5 ± 0.7 %, test split (2 runs)</td>"));
    cr_expect(strstr(page, "<th scope=\"row\">bert</th><td>1</td><td>70.0 %</td><td>1000</td>"
                           "<td>62.5 %, validation split (1 run)</td>"));
    free(page);
    for (int i = 0; i < OBJECTIVES; i++)
        free((char *)found[i].folder);
}

static bool is_file(const char *name) {
    char *path = run_path(name);
    const bool is = access(path, F_OK) == 0;
    free(path);
    return is;
}

Test(report, plots_that_are_no_longer_made_are_removed) {
    FoundRun found[OBJECTIVES];
    write_objectives(found);
    free(page_of(found, OBJECTIVES));
    write_text("page", "own.svg", "a user's"); /* beside them */
    cr_expect(is_file("page/objectives.svg") && is_file("page/loss-bert.svg"));
    free(page_of(found, 1));
    cr_expect(is_file("page/loss-ar.svg") && is_file("page/own.svg"));
    cr_expect_not(is_file("page/objectives.svg") || is_file("page/loss-bert.svg"));
    /* A page that is not ours names nothing that it could have removed. */
    write_text("victim", "x.svg", "");
    write_text("", "page.html",
               "<script type=\"application/json\" id=\"plots\">{\"../victim/x\": {}, "
               "\".\": {}}</script>");
    free(page_of(found, 1));
    cr_expect(is_file("victim/x.svg"));
    for (int i = 0; i < OBJECTIVES; i++)
        free((char *)found[i].folder);
}

Test(report, without_a_probe_of_its_own_a_run_has_that_of_its_last_step) {
    Pool pool = {0};
    make_run("0001-x");
    write_probe("0001-x", "probe/step-000020/probe.json", 20, 700);
    write_probe("0001-x", "probe/step-000010/probe.json", 10, 600);
    RunFindings run = read_run("0001-x", &pool);
    cr_assert(run.probe);
    cr_expect_eq(run.probe->step, 20);
    write_probe("0001-x", "probe/probe.json", 10, 650);
    run = read_run("0001-x", &pool);
    cr_expect_eq(run.probe->step, 10);
    pool_free(&pool);
}

/* Losses are 2.5, 1.25 and 1.5 at steps 0, 10 and 20. */
Test(report, loss_and_probe_have_their_rank_correlation) {
    char *run = write_run("0001-a", "ar", "", ""), *text, *page;
    size_t size;
    FileError fault;
    RunError error;
    write_probe("0001-a", "probe/step-000000/probe.json", 0, 500);
    write_probe("0001-a", "probe/step-000010/probe.json", 10, 600);
    page = page_of(&(FoundRun){run, NULL, 0}, 1);
    cr_expect_null(strstr(page, "Spearman"), "two points say nothing");
    free(page);
    write_probe("0001-a", "probe/step-000020/probe.json", 20, 700);
    page = page_of(&(FoundRun){run, NULL, 0}, 1);
    cr_expect(strstr(page, "Spearman&#39;s rank correlation -0.50 of 3 points") ||
              strstr(page, "Spearman's rank correlation -0.50 of 3 points"));
    free(page);
    char *svg = run_path("page/loss-probe-ar.svg");
    page = file_read(svg, 1 << 20, &size, &fault);
    cr_assert(page);
    cr_expect(strstr(page, "rank correlation -0.50 of 3 points"));
    FILE *results = open_memstream(&text, &size);
    const ReportCommand command = {
        .runs = &(FoundRun){run, NULL, 0}, .count = 1, .json = true, .results = results};
    cr_assert(commands_report(&command, &error), "%s", error.text);
    fclose(results);
    json_t *json = json_loads(text, 0, NULL);
    const json_t *found = json_array_get(json_object_get(json, "rank_correlations"), 0);
    cr_expect_str_eq(json_string_value(json_object_get(found, "plot")), "loss-probe-ar");
    cr_expect_float_eq(json_number_value(json_object_get(found, "spearman")), -0.5, 1e-12);
    cr_expect_eq(json_integer_value(json_object_get(found, "points")), 3);
    json_decref(json);
    free(page);
    free(svg);
    free(text);
    free(run);
}

Test(report, a_place_that_is_no_page_is_refused) {
    RunError error;
    make_run("0001-x");
    char *run = run_path("0001-x");
    const FoundRun found = {run, NULL, 0};
    const ReportCommand command = {.runs = &found, .count = 1, .out = ".html", .results = stderr};
    cr_expect_not(commands_report(&command, &error));
    cr_expect_eq(error.code, EXIT_USAGE);
    free(run);
}

Test(report, base64_is_that_of_rfc_4648) {
    static const char *const pairs[][2] = {{"", ""},
                                           {"f", "Zg=="},
                                           {"fo", "Zm8="},
                                           {"foo", "Zm9v"},
                                           {"foob", "Zm9vYg=="},
                                           {"fooba", "Zm9vYmE="},
                                           {"\xff\xfe\xfd", "//79"}};
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        char *text;
        size_t size;
        FILE *out = open_memstream(&text, &size);
        base64_print(out, pairs[i][0], strlen(pairs[i][0]));
        fclose(out);
        cr_expect_str_eq(text, pairs[i][1]);
        free(text);
    }
}

/* --- two sets --- */

typedef struct Sets {
    RunFindings a[3], b[3];
    Setting seeds[2][3];
} Sets;

static void make_sets(Sets *sets) {
    static const char *const numbers[] = {"1", "2", "3"};
    static const double losses[] = {1.5, 1.6, 1.8};
    for (int i = 0; i < 3; i++) {
        sets->seeds[0][i] = (Setting){"train.seed", numbers[i], "", false};
        sets->seeds[1][i] = (Setting){"train.seed", numbers[2 - i], "", false};
        sets->a[i] = (RunFindings){.folder = "a",
                                   .address = "a",
                                   .objective = "ar",
                                   .data = "d",
                                   .split = "s",
                                   .state = "done",
                                   .best_loss = losses[i],
                                   .seed = i + 1,
                                   .settings = &sets->seeds[0][i],
                                   .setting_count = 1};
        sets->b[i] = sets->a[i];
        sets->b[i].folder = "b";
        sets->b[i].seed = 3 - i;
        sets->b[i].settings = &sets->seeds[1][i];
        sets->b[i].best_loss = losses[2 - i] + 0.25;
    }
}

Test(compare, pairs_go_by_seed_and_not_by_order) {
    Sets sets;
    Pool pool = {0};
    Comparison comparison;
    RunError error;
    make_sets(&sets);
    FindingsSet a = {sets.a, 3}, b = {sets.b, 3};
    cr_assert(comparison_make(&a, &b, 0, &pool, &comparison, &error), "%s", error.text);
    cr_expect(comparison.paired);
    cr_assert_eq(comparison.figure_count, 1);
    const Estimate *difference = &comparison.figures[0].difference;
    cr_expect_float_eq(difference->value, 0.25, 1e-12);
    cr_expect(difference->has_interval &&
              difference->interval.high - difference->interval.low < 1e-9);
    for (int i = 0; i < 3; i++)
        cr_expect_eq(sets.b[i].seed, i + 1);
    pool_free(&pool);
}

Test(compare, seeds_in_part_are_no_pairs) {
    Sets sets;
    Pool pool = {0};
    Comparison comparison;
    RunError error;
    make_sets(&sets);
    sets.b[0].seed = 9;
    FindingsSet a = {sets.a, 3}, b = {sets.b, 3};
    cr_assert(comparison_make(&a, &b, 0, &pool, &comparison, &error));
    cr_expect_not(comparison.paired);
    cr_expect_gt(comparison.figures[0].difference.interval.high -
                     comparison.figures[0].difference.interval.low,
                 0.1);
    cr_expect_eq(comparison.note_count, 1);
    pool_free(&pool);
}

static void expect_refused(Sets *sets, unsigned across, const char *why) {
    Pool pool = {0};
    Comparison comparison;
    RunError error = {0};
    FindingsSet a = {sets->a, 3}, b = {sets->b, 3};
    cr_expect_not(comparison_make(&a, &b, across, &pool, &comparison, &error), "%s", why);
    cr_expect_eq(error.code, EXIT_INPUT);
    cr_expect(strstr(error.text, why), "%s", error.text);
    pool_free(&pool);
}

Test(compare, unlike_things_are_refused) {
    Sets sets;
    make_sets(&sets);
    sets.b[1].data = "e";
    expect_refused(&sets, ACROSS_DATA, "not of the same images");
    for (int i = 0; i < 3; i++)
        sets.b[i].data = "e";
    expect_refused(&sets, ACROSS_OBJECTIVES, "--across data");
    make_sets(&sets);
    for (int i = 0; i < 3; i++)
        sets.b[i].split = "t";
    expect_refused(&sets, 0, "other splits");
    make_sets(&sets);
    for (int i = 0; i < 3; i++)
        sets.b[i].objective = "bert";
    expect_refused(&sets, ACROSS_DATA, "--across objective");
    expect_refused(&sets, ACROSS_OBJECTIVES, "no figure in common");
}
