#include "runtime/commands/probe.h"
#include "runtime/run/run_folder.h"
#include "tests/unit/command_model.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Each class has its line, and together they have n images. */
static void check_classes(const json_t *classes, int n) {
    int64_t images = 0;
    cr_assert_eq(json_array_size(classes), K);
    for (size_t c = 0; c < K; c++) {
        const char *name = NULL;
        int count = 0, correct = 0;
        double accuracy = 0;
        cr_assert_eq(json_unpack(json_array_get(classes, c), "{ss si si sf}", "class", &name, "n",
                                 &count, "correct", &correct, "accuracy", &accuracy),
                     0);
        cr_expect_gt(accuracy, 0.7, "class %s", name);
        cr_expect_float_eq(accuracy, (double)correct / count, 1e-6);
        images += count;
    }
    cr_expect_eq(images, n);
}

Test(commands, probe_writes_what_it_finds) {
    CommandRun *run = command_run_make();
    cr_assert(commands_probe(&run->command, &run->error), "%s", run->error.text);
    size_t size;
    char *text = command_run_contents(run, "probe/probe.json", &size);
    json_t *json = json_loads(text, 0, NULL);
    cr_assert(json);
    const char *best = NULL, *few = NULL;
    double layer = 0, pixels = 0;
    int n = 0, labels = 0;
    cr_assert_eq(json_unpack(json, "{s{ss}, s[{}, {si ss}], s{s{s{sf si}}}, s[{}, {s{s{sf}}}]}",
                             "best", "features", &best, "best_few", "labels_per_class", &labels,
                             "features", &few, "pixels", "all_labels", "test", "accuracy", &pixels,
                             "n", &n, "layers", "all_labels", "test", "accuracy", &layer),
                 0);
    cr_expect_str_eq(best, "feature[1]");
    cr_expect_str_eq(few, "feature[1]");
    cr_expect_eq(labels, 10);
    check_classes(json_object_get(json_object_get(json, "best"), "classes"), 359);
    cr_expect_eq(n, 359);
    cr_expect_gt(pixels, 0.94); /* scikit-learn's digits are nearly linear in their pixels */
    cr_expect_lt(pixels, 0.99);
    cr_expect_eq(layer, pixels, "features that are the pixels, at another scale");
    json_decref(json);
    free(text);
    free(command_run_contents(run, "probe/accuracy.svg", &size));
    free(command_run_contents(run, "probe/few_labels_4.svg", &size));
    free(command_run_contents(run, "probe/few_labels_10.svg", &size));
    cr_expect(strstr(command_run_results(run), "Linear probe of 0001-test\n"), "%s", run->results);
    cr_expect(strstr(command_run_results(run), "10 labels a class"), "%s", run->results);
    cr_expect(strstr(command_run_results(run), "probe/accuracy.svg"));
    command_run_remove(run);
}

Test(commands, reads_of_the_test_split_are_counted) {
    CommandRun *run = command_run_make();
    run->experiment.probe.labels.count = 0;
    FileError error;
    cr_assert(commands_probe(&run->command, &run->error), "%s", run->error.text);
    json_t *before = run_record_read(run->folder, &error);
    cr_assert(commands_probe(&run->command, &run->error), "%s", run->error.text);
    json_t *after = run_record_read(run->folder, &error);
    cr_expect_not(json_equal(before, after));
    json_decref(before);
    json_decref(after);
    char *path = file_path(run->folder, "probe/few_labels_10.svg");
    cr_expect_neq(access(path, F_OK), 0, "no probe with few labels was asked for");
    free(path);
    command_run_remove(run);
}

Test(commands, threads_do_not_change_a_probe) {
    CommandRun *run = command_run_make();
    size_t sizes[2];
    char *texts[2];
    for (int i = 0; i < 2; i++) {
        run->command.threads = 1 + 2 * i;
        cr_assert(commands_probe(&run->command, &run->error), "%s", run->error.text);
        texts[i] = command_run_contents(run, "probe/probe.json", &sizes[i]);
    }
    cr_expect_str_eq(texts[0], texts[1]);
    free(texts[0]);
    free(texts[1]);
    command_run_remove(run);
}

Test(commands, probe_refuses_what_is_not_there) {
    CommandRun *run = command_run_make();
    const int64_t layers[] = {0, 2};
    run->experiment.probe.layers = (IntegerList){layers, 2};
    cr_expect_not(commands_probe(&run->command, &run->error));
    cr_expect(strstr(run->error.text, "no layer 2"), "%s", run->error.text);
    run->experiment.probe.layers.count = 0;
    run->experiment.probe.features = "depth";
    cr_expect_not(commands_probe(&run->command, &run->error));
    cr_expect(strstr(run->error.text, "depth"), "%s", run->error.text);
    run->experiment.probe.features = "feature";
    run->experiment.data.seed = 1; /* another split: some test images were trained on */
    cr_expect_not(commands_probe(&run->command, &run->error));
    cr_expect(strstr(run->error.text, "other splits"), "%s", run->error.text);
    run->command.checkpoint = "/nowhere.safetensors";
    cr_expect_not(commands_probe(&run->command, &run->error));
    cr_expect_eq(run->error.code, EXIT_INPUT);
    command_run_remove(run);
}
