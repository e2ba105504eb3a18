/* Run folders: numbering, also by several processes at once, addressing, names, run.json. */
#include "runtime/run/run_create.h"
#include "runtime/run/run_folder.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static char root[64];

static void make_root(void) {
    strcpy(root, "/tmp/scanline-runs-XXXXXX");
    cr_assert(mkdtemp(root));
}

static void remove_root(void) {
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", root);
    cr_assert_eq(system(command), 0);
}

TestSuite(run_folder, .init = make_root, .fini = remove_root);

static void made(const char *name, const char *expected) {
    FileError error;
    RunError fault;
    char *path = run_create(root, NULL, name, NULL, NULL, &fault);
    cr_assert(path, "%s", fault.text);
    cr_assert_str_eq(path + strlen(root) + 1, expected);
    cr_assert(run_record_write(path, json_object(), &error), "%s", error.text);
    free(path);
}

static void found(const char *address, const char *expected) {
    FileError error;
    char *path = run_find(root, address, &error);
    cr_assert(path, "%s", error.text);
    cr_assert_str_eq(path + strlen(root) + 1, expected);
    free(path);
}

Test(run_folder, numbers_go_on) {
    FileError error;
    RunError fault;
    cr_assert_null(run_find(root, "@last", &error));
    cr_assert(strstr(error.text, "no runs"));
    made("digits-ar-s1", "0001-digits-ar-s1");
    made("digits-ar-s1", "0002-digits-ar-s1");
    char path[128];
    snprintf(path, sizeof path, "%s/0041-other", root);
    free(run_create(root, path, "ignored", NULL, NULL, &fault));
    made("x", "0042-x");
    found("@last", "0042-x");
    found("2", "0002-digits-ar-s1");
    found("0002", "0002-digits-ar-s1");
    cr_assert_null(run_find(root, "3", &error));
    cr_assert(strstr(error.text, "the last is 42"), "%s", error.text);
    cr_assert_null(run_find(root, "/nonexistent", &error));
    snprintf(path, sizeof path, "%s/0001-digits-ar-s1", root);
    found(path, "0001-digits-ar-s1");
}

Test(run_folder, out_never_replaces) {
    RunError error;
    char path[128];
    snprintf(path, sizeof path, "%s/mine", root);
    char *first = run_create(root, path, "x", NULL, NULL, &error);
    cr_assert_str_eq(first, path);
    cr_assert_null(run_create(root, path, "x", NULL, NULL, &error));
    cr_assert(strstr(error.text, "exists already"));
    cr_assert_eq(error.code, EXIT_INPUT);
    free(first);
}

Test(run_folder, processes_get_numbers_of_their_own) {
    enum { PROCESSES = 8, EACH = 10 };
    for (int i = 0; i < PROCESSES; i++)
        if (fork() == 0) {
            RunError error;
            for (int j = 0; j < EACH; j++)
                if (!run_create(root, NULL, i % 2 ? "odd" : "even", NULL, NULL, &error))
                    _exit(1);
            _exit(0);
        }
    for (int i = 0; i < PROCESSES; i++) {
        int status;
        wait(&status);
        cr_assert_eq(status, 0);
    }
    RunEntry *entries;
    FileError error;
    cr_assert_eq(runs_list(root, &entries, &error), PROCESSES * EACH);
    for (int i = 0; i < PROCESSES * EACH; i++)
        cr_assert_eq(entries[i].number, i + 1);
    runs_free(entries, PROCESSES * EACH);
}

Test(run_folder, names_say_what_was_changed) {
    Setting settings[] = {{"d", "128", "command line", true},
                          {"h", "4", "digits.scan:1:1", false},
                          {"train.update", "sgd(lr = 0.1)", "command line", true},
                          {"train.seed", "7", "command line", true}};
    Experiment experiment = {.name = "digits", .settings = settings, .setting_count = 4};
    experiment.train.objective = "ar";
    experiment.train.seed = 7;
    char *name = run_name(&experiment);
    cr_assert_str_eq(name, "digits-ar-d128-updatesgdlr0.1-s7");
    free(name);
    char large[300];
    memset(large, 'x', sizeof large - 1);
    large[sizeof large - 1] = 0;
    settings[0].value = large;
    name = run_name(&experiment);
    cr_assert_eq(strlen(name), 80);
    cr_assert_str_eq(name + 77, "-s7");
    free(name);
}

Test(run_folder, test_reads_are_counted) {
    FileError error;
    made("x", "0001-x");
    char *path = run_find(root, "1", &error);
    cr_assert(run_count_test_read(path, "probe", &error), "%s", error.text);
    cr_assert(run_count_test_read(path, "eval", &error), "%s", error.text);
    json_t *record = run_record_read(path, &error);
    cr_assert_eq(json_array_size(json_object_get(record, "test_reads")), 2);
    json_decref(record);
    char *file = file_path(path, "run.json");
    cr_assert(file_write(file, "{", 1, &error));
    cr_assert_null(run_record_read(path, &error));
    cr_assert(strstr(error.text, "damaged"), "%s", error.text);
    free(file);
    free(path);
}

/* --- a folder appears whole --- */

static bool fill_spec(void *user, const char *draft, const char *folder, RunError *error) {
    FileError fault;
    RunEntry *entries;
    const bool *die = user;
    cr_assert(strstr(folder, "/0001-x"));
    char *path = file_path(draft, "spec.scan");
    cr_assert(file_write(path, "x", 1, &fault), "%s", fault.text);
    free(path);
    cr_assert_eq(runs_list(root, &entries, &fault), 0, "half a run is listed");
    if (*die)
        raise(SIGKILL);
    return run_fail(error, EXIT_MACHINE, "no room");
}

static int files_in_root(void) {
    int count = 0;
    DIR *stream = opendir(root);
    for (const struct dirent *entry; (entry = readdir(stream));)
        count += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
    closedir(stream);
    return count;
}

Test(run_folder, what_is_not_filled_does_not_appear) {
    RunError error;
    bool die = false;
    cr_assert_null(run_create(root, NULL, "x", fill_spec, &die, &error));
    cr_expect_str_eq(error.text, "no room");
    cr_expect_eq(files_in_root(), 0);
}

Test(run_folder, what_a_killed_process_left_is_cleared_away) {
    RunEntry *entries;
    FileError error;
    bool die = true;
    if (fork() == 0) {
        RunError fault;
        run_create(root, NULL, "x", fill_spec, &die, &fault);
        _exit(0);
    }
    int status;
    wait(&status);
    cr_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    cr_expect_eq(files_in_root(), 1);
    cr_expect_eq(runs_list(root, &entries, &error), 0);
    made("y", "0001-y"); /* the number was not given, the lock is free */
    cr_expect_eq(files_in_root(), 1, "the leftover is still there");
    char *path = file_path(root, "0001-y/spec.scan");
    cr_expect_neq(access(path, F_OK), 0, "the leftover is in the new run");
    free(path);
}

Test(run_folder, out_may_end_with_slashes) {
    RunError error;
    char path[128];
    snprintf(path, sizeof path, "%s/mine//", root);
    char *made_at = run_create("/nonexistent", path, "x", NULL, NULL, &error);
    cr_assert(made_at, "%s", error.text);
    cr_expect_str_eq(made_at + strlen(root), "/mine");
    free(made_at);
    snprintf(path, sizeof path, "%s/no/where", root);
    cr_assert_null(run_create(root, path, "x", NULL, NULL, &error));
    cr_expect_eq(error.code, EXIT_MACHINE);
}
