/* sample and complete. */
#include "runtime/commands/complete.h"
#include "runtime/commands/sample.h"
#include "tests/unit/command_model.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static const SampleCommand drawn = {
    .options = {.temperature = 1, .top_p = 1, .seed = 4}, .images = 10, .files = true};
static const CompleteCommand completed = {.options = {.temperature = 1, .top_p = 1, .seed = 4},
                                          .images = 3,
                                          .each = 2,
                                          .given = 0.5,
                                          .split = DATA_SPLIT_COUNT,
                                          .files = true};

static void expect_png(CommandRun *run, const char *name, const char *other_bytes,
                       size_t other_size, char **bytes, size_t *size) {
    *bytes = command_run_contents(run, name, size);
    cr_expect_eq(memcmp(*bytes, "\x89PNG", 4), 0, "%s", name);
    if (!other_bytes)
        return;
    cr_assert_eq(*size, other_size, "%s", name);
    cr_expect_arr_eq(*bytes, other_bytes, other_size, "%s", name);
}

Test(commands, images_are_the_same_for_any_number_of_threads) {
    CommandRun *run = command_run_make();
    static const char *const names[] = {"samples/samples.png", "samples/images/0009.png",
                                        "samples/completions.png", "samples/images/0002-1.png"};
    enum { NAMES = sizeof names / sizeof *names };
    size_t sizes[2][NAMES];
    char *bytes[2][NAMES];
    for (int i = 0; i < 2; i++) {
        run->command.threads = 1 + 2 * i;
        cr_assert(commands_sample(&run->command, &drawn, &run->error), "%s", run->error.text);
        cr_assert(commands_complete(&run->command, &completed, &run->error), "%s", run->error.text);
        for (int j = 0; j < NAMES; j++)
            expect_png(run, names[j], i ? bytes[0][j] : NULL, i ? sizes[0][j] : 0, &bytes[i][j],
                       &sizes[i][j]);
    }
    for (int i = 0; i < 2 * NAMES; i++)
        free(bytes[i / NAMES][i % NAMES]);
    cr_expect(strstr(command_run_results(run), "samples/completions.png"));
    command_run_remove(run);
}

/* A picture of an image that was drawn is an image to be completed, and its tokens are the same. */
Test(commands, completes_image_files) {
    CommandRun *run = command_run_make();
    cr_assert(commands_sample(&run->command, &drawn, &run->error), "%s", run->error.text);
    char *path = file_path(run->command.folder, "samples/images/0003.png");
    const char *const paths[] = {path};
    CompleteCommand files = completed;
    files.paths = paths;
    files.path_count = 1;
    files.given = 0.99;
    files.options.temperature = 0;
    cr_assert(commands_complete(&run->command, &files, &run->error), "%s", run->error.text);
    size_t size;
    char *text = command_run_contents(run, "samples/completions.json", &size);
    cr_expect(strstr(text, "\"given_positions\": 56"), "%s", text);
    free(text);
    files.given = 1;
    cr_expect_not(commands_complete(&run->command, &files, &run->error));
    cr_expect_eq(run->error.code, EXIT_USAGE);
    const char *const nowhere[] = {"/nowhere.png"}, *const broken[] = {"/etc/hostname"};
    files.given = 0.5;
    files.paths = nowhere;
    cr_expect_not(commands_complete(&run->command, &files, &run->error));
    cr_expect(strstr(run->error.text, "nowhere.png"), "%s", run->error.text);
    files.paths = broken;
    cr_expect_not(commands_complete(&run->command, &files, &run->error));
    cr_expect(strstr(run->error.text, "/etc/hostname"), "%s", run->error.text);
    free(path);
    command_run_remove(run);
}

Test(commands, sample_refuses_what_it_cannot_do) {
    CommandRun *run = command_run_make();
    SampleCommand wrong = drawn;
    wrong.options.top_p = 0;
    cr_expect_not(commands_sample(&run->command, &wrong, &run->error));
    cr_expect_eq(run->error.code, EXIT_USAGE);
    wrong = drawn;
    wrong.images = 0;
    cr_expect_not(commands_sample(&run->command, &wrong, &run->error));
    cr_expect_eq(run->error.code, EXIT_USAGE);
    run->experiment.autoregressive = false;
    run->experiment.train.objective = "bert";
    cr_expect_not(commands_sample(&run->command, &drawn, &run->error));
    cr_expect(strstr(run->error.text, "bert"), "%s", run->error.text);
    run->experiment.autoregressive = true;
    command_run_checkpoint(run, __builtin_nanf(""));
    cr_expect_not(commands_sample(&run->command, &drawn, &run->error));
    cr_expect_eq(run->error.code, EXIT_DIVERGED);
    command_run_remove(run);
}
