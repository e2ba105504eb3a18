/* The log: what is in the file, and when. */
#include "runtime/files/file.h"
#include "runtime/run/log.h"

#include <criterion/criterion.h>
#include <criterion/redirect.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char folder[64], path[96];

static void make_folder(void) {
    strcpy(folder, "/tmp/scanline-log-XXXXXX");
    cr_assert(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/log.txt", folder);
    cr_redirect_stderr();
}

static void remove_folder(void) {
    unlink(path);
    rmdir(folder);
}

TestSuite(log, .init = make_folder, .fini = remove_folder);

/* The file without the times, which must be there: before each line one, or as many spaces. */
static char *lines_of(void) {
    FileError error;
    size_t size;
    char *text = file_read(path, 1 << 20, &size, &error), *to = text;
    cr_assert(text, "%s", error.text);
    for (const char *line = text; *line;) {
        size_t length = strcspn(line, "\n") + 1;
        int year;
        cr_assert_gt(length, 21);
        cr_assert(strncmp(line, "                    ", 20) == 0 ||
                      (sscanf(line, "%4d-", &year) == 1 && line[10] == 'T' && line[19] == 'Z'),
                  "%s", line);
        memmove(to, line + 21, length - 21);
        to += length - 21;
        line += length;
    }
    *to = 0;
    return text;
}

static void expect_lines(const char *expected) {
    char *lines = lines_of();
    cr_expect_str_eq(lines, expected);
    free(lines);
}

Test(log, keeps_what_was_said_before_there_was_a_file) {
    Log *log = log_create();
    log_say(log, "warning %d\033[31m", 1);
    log_open(log, folder);
    log_say(log, "after");
    log_note(log, "for the file");
    expect_lines("warning 1?[31m\nafter\nfor the file\n");
    log_free(log);
    fflush(stderr);
    cr_expect_stderr_eq_str("warning 1?[31m\nafter\n");
}

Test(log, goes_on_behind_what_is_there) {
    for (int i = 0; i < 2; i++) {
        Log *log = log_create();
        log_open(log, folder);
        log_say(log, "process %d", i);
        log_close(log);
        log_say(log, "no file for this");
        log_free(log);
    }
    expect_lines("process 0\nprocess 1\n");
}

Test(log, text_of_several_lines_and_two_forms) {
    Log *log = log_create();
    log_open(log, folder);
    log_text(log, "\033[31mred\033[0m\n  caret\n", "plain\n  caret\n");
    log_show(log, "not on a terminal");
    log_clear(log);
    expect_lines("plain\n  caret\n");
    log_free(log);
    fflush(stderr);
    cr_expect_stderr_eq_str("\033[31mred\033[0m\n  caret\n");
}

Test(log, that_is_hushed_is_for_its_file) {
    Log *log = log_create();
    log_hush(log, true);
    log_say(log, "before");
    log_open(log, folder);
    log_text(log, "\033[31mred\033[0m\n", "red\n");
    log_show(log, "one line\nand another");
    expect_lines("before\nred\n");
    log_free(log);
    fflush(stderr);
    cr_expect_stderr_eq_str("");
}

Test(log, that_cannot_be_written_ends_nothing) {
    Log *log = log_create();
    log_open(log, "/nonexistent");
    log_say(log, "said");
    log_free(log);
    log_say(NULL, "to nobody");
    log_close(NULL);
    log_free(NULL);
    fflush(stderr);
    cr_expect_stderr_eq_str("said\n");
    cr_assert_eq(access(path, F_OK), -1);
    FileError error;
    cr_assert(file_write(path, "", 0, &error)); /* for the end of the test */
}
