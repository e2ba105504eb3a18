/* Memory that is let go all at once. What could not be had is NULL, and the pool remembers it: who
 * builds a lot of small things looks once, at the end. */
#ifndef SCANLINE_RUNTIME_POOL_H
#define SCANLINE_RUNTIME_POOL_H

#include <stdbool.h>
#include <stddef.h>

typedef struct PoolPiece PoolPiece;

typedef struct Pool {
    PoolPiece *pieces;
    bool failed; /* something was not there */
} Pool;

/* Zeroed memory for so many; NULL also where the product is too large. */
void *pool_array(Pool *pool, size_t count, size_t size);
char *pool_copy(Pool *pool, const char *text);
char *pool_copy_clean(Pool *pool, const char *text); /* as printable_clean leaves it */
char *pool_print(Pool *pool, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Makes room for one more behind `count` elements: the array, which may be another. NULL: none, and
 * the old one stays. The room doubles, so the sizes add up to twice the last. */
void *pool_grow(Pool *pool, void *array, size_t count, size_t size);

void pool_free(Pool *pool);

#endif
