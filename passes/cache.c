#include "passes/cache.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <xxhash.h>

typedef struct Header {
    char magic[8];
    uint64_t size;
    XXH128_canonical_t checksum; /* of the object */
    char key[CACHE_KEY_LENGTH];
} Header;

static const char magic[8] = "SLOBJ-1";
enum { LARGEST_OBJECT = 1 << 28, OLD_SECONDS = 3600 };

bool cache_directory(char *path, size_t capacity) {
    const char *given = getenv("SCANLINE_CACHE");
    const char *home = getenv("HOME"), *base = getenv("XDG_CACHE_HOME");
    int length;
    if (given && strcmp(given, "off") == 0)
        return false;
    if (given && *given)
        length = snprintf(path, capacity, "%s", given);
    else if (base && *base == '/')
        length = snprintf(path, capacity, "%s/scanline", base);
    else if (home && *home == '/')
        length = snprintf(path, capacity, "%s/.cache/scanline", home);
    else
        return false;
    return length > 0 && (size_t)length < capacity;
}

CacheKey cache_key(const void *canonical, size_t length, const char *target, const char *compiler) {
    XXH128_hash_t parts[3] = {
        XXH3_128bits(canonical, length),
        XXH3_128bits(target, strlen(target)),
        XXH3_128bits(compiler, strlen(compiler)),
    };
    XXH128_hash_t whole = XXH3_128bits(parts, sizeof parts);
    CacheKey key;
    snprintf(key.text, sizeof key.text, "%016llx%016llx", (unsigned long long)whole.high64,
             (unsigned long long)whole.low64);
    return key;
}

static bool entry_path(char *path, const char *directory, const CacheKey *key) {
    int length = snprintf(path, PATH_MAX, "%s/%s.o", directory, key->text);
    return length > 0 && length < PATH_MAX;
}

/* Nobody but this user can have written it. */
static bool is_ours(const struct stat *status) {
    return status->st_uid == geteuid() && !(status->st_mode & (S_IWGRP | S_IWOTH));
}

static bool read_whole(int file, void *bytes, size_t size) {
    for (size_t done = 0; done < size;) {
        ssize_t count = read(file, (char *)bytes + done, size - done);
        if (count < 0 && errno == EINTR)
            continue;
        if (count <= 0)
            return false;
        done += (size_t)count;
    }
    return true;
}

static bool write_whole(int file, const void *bytes, size_t size) {
    for (size_t done = 0; done < size;) {
        ssize_t count = write(file, (const char *)bytes + done, size - done);
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            return false;
        done += (size_t)count;
    }
    return true;
}

static XXH128_canonical_t checksum_of(const char *bytes, size_t size) {
    XXH128_canonical_t canonical;
    XXH128_canonicalFromHash(&canonical, XXH3_128bits(bytes, size));
    return canonical;
}

static CacheAnswer entry_read(int file, const CacheKey *key, char **bytes, size_t *size) {
    Header header;
    struct stat status;
    if (fstat(file, &status) || !S_ISREG(status.st_mode) || !is_ours(&status) ||
        !read_whole(file, &header, sizeof header) ||
        memcmp(header.magic, magic, sizeof magic) != 0 ||
        memcmp(header.key, key->text, sizeof header.key) != 0 || header.size > LARGEST_OBJECT ||
        (uint64_t)status.st_size != sizeof header + header.size)
        return CACHE_DAMAGED;
    char *object = malloc(header.size ? header.size : 1);
    if (!object)
        return CACHE_MISS;
    XXH128_canonical_t checksum = {{0}};
    bool whole = read_whole(file, object, header.size);
    if (whole)
        checksum = checksum_of(object, header.size);
    if (!whole || memcmp(&checksum, &header.checksum, sizeof checksum) != 0) {
        free(object);
        return CACHE_DAMAGED;
    }
    *bytes = object;
    *size = header.size;
    return CACHE_HIT;
}

CacheAnswer cache_load(const char *directory, const CacheKey *key, char **bytes, size_t *size) {
    char path[PATH_MAX];
    if (!entry_path(path, directory, key))
        return CACHE_MISS;
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (file < 0)
        return CACHE_MISS;
    CacheAnswer answer = entry_read(file, key, bytes, size);
    if (answer == CACHE_HIT)
        futimens(file, NULL); /* used now: see cache_trim */
    close(file);
    return answer;
}

