/* Sweeps: what keys take, draws, rungs, who has a trial, which trials go on. */
#include "runtime/sweep/claim.h"
#include "runtime/sweep/conductor.h"
#include "runtime/sweep/results.h"
#include "runtime/sweep/trials.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static Pool pool;
static RunError error;
static char folder[64], database[96];

static void begin(void) {
    pool = (Pool){0};
    error = (RunError){0};
    strcpy(folder, "/tmp/scanline-sweep-XXXXXX");
    cr_assert(mkdtemp(folder));
    snprintf(database, sizeof database, "%s/sweep.db", folder);
}

static void end(void) {
    char command[128];
    pool_free(&pool);
    snprintf(command, sizeof command, "rm -rf %s", folder);
    cr_assert_eq(system(command), 0);
}

TestSuite(sweep, .init = begin, .fini = end);

/* --- keys and values --- */

static SweepKey key_of(const char *text) {
    SweepKey key;
    cr_assert(space_read(&pool, text, &key, &error), "%s: %s", text, error.text);
    return key;
}

Test(sweep, reads_lists_and_ranges) {
    static const struct {
        const char *text;
        const char *values[4];
    } cases[] = {
        {"layers=2,4,6", {"2", "4", "6"}},
        {"train.seed=3..5", {"3", "4", "5"}},
        {"a=1,7..8", {"1", "7", "8"}},
        {"train.update=adam(lr=1, b2=0.9),sgd(lr=2)", {"adam(lr=1, b2=0.9)", "sgd(lr=2)"}},
        {"probe.layers=[1,2],all", {"[1,2]", "all"}},
        {"data.source=\"a,b\",../c..d", {"\"a,b\"", "../c..d"}},
        {"x=-1..1", {"-1", "0", "1"}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const SweepKey key = key_of(cases[i].text);
        uint32_t count = 0;
        for (; count < 4 && cases[i].values[count]; count++)
            if (count < key.value_count)
                cr_expect_str_eq(key.values[count], cases[i].values[count]);
        cr_expect_eq(key.value_count, count, "%s", cases[i].text);
    }
    const SweepKey range = key_of("rate=1e-4..1e-2:log");
    cr_expect(!range.values && range.low == 1e-4 && range.high == 1e-2 && range.logarithmic);
    cr_expect(!range.integer && key_of("d=1..100000").integer);
}

Test(sweep, refuses_what_is_no_list_or_range) {
    static const char *const texts[] = {
        "rate",      "=1",         "rate=",        "rate=1,,2",    "rate=1,1",
        "rate=2..1", "a=0..1:log", "a=0.1..0.2,3", "a=1..100000,7"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        SweepKey key;
        error = (RunError){0};
        cr_expect_not(space_read(&pool, texts[i], &key, &error), "%s", texts[i]);
        cr_expect_eq(error.code, EXIT_USAGE);
        cr_expect(*error.text);
    }
}

Test(sweep, goes_through_all_combinations) {
    SweepKey keys[] = {key_of("a=1,2"), key_of("b=x,y,z")};
    const SweepSpace space = {keys, 2};
    int64_t count;
    cr_assert(space_count(&space, &count, &error));
    cr_assert_eq(count, 6);
    const char *values[2];
    for (int64_t i = 0; i < count; i++) {
        space_grid(&space, i, values);
        cr_expect_eq(values[0][0], "12"[i / 3]);
        cr_expect_eq(values[1][0], "xyz"[i % 3]);
    }
    keys[0] = key_of("a=0.1..0.2");
    cr_expect_not(space_count(&space, &count, &error));
}

/* --- draws --- */

Test(sweep, draws_evenly_and_within_the_range) {
    enum { DRAWS = 4000 };
    SweepKey keys[] = {key_of("rate=1e-4..1e-2:log"), key_of("d=1..100000"), key_of("k=a,b"),
                       key_of("w=0.25..0.75")};
    const SweepSpace space = {keys, 4};
    double below = 0, sum = 0, as = 0, mean = 0;
    for (uint32_t i = 0; i < DRAWS; i++) {
        const char *values[4];
        Pool own = {0};
        space_draw(&own, &space, 1, i, values);
        const double rate = strtod(values[0], NULL), d = strtod(values[1], NULL);
        const double w = strtod(values[3], NULL);
        cr_expect(rate >= 1e-4 && rate <= 1e-2 && d >= 1 && d <= 100000 && w >= 0.25 && w <= 0.75);
        cr_expect_eq(d, floor(d));
        below += rate < 1e-3;
        sum += d;
        as += *values[2] == 'a';
        mean += w;
        pool_free(&own);
    }
    const double spread = 4 / sqrt(DRAWS); /* four standard deviations and more of each below */
    cr_expect_lt(fabs(below / DRAWS - 0.5), spread * 0.5);
    cr_expect_lt(fabs(as / DRAWS - 0.5), spread * 0.5);
    cr_expect_lt(fabs(sum / DRAWS / 100000 - 0.5), spread * 0.29);
    cr_expect_lt(fabs(mean / DRAWS - 0.5), spread * 0.15);
}

Test(sweep, draws_are_of_seed_and_key_alone) {
    SweepKey both[] = {key_of("rate=1e-4..1e-2:log"), key_of("w=0.25..0.75")};
    const SweepSpace two = {both, 2}, one = {both + 1, 1};
    const char *first[2], *second[2], *third[1];
    space_draw(&pool, &two, 7, 3, first);
    space_draw(&pool, &two, 8, 3, second);
    space_draw(&pool, &one, 7, 3, third);
    cr_expect_str_eq(first[1], third[0]);
    cr_expect_str_neq(first[1], second[1]);
}

/* --- rungs --- */

Test(sweep, rungs_end_at_evaluations) {
    static const struct {
        int64_t steps, evaluate, keep;
        uint32_t count, rungs;
        int64_t first, second;
    } cases[] = {{900, 50, 3, 3, 3, 100, 300},
                 {800, 50, 3, 3, 3, 100, 300},
                 {81, 1, 3, 5, 5, 1, 3},
                 {100, 40, 10, 3, 2, 40, 0}, /* two of them would be the same */
                 {INT64_MAX / 2, 1, 1000, 16, 8, 0, 0}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        SweepRungs rungs;
        cr_assert(rungs_make(&rungs, cases[i].steps, cases[i].evaluate, cases[i].keep,
                             cases[i].count, &error));
        if (cases[i].first) {
            cr_expect_eq(rungs.count, cases[i].rungs);
            cr_expect_eq(rungs.steps[0], cases[i].first);
            cr_expect_eq(rungs.steps[1], cases[i].second);
        }
        for (uint32_t r = 1; r + 1 < rungs.count; r++)
            cr_expect_gt(rungs.steps[r], rungs.steps[r - 1]);
        cr_expect_eq(rungs.steps[rungs.count - 1], 0);
    }
    SweepRungs none;
    cr_expect_not(rungs_make(&none, 40, 50, 3, 3, &error));
    const SweepRungs rungs = {.keep = 3};
    cr_expect(rungs_kept(&rungs, 2) == 1 && rungs_kept(&rungs, 9) == 3);
}

/* --- trials --- */

static SweepPlan plan_of(SweepKey *keys, uint32_t count) {
    return (SweepPlan){.name = "x",
                       .description = "a sweep",
                       .identity = "1",
                       .figure = "loss",
                       .runs = "runs",
                       .space = {keys, count},
                       .rungs = {.count = 2, .steps = {10, 0}, .keep = 2},
                       .parts = 1};
}

static Store *store_of(const SweepPlan *plan) {
    Store *store = store_open(database, STORE_CREATE, &error);
    cr_assert(store, "%s", error.text);
    cr_assert(trials_enter(store, plan, &error), "%s", error.text);
    return store;
}

static int64_t integer_of(Store *store, const char *sql) {
    int64_t value;
    cr_assert(store_integer(store, &error, &value, sql, ""), "%s", error.text);
    return value;
}

Test(sweep, a_trial_is_claimed_once) {
    SweepKey keys[] = {key_of("a=1..3")};
    const SweepPlan plan = plan_of(keys, 1);
    Store *store = store_of(&plan);
    Store *other = store_open(database, STORE_CHANGE, &error);
    cr_assert(other, "%s", error.text);
    SweepTrial first, second, third, none;
    cr_assert(trials_claim(store, &first, &error) && trials_claim(other, &second, &error) &&
              trials_claim(store, &third, &error) && trials_claim(other, &none, &error));
    cr_expect(first.id == 1 && second.id == 2 && third.id == 3 && none.id == 0);
    cr_expect_str_eq(second.settings[0], "a=2");
    /* Let go without a word, as a process that died would: it is running, and may be had. */
    trials_release(&second);
    cr_expect_eq(integer_of(store, "SELECT count(*) FROM trials WHERE state = 'running'"), 3);
    cr_assert(trials_claim(store, &second, &error));
    cr_expect_eq(second.id, 2);
    cr_expect_eq(integer_of(store, "SELECT tries FROM trials WHERE id = 2"), 2);
    trials_release(&first);
    trials_release(&second);
    trials_release(&third);
    store_close(other);
    store_close(store);
}

Test(sweep, a_claim_lasts_as_long_as_either_process) {
    int ready[2];
    char byte;
    cr_assert_eq(pipe(ready), 0);
    const int claim = claim_take(database, 5, &error);
    cr_assert_geq(claim, 0);
    const pid_t child = fork();
    if (child == 0) {
        close(ready[1]);
        if (read(ready[0], &byte, 1) < 0) /* until the parent says so */
            _exit(1);
        _exit(0);
    }
    close(ready[0]);
    close(claim); /* the child has it still */
    cr_expect_eq(claim_take(database, 5, &error), CLAIM_HELD);
    const int another = claim_take(database, 6, &error);
    cr_expect_geq(another, 0);
    close(ready[1]);
    waitpid(child, NULL, 0);
    const int again = claim_take(database, 5, &error);
    cr_expect_geq(again, 0);
    close(again);
    close(another);
    cr_expect_eq(claim_take("/nonexistent/x.db", 1, &error), CLAIM_FAILED);
}

Test(sweep, small_trials_go_side_by_side) {
    const int64_t mebibyte = 1 << 20;
    cr_expect_eq(conductor_jobs(20 * mebibyte, 2, 8192 * mebibyte), 2);
    cr_expect_eq(conductor_jobs(20 * mebibyte, 64, 8192 * mebibyte), 64);
    cr_expect_eq(conductor_jobs(200 * mebibyte, 64, 8192 * mebibyte), 20, "half of the memory");
    cr_expect_eq(conductor_jobs(200 * mebibyte, 64, 100 * mebibyte), 1);
    cr_expect_eq(conductor_jobs(1400 * mebibyte, 2, 64 * 1024 * mebibyte), 1, "they share caches");
}

static void end_trial(Store *store, const SweepPlan *plan, const char *state, double value) {
    SweepTrial trial;
    cr_assert(trials_claim(store, &trial, &error) && trial.id);
    const int64_t id = trial.id;
    const SweepOutcome outcome = {.state = state, .code = EXIT_DIVERGED, .reason = "because"};
    cr_assert(trials_end(store, plan, &trial, &outcome, &error), "%s", error.text);
    cr_assert(
        store_run(store, &error, "UPDATE trials SET value = ? WHERE id = ?", "di", value, id));
}

Test(sweep, the_best_of_a_rung_go_on_when_all_are_there) {
    SweepKey keys[] = {key_of("a=1..5")};
    const SweepPlan plan = plan_of(keys, 1);
    Store *store = store_of(&plan);
    const double values[] = {3, NAN, 1, 2};
    for (int i = 0; i < 4; i++) {
        end_trial(store, &plan, i == 1 ? "failed" : "paused", values[i]);
        cr_assert(trials_promote(store, &plan, &error));
        cr_expect_eq(integer_of(store, "SELECT count(*) FROM trials WHERE rung > 0"), 0);
    }
    end_trial(store, &plan, "paused", 1); /* as good as trial 3, which is before it */
    cr_assert(trials_promote(store, &plan, &error), "%s", error.text);
    /* Two of five. */
    cr_expect_eq(integer_of(store, "SELECT count(*) FROM trials WHERE state = 'waiting'"), 2);
    cr_expect_eq(integer_of(store, "SELECT count(*) FROM trials WHERE state = 'dropped'"), 2);
    cr_expect_eq(integer_of(store, "SELECT sum(id) FROM trials WHERE rung = 1"), 3 + 5);
    cr_assert(trials_promote(store, &plan, &error));
    cr_expect_eq(integer_of(store, "SELECT sum(id) FROM trials WHERE rung = 1"), 3 + 5);
    store_close(store);
}

Test(sweep, entering_again_changes_nothing) {
    SweepKey keys[] = {key_of("a=1..4")};
    SweepPlan plan = plan_of(keys, 1);
    Store *store = store_of(&plan);
    end_trial(store, &plan, "failed", NAN);
    cr_assert(trials_enter(store, &plan, &error));
    cr_expect_eq(integer_of(store, "SELECT count(*) FROM trials WHERE state = 'failed'"), 1);
    cr_expect_eq(integer_of(store, "SELECT count(*) FROM settings"), 4);
    cr_assert(trials_retry(store, &error));
    cr_expect_eq(integer_of(store, "SELECT count(*) FROM trials WHERE state = 'waiting'"), 4);
    plan.identity = "2";
    cr_expect_not(trials_enter(store, &plan, &error));
    cr_expect_eq(error.code, EXIT_INPUT);
    store_close(store);
}

Test(sweep, csv_quotes_what_needs_it) {
    SweepKey keys[] = {key_of("a=f(x, \"y\"),plain")};
    const SweepPlan plan = plan_of(keys, 1);
    Store *store = store_of(&plan);
    end_trial(store, &plan, "failed", 0.1);
    Results results;
    char *text;
    size_t size;
    cr_assert(results_read(store, &results, &error), "%s", error.text);
    FILE *out = open_memstream(&text, &size);
    results_csv(&results, out);
    fclose(out);
    cr_expect(
        strstr(text,
               "\n1,failed,\"f(x, \"\"y\"\")\",0,0,0,,0.10000000000000001,,0,,0.000,,because\n"),
        "%s", text);
    cr_expect(strstr(text, "\n2,waiting,plain,0,0,0,,,,0,,0.000,,\n"), "%s", text);
    free(text);
    results_free(&results);
    store_close(store);
}
