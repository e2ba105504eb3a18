/* The lock of a run: one holder, and none that is dead; changes of run.json by several at once. */
#include "runtime/run/run_create.h"
#include "runtime/run/run_folder.h"
#include "runtime/run/run_lock.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static char root[64], *folder;

static void make_run(void) {
    RunError error;
    FileError fault;
    strcpy(root, "/tmp/scanline-lock-XXXXXX");
    cr_assert(mkdtemp(root));
    folder = run_create(root, NULL, "x", NULL, NULL, &error);
    cr_assert(folder, "%s", error.text);
    json_t *record = json_object();
    cr_assert(run_record_write(folder, record, &fault), "%s", fault.text);
    json_decref(record);
}

static void remove_run(void) {
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", root);
    cr_assert_eq(system(command), 0);
    free(folder);
}

TestSuite(run_lock, .init = make_run, .fini = remove_run);

Test(run_lock, has_one_holder_who_is_named) {
    RunError error;
    char who[32];
    cr_assert_not(run_is_locked(folder));
    int lock = run_lock(folder, &error);
    cr_assert(lock >= 0, "%s", error.text);
    cr_assert(run_is_locked(folder));
    cr_assert_lt(run_lock(folder, &error), 0);
    cr_expect_eq(error.code, EXIT_MACHINE);
    snprintf(who, sizeof who, "process %ld ", (long)getpid());
    cr_expect(strstr(error.text, who), "%s", error.text);
    cr_expect(strstr(error.text, folder), "%s", error.text);
    run_unlock(lock);
    cr_assert_not(run_is_locked(folder));
    lock = run_lock(folder, &error);
    cr_assert(lock >= 0, "%s", error.text);
    run_unlock(lock);
}

Test(run_lock, ends_with_its_process) {
    RunError error;
    int ready[2];
    char byte;
    cr_assert_eq(pipe(ready), 0);
    pid_t child = fork();
    if (child == 0) {
        if (run_lock(folder, &error) >= 0 && write(ready[1], "x", 1) == 1)
            pause();
        _exit(1);
    }
    cr_assert_eq(read(ready[0], &byte, 1), 1);
    cr_assert(run_is_locked(folder));
    cr_assert_lt(run_lock(folder, &error), 0);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    int lock = run_lock(folder, &error);
    cr_assert(lock >= 0, "%s", error.text);
    run_unlock(lock);
}

Test(run_lock, that_cannot_be_made_is_an_error) {
    RunError error;
    cr_assert_lt(run_lock("/nonexistent", &error), 0);
    cr_expect_eq(error.code, EXIT_MACHINE);
    cr_expect(strstr(error.text, "/nonexistent"), "%s", error.text);
    cr_assert_not(run_is_locked("/nonexistent"));
}

Test(run_lock, no_change_of_a_record_is_lost) {
    enum { PROCESSES = 6, EACH = 15 };
    for (int i = 0; i < PROCESSES; i++)
        if (fork() == 0) {
            FileError error;
            for (int k = 0; k < EACH; k++)
                if (!run_count_test_read(folder, "eval", &error))
                    _exit(1);
            _exit(0);
        }
    for (int i = 0; i < PROCESSES; i++) {
        int status;
        wait(&status);
        cr_assert_eq(status, 0);
    }
    FileError error;
    json_t *record = run_record_read(folder, &error);
    cr_assert_eq(json_array_size(json_object_get(record, "test_reads")), PROCESSES * EACH);
    json_decref(record);
}
