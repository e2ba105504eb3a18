/* Imports that are killed go on to the same bytes; a source that changes is noticed. */
#include "tests/unit/import_support.h"

#include "runtime/files/hash.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

TestSuite(import_resume, .init = import_make_folder, .fini = import_remove_folder);

enum { RECORD = 3073, RECORDS = 26000 }; /* 80 MB: two times what is synced at once */

static ImportTold told;

static void put_records(void) {
    uint8_t *bytes = malloc((size_t)RECORDS * RECORD);
    for (size_t i = 0; i < (size_t)RECORDS * RECORD; i++)
        bytes[i] = i % RECORD ? (uint8_t)(i * 2654435761u >> 13) : (uint8_t)(i / RECORD % 11);
    import_put("c/data_batch_1.bin", bytes, (size_t)RECORDS * RECORD);
    free(bytes);
}

static void import_and_die(int64_t entries) {
    const pid_t child = fork();
    cr_assert(child >= 0);
    if (child == 0) {
        told.kill_at = entries;
        import_do("c", (ImportSettings){.skip_broken = true}, &told);
        _exit(1);
    }
    int status;
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

Test(import_resume, a_killed_import_goes_on_to_the_same_bytes) {
    char whole[HASH_SIZE], resumed[HASH_SIZE];
    FileError error;
    put_records();
    cr_assert(import_do("c", (ImportSettings){.skip_broken = true}, &told), "%s", told.error.text);
    cr_assert(hash_file(import_path("out.images"), whole, &error));
    const int64_t broken = told.result.broken;
    cr_assert_gt(broken, RECORDS / 12);
    unlink(import_path("out.images"));
    import_and_die(15000);
    import_and_die(25000);
    cr_assert(import_do("c", (ImportSettings){.skip_broken = true}, &told), "%s", told.error.text);
    cr_assert_gt(told.result.resumed, 15000, "resumed behind %d", (int)told.result.resumed);
    cr_assert_eq(told.result.broken, broken, "those of before are not told of again");
    cr_assert(hash_file(import_path("out.images"), resumed, &error));
    cr_assert_str_eq(whole, resumed);
}

Test(import_resume, not_with_other_settings_or_another_source) {
    put_records();
    import_and_die(15000);
    cr_assert(import_do("c", (ImportSettings){.skip_broken = true, .grey = true}, &told));
    cr_assert_eq(told.result.resumed, 0);
    import_and_die(15000);
    import_put_text("c/batches.meta.txt", "a\nb\nc\nd\ne\nf\ng\nh\ni\nj\n");
    cr_assert(import_do("c", (ImportSettings){.skip_broken = true}, &told));
    cr_assert_eq(told.result.resumed, 0);
}

static void change(void *user, int64_t entries, int64_t bytes, int64_t all_bytes) {
    (void)user, (void)bytes, (void)all_bytes;
    if (entries == 10)
        import_put_text("c/data_batch_2.bin", "short");
}

Test(import_resume, a_source_that_changes_meanwhile_is_an_error) {
    static uint8_t records[20 * RECORD];
    import_put("c/data_batch_1.bin", records, sizeof records);
    import_put("c/data_batch_2.bin", records, sizeof records);
    const ImportListener listener = {.progress = change};
    char source[512], out[512];
    snprintf(source, sizeof source, "%s", import_path("c"));
    snprintf(out, sizeof out, "%s", import_path("out.images"));
    const char *const sources[] = {source};
    ImportResult result;
    RunError error = {0};
    const ImportSettings settings = {
        .sources = sources, .source_count = 1, .path = out, .skip_broken = true, .threads = 1};
    cr_assert_not(import_run(&settings, &listener, &result, &error));
    cr_assert(strstr(error.text, "has changed"), "%s", error.text);
    cr_assert_neq(access(out, F_OK), 0);
}
