/* Files that are there whole or not at all, also where the disk is full. */
#include "runtime/files/file.h"
#include "runtime/files/folder.h"
#include "runtime/files/hash.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[64], path[96], other[96];

static void make_folder(void) {
    strcpy(folder, "/tmp/scanline-file-XXXXXX");
    cr_assert(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/a", folder);
    snprintf(other, sizeof other, "%s/b", folder);
}

static void remove_folder(void) {
    FileError error;
    cr_assert(folder_remove(folder, &error), "%s", error.text);
    cr_assert(folder_remove(folder, &error), "it is not there any more: %s", error.text);
}

TestSuite(file, .init = make_folder, .fini = remove_folder);

static void expect_content(const char *file, const char *expected) {
    FileError error;
    size_t size;
    char *text = file_read(file, 1 << 20, &size, &error);
    cr_assert(text, "%s", error.text);
    cr_expect_str_eq(text, expected);
    free(text);
}

static int entries(void) {
    int count = 0;
    DIR *stream = opendir(folder);
    for (const struct dirent *entry; (entry = readdir(stream));)
        count += entry->d_name[0] != '.';
    closedir(stream);
    return count;
}

Test(file, that_does_not_fit_leaves_what_was_there) {
    FileError error;
    static char large[100000];
    memset(large, 'x', sizeof large - 1);
    cr_assert(file_write(path, "before", 6, &error), "%s", error.text);
    struct rlimit limit = {4096, RLIM_INFINITY}, free_again = {RLIM_INFINITY, RLIM_INFINITY};
    signal(SIGXFSZ, SIG_IGN);
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    bool written = file_write(path, large, sizeof large - 1, &error);
    cr_expect_not(written);
    cr_expect(strstr(error.text, path) && strstr(error.text, "File too large"), "%s", error.text);
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &free_again), 0);
    expect_content(path, "before");
    cr_expect_eq(entries(), 1, "a temporary file is left");
    cr_assert(file_write(path, "after", 5, &error), "%s", error.text);
    expect_content(path, "after");
}

Test(file, is_shared_by_a_link_that_later_writes_do_not_change) {
    FileError error;
    struct stat status;
    cr_assert(file_write(path, "one", 3, &error));
    cr_assert(file_write(other, "old", 3, &error));
    for (int i = 0; i < 2; i++) /* the second time both are one file already */
        cr_assert(file_share(path, other, &error), "%s", error.text);
    cr_assert_eq(stat(path, &status), 0);
    cr_expect_eq(status.st_nlink, 2);
    cr_assert(file_write(path, "two", 3, &error));
    expect_content(other, "one");
    cr_expect_eq(entries(), 2);
}

/* No link leads from one file system to another. */
Test(file, is_copied_where_there_can_be_no_link) {
    FileError error;
    size_t size;
    char *text = file_read("/proc/version", 1 << 20, &size, &error);
    cr_assert(text, "%s", error.text);
    cr_assert(file_share("/proc/version", path, &error), "%s", error.text);
    expect_content(path, text);
    cr_expect_eq(entries(), 1);
    free(text);
    cr_expect_not(file_share("/nonexistent", path, &error));
    cr_expect(strstr(error.text, "/nonexistent"), "%s", error.text);
}

Test(file, hashes_are_of_the_bytes) {
    FileError error;
    char of_text[HASH_SIZE], of_file[HASH_SIZE];
    hash_text("abc", of_text);
    cr_expect_str_eq(of_text, "06b05ab6733a618578af5f94892f3950"); /* xxhsum -H2 */
    cr_assert(file_write(path, "abc", 3, &error));
    cr_assert(hash_file(path, of_file, &error), "%s", error.text);
    cr_expect_str_eq(of_file, of_text);
    cr_expect_not(hash_file("/nonexistent", of_file, &error));
    cr_expect_not(hash_file(folder, of_file, &error), "a folder has no bytes");
}

Test(file, a_folder_never_replaces_another) {
    FileError error;
    bool taken;
    cr_assert_eq(mkdir(path, 0777), 0);
    cr_assert_eq(mkdir(other, 0777), 0);
    cr_expect_not(folder_publish(path, other, &taken, &error), "an empty folder was replaced");
    cr_expect(taken);
    cr_assert_eq(rmdir(other), 0);
    cr_expect(folder_publish(path, other, &taken, &error), "%s", error.text);
    cr_expect_not(folder_publish(path, other, &taken, &error));
    cr_expect_not(taken, "what is not there was said to be taken");
}

Test(file, removing_a_folder_follows_no_link) {
    FileError error;
    char link[128], kept[96];
    cr_assert_eq(mkdir(path, 0777), 0);
    snprintf(kept, sizeof kept, "%s/kept", folder);
    snprintf(link, sizeof link, "%s/link", path);
    cr_assert(file_write(kept, "x", 1, &error));
    cr_assert_eq(symlink(folder, link), 0);
    cr_assert(folder_remove(path, &error), "%s", error.text);
    expect_content(kept, "x");
}
