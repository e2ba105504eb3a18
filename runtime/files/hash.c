#include "runtime/files/hash.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

enum { BLOCK = 1 << 20 };

static void hash_print(XXH128_hash_t value, char hash[HASH_SIZE]) {
    snprintf(hash, HASH_SIZE, "%016llx%016llx", (unsigned long long)value.high64,
             (unsigned long long)value.low64);
}

bool hash_parts(const HashPart *parts, size_t count, char hash[HASH_SIZE]) {
    XXH3_state_t *state = XXH3_createState();
    if (!state)
        return false;
    XXH3_128bits_reset(state);
    for (size_t i = 0; i < count; i++)
        XXH3_128bits_update(state, parts[i].bytes, parts[i].size);
    hash_print(XXH3_128bits_digest(state), hash);
    XXH3_freeState(state);
    return true;
}

void hash_text(const char *text, char hash[HASH_SIZE]) {
    hash_print(XXH3_128bits(text, strlen(text)), hash);
}

static bool hash_stream(FILE *stream, char hash[HASH_SIZE]) {
    XXH3_state_t *state = XXH3_createState();
    char *block = malloc(BLOCK);
    bool able = state && block;
    if (able) {
        XXH3_128bits_reset(state);
        for (size_t count; (count = fread(block, 1, BLOCK, stream)) > 0;)
            XXH3_128bits_update(state, block, count);
        hash_print(XXH3_128bits_digest(state), hash);
    } else {
        errno = ENOMEM;
    }
    XXH3_freeState(state);
    free(block);
    return able && !ferror(stream);
}

bool hash_file(const char *path, char hash[HASH_SIZE], FileError *error) {
    FILE *stream = fopen(path, "rbe");
    bool hashed = stream && hash_stream(stream, hash);
    if (!hashed)
        snprintf(error->text, sizeof error->text, "cannot read %s: %s", path, strerror(errno));
    if (stream)
        fclose(stream);
    return hashed;
}