static bool make_directories(const char *directory) {
    char path[PATH_MAX];
    if ((size_t)snprintf(path, sizeof path, "%s", directory) >= sizeof path)
        return false;
    for (char *at = path + 1; *at; at++) {
        if (*at != '/')
            continue;
        *at = 0;
        if (mkdir(path, 0700) && errno != EEXIST)
            return false;
        *at = '/';
    }
    return mkdir(path, 0700) == 0 || errno == EEXIST;
}

bool cache_prepare(const char *directory, char *reason, size_t capacity) {
    struct stat status;
    if (!make_directories(directory) || stat(directory, &status)) {
        snprintf(reason, capacity, "%s", strerror(errno));
        return false;
    }
    const char *fault = !S_ISDIR(status.st_mode)     ? "it is not a directory"
                        : status.st_uid != geteuid() ? "it belongs to another user"
                        : !is_ours(&status) ? "other users can write to it (chmod go-w would help)"
                                            : NULL;
    if (fault)
        snprintf(reason, capacity, "%s", fault);
    return !fault;
}

bool cache_store(const char *directory, const CacheKey *key, const char *bytes, size_t size) {
    char path[PATH_MAX], temporary[PATH_MAX];
    if (!entry_path(path, directory, key) ||
        (size_t)snprintf(temporary, sizeof temporary, "%s/tmp-XXXXXX", directory) >=
            sizeof temporary)
        return false;
    int file = mkostemp(temporary, O_CLOEXEC);
    if (file < 0)
        return false;
    Header header = {.size = size, .checksum = checksum_of(bytes, size)};
    memcpy(header.magic, magic, sizeof magic);
    memcpy(header.key, key->text, sizeof header.key);
    bool written = write_whole(file, &header, sizeof header) && write_whole(file, bytes, size);
    written = close(file) == 0 && written;
    if (written && rename(temporary, path) == 0)
        return true;
    int reason = errno;
    unlink(temporary);
    errno = reason;
    return false;
}

typedef struct Entry {
    char name[NAME_MAX + 1];
    struct timespec used;
    uint64_t size;
} Entry;

static int by_use(const void *left, const void *right) {
    const Entry *a = left, *b = right;
    if (a->used.tv_sec != b->used.tv_sec)
        return a->used.tv_sec < b->used.tv_sec ? -1 : 1;
    if (a->used.tv_nsec != b->used.tv_nsec)
        return a->used.tv_nsec < b->used.tv_nsec ? -1 : 1;
    return strcmp(a->name, b->name);
}

/* An entry, or what a process that was killed has left of one: any other writes it in a moment. */
static bool is_entry(const char *name, const struct stat *status) {
    size_t length = strlen(name);
    if (strncmp(name, "tmp-", 4) == 0)
        return status->st_mtime < time(NULL) - OLD_SECONDS;
    return length == CACHE_KEY_LENGTH + 2 && strcmp(name + CACHE_KEY_LENGTH, ".o") == 0;
}

/* The cache's files with their sizes; malloc'ed. */
static Entry *entries_list(DIR *stream, size_t *count) {
    Entry *entries = NULL;
    size_t capacity = 0;
    *count = 0;
    for (struct dirent *found; (found = readdir(stream));) {
        struct stat status;
        if (fstatat(dirfd(stream), found->d_name, &status, AT_SYMLINK_NOFOLLOW) ||
            !S_ISREG(status.st_mode) || !is_entry(found->d_name, &status))
            continue;
        if (*count == capacity) {
            capacity = capacity ? 2 * capacity : 64;
            Entry *larger = realloc(entries, capacity * sizeof *entries);
            if (!larger)
                break;
            entries = larger;
        }
        Entry *entry = &entries[(*count)++];
        snprintf(entry->name, sizeof entry->name, "%s", found->d_name);
        entry->used = status.st_mtim;
        entry->size = (uint64_t)status.st_size;
    }
    return entries;
}

void cache_trim(const char *directory, uint64_t most) {
    DIR *stream = opendir(directory);
    if (!stream)
        return;
    size_t count;
    Entry *entries = entries_list(stream, &count);
    uint64_t total = 0;
    for (size_t i = 0; i < count; i++)
        total += entries[i].size;
    if (entries && total > most) {
        qsort(entries, count, sizeof *entries, by_use);
        for (size_t i = 0; i < count && total > most; i++)
            if (unlinkat(dirfd(stream), entries[i].name, 0) == 0 ||
                errno == ENOENT) /* another process trims, too */
                total -= entries[i].size;
    }
    free(entries);
    closedir(stream);
}
