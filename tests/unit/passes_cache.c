/* The cache of compiled kernels: what is stored comes back, what is damaged does not, old entries
 * go. */
#include "passes/cache.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char directory[64];

static void make_directory(void) {
    strcpy(directory, "/tmp/scanline-cache-XXXXXX");
    cr_assert(mkdtemp(directory));
}

static void remove_directory(void) {
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", directory);
    cr_assert_eq(system(command), 0);
}

TestSuite(cache, .init = make_directory, .fini = remove_directory);

static CacheKey key_of(const char *content) {
    return cache_key(content, strlen(content), "x86-64-v3", "compiler 1");
}

static char *entry_path(const CacheKey *key) {
    static char path[128];
    snprintf(path, sizeof path, "%s/%s.o", directory, key->text);
    return path;
}

Test(cache, stored_comes_back) {
    CacheKey key = key_of("body");
    char *bytes;
    size_t size;
    cr_assert_eq(cache_load(directory, &key, &bytes, &size), CACHE_MISS);
    cr_assert(cache_store(directory, &key, "object\0code", 11));
    cr_assert_eq(cache_load(directory, &key, &bytes, &size), CACHE_HIT);
    cr_assert_eq(size, 11);
    cr_assert_arr_eq(bytes, "object\0code", 11);
    free(bytes);
}

Test(cache, makes_its_directories) {
    char deep[128];
    snprintf(deep, sizeof deep, "%s/a/b", directory);
    CacheKey key = key_of("body");
    char reason[128];
    struct stat status;
    cr_assert(cache_prepare(deep, reason, sizeof reason), "%s", reason);
    cr_assert(cache_store(deep, &key, "x", 1));
    cr_assert_eq(stat(deep, &status), 0);
    cr_expect_eq(status.st_mode & 0777, 0700);
}

/* What lies there is executed. */
Test(cache, what_others_can_write_is_refused) {
    char reason[128];
    cr_expect(cache_prepare(directory, reason, sizeof reason), "%s", reason);
    cr_assert_eq(chmod(directory, 0777), 0);
    cr_expect_not(cache_prepare(directory, reason, sizeof reason));
    cr_expect(strstr(reason, "other users can write"), "%s", reason);
    cr_assert_eq(chmod(directory, 0755), 0);
    cr_expect(cache_prepare(directory, reason, sizeof reason), "%s", reason);

    CacheKey key = key_of("body");
    char *bytes;
    size_t size;
    cr_assert(cache_store(directory, &key, "x", 1));
    cr_assert_eq(chmod(entry_path(&key), 0666), 0);
    cr_expect_eq(cache_load(directory, &key, &bytes, &size), CACHE_DAMAGED);
    if (geteuid() == 0) {
        cr_assert_eq(chmod(entry_path(&key), 0600), 0);
        cr_assert_eq(chown(entry_path(&key), 65534, 65534), 0);
        cr_expect_eq(cache_load(directory, &key, &bytes, &size), CACHE_DAMAGED);
        cr_assert_eq(chown(directory, 65534, 65534), 0);
        cr_expect_not(cache_prepare(directory, reason, sizeof reason));
        cr_expect(strstr(reason, "another user"), "%s", reason);
    }
}

Test(cache, an_entry_that_is_a_link_is_refused) {
    CacheKey key = key_of("body");
    char *bytes;
    size_t size;
    cr_assert_eq(symlink("/dev/zero", entry_path(&key)), 0);
    cr_expect_neq(cache_load(directory, &key, &bytes, &size), CACHE_HIT);
    cr_assert(cache_store(directory, &key, "x", 1));
    cr_assert_eq(cache_load(directory, &key, &bytes, &size), CACHE_HIT);
    free(bytes);
}

Test(cache, keys_tell_everything_apart) {
    CacheKey key = cache_key("body", 4, "t", "c");
    cr_assert_str_neq(key.text, cache_key("bodz", 4, "t", "c").text);
    cr_assert_str_neq(key.text, cache_key("body", 4, "u", "c").text);
    cr_assert_str_neq(key.text, cache_key("body", 4, "t", "d").text);
    cr_assert_str_eq(key.text, cache_key("body", 4, "t", "c").text);
}

/* Every byte of an entry matters: whichever is flipped, the entry counts as damaged. */
Test(cache, every_flipped_byte_is_noticed) {
    CacheKey key = key_of("body");
    cr_assert(cache_store(directory, &key, "some object code", 16));
    int file = open(entry_path(&key), O_RDWR);
    struct stat status;
    fstat(file, &status);
    for (off_t at = 0; at < status.st_size; at++) {
        char byte, flipped, *bytes;
        size_t size;
        cr_assert_eq(pread(file, &byte, 1, at), 1);
        flipped = (char)(byte ^ 0x40);
        cr_assert_eq(pwrite(file, &flipped, 1, at), 1);
        cr_assert_eq(cache_load(directory, &key, &bytes, &size), CACHE_DAMAGED, "byte %ld", at);
        cr_assert_eq(pwrite(file, &byte, 1, at), 1);
    }
    cr_assert_eq(ftruncate(file, status.st_size - 1), 0);
    char *bytes;
    size_t size;
    cr_assert_eq(cache_load(directory, &key, &bytes, &size), CACHE_DAMAGED);
    close(file);
}

Test(cache, trimming_removes_what_was_used_longest_ago) {
    char content[1000] = {0};
    for (char i = 'a'; i < 'a' + 10; i++) {
        CacheKey key = cache_key(&i, 1, "t", "c");
        cr_assert(cache_store(directory, &key, content, sizeof content));
        struct timespec times[2] = {{.tv_sec = 1000 + i}, {.tv_sec = 1000 + i}};
        cr_assert_eq(utimensat(AT_FDCWD, entry_path(&key), times, 0), 0);
    }
    cache_trim(directory, 3500);
    for (char i = 'a'; i < 'a' + 10; i++) {
        CacheKey key = cache_key(&i, 1, "t", "c");
        cr_assert_eq(access(entry_path(&key), F_OK) == 0, i >= 'a' + 7, "entry %c", i);
    }
}
