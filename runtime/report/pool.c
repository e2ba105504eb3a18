#include "runtime/report/pool.h"

#include "runtime/files/printable.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct PoolPiece {
    PoolPiece *next;
    _Alignas(max_align_t) unsigned char bytes[];
};

void *pool_array(Pool *pool, size_t count, size_t size) {
    size_t bytes;
    PoolPiece *piece = NULL;
    if (!__builtin_mul_overflow(count, size, &bytes) &&
        !__builtin_add_overflow(bytes, sizeof *piece, &bytes))
        piece = calloc(1, bytes);
    if (!piece) {
        pool->failed = true;
        return NULL;
    }
    piece->next = pool->pieces;
    pool->pieces = piece;
    return piece->bytes;
}

char *pool_copy(Pool *pool, const char *text) {
    const size_t size = strlen(text) + 1;
    char *copy = pool_array(pool, size, 1);
    return copy ? memcpy(copy, text, size) : NULL;
}

char *pool_copy_clean(Pool *pool, const char *text) {
    char *copy = pool_copy(pool, text);
    if (copy)
        printable_clean(copy, "");
    return copy;
}

char *pool_print(Pool *pool, const char *format, ...) {
    va_list arguments;
    char *text;
    va_start(arguments, format);
    const int length = vasprintf(&text, format, arguments);
    va_end(arguments);
    if (length < 0) {
        pool->failed = true;
        return NULL;
    }
    char *copy = pool_copy(pool, text);
    free(text);
    return copy;
}

void *pool_grow(Pool *pool, void *array, size_t count, size_t size) {
    if (count && (count & (count - 1))) /* between powers of two there is room */
        return array;
    char *larger = pool_array(pool, count ? 2 * count : 1, size);
    if (larger && count)
        memcpy(larger, array, count * size);
    return larger;
}

void pool_free(Pool *pool) {
    while (pool->pieces) {
        PoolPiece *next = pool->pieces->next;
        free(pool->pieces);
        pool->pieces = next;
    }
}
