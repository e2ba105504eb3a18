/* Compiled kernels on disk, so that a second run starts in tens of milliseconds.
 *
 * An entry is a file named by the hash of all that decides its content (canonical body, target,
 * choices, compiler build, LLVM's version: cache_key), holding a header with a checksum, then the
 * object. Entries are written to a temporary name and renamed, so several processes can share a
 * cache; one that is damaged or of another version is as good as absent. When the cache grows over
 * its bound, the entries used longest ago go first.
 *
 * What it holds is executed. So neither the directory nor an entry may belong to another user or be
 * writable by one. */
#ifndef SCANLINE_PASSES_CACHE_H
#define SCANLINE_PASSES_CACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CACHE_KEY_LENGTH = 32 }; /* hexadecimal digits */

typedef struct CacheKey {
    char text[CACHE_KEY_LENGTH + 1];
} CacheKey;

typedef enum CacheAnswer { CACHE_HIT, CACHE_MISS, CACHE_DAMAGED } CacheAnswer;

/* Where the cache lies: $SCANLINE_CACHE, else $XDG_CACHE_HOME/scanline, else ~/.cache/scanline.
 * False when it is off (SCANLINE_CACHE=off), or there is no such place. */
bool cache_directory(char *path, size_t capacity);

CacheKey cache_key(const void *canonical, size_t length, const char *target, const char *compiler);

/* Makes the directory where it is not there, for its user alone. False, and the reason, when there
 * can be none or others might write to it: the cache is then not to be used. */
bool cache_prepare(const char *directory, char *reason, size_t capacity);

/* On a hit, *bytes is malloc'ed and the caller's. */
CacheAnswer cache_load(const char *directory, const CacheKey *key, char **bytes, size_t *size);

/* False when it can't be written (errno); the cache is then as it was. */
bool cache_store(const char *directory, const CacheKey *key, const char *bytes, size_t size);

/* Removes the entries used longest ago until the rest takes at most `most` bytes. */
void cache_trim(const char *directory, uint64_t most);

#endif
