#include "runtime/commands/eval.h"
#include "runtime/study/interval.h"
#include "tests/unit/command_model.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

Test(commands, eval_says_how_sure_the_accuracy_is) {
    CommandRun *run = command_run_make();
    cr_assert(commands_eval(&run->command, DATA_TRAIN, &run->error), "%s", run->error.text);
    const char *text = command_run_results(run), *line = strstr(text, "\naccuracy ");
    double accuracy = -1, low = -1, high = -1;
    long long correct = -1, n = -1;
    int masks = -1;
    cr_assert(line, "%s", text);
    cr_assert_eq(sscanf(line,
                        " accuracy %lf (%lld of %lld; 95 %% interval %lf to %lf; vote: %d masks)",
                        &accuracy, &correct, &n, &low, &high, &masks),
                 6, "%s", text);
    const Interval interval = interval_of_share(correct, n);
    cr_expect_eq(masks, 5);
    cr_expect_eq(n, 1259);
    cr_expect_float_eq(accuracy, (double)correct / (double)n, 1e-6);
    cr_expect_float_eq(low, interval.low, 1e-4);
    cr_expect_float_eq(high, interval.high, 1e-4);
    command_run_remove(run);
}

Test(commands, eval_without_draws_does_not_vote) {
    CommandRun *run = command_run_make();
    run->program.plan = &command_steady_plan;
    cr_assert(commands_eval(&run->command, DATA_VALIDATION, &run->error), "%s", run->error.text);
    cr_expect(strstr(command_run_results(run), "accuracy"), "%s", run->results);
    cr_expect_not(strstr(command_run_results(run), "vote"), "%s", run->results);
    command_run_remove(run);
}

Test(commands, eval_gives_the_table_of_classes_as_json) {
    CommandRun *run = command_run_make();
    run->command.json = true;
    cr_assert(commands_eval(&run->command, DATA_TEST, &run->error), "%s", run->error.text);
    json_t *json = json_loads(command_run_results(run), 0, NULL), *table = NULL;
    cr_assert(json, "%s", run->results);
    int n = 0, correct = 0, masks = 0, sum = 0, right = 0;
    double accuracy = 0;
    cr_assert_eq(json_unpack(json, "{s:F, s:{s:i, s:i, s:i, s:o}}", "accuracy", &accuracy,
                             "classes", "n", &n, "correct", &correct, "masks", &masks, "confusion",
                             &table),
                 0, "%s", run->results);
    for (size_t label = 0; label < K; label++)
        for (size_t c = 0; c < K; c++) {
            const int images =
                (int)json_integer_value(json_array_get(json_array_get(table, label), c));
            sum += images;
            right += label == c ? images : 0;
        }
    cr_expect_eq(n, 359);
    cr_expect_eq(sum, n);
    cr_expect_eq(right, correct);
    cr_expect_eq(masks, 5);
    cr_expect_eq(accuracy, (double)correct / n);
    json_decref(json);
    command_run_remove(run);
}
