/* What a sweep goes over: keys (dims, consts, settings of a spec), and the values that each can
 * have. A value is text, as it would be given on the command line; whether the key can have it is
 * for the spec to say.
 *
 *     layers=2,4,6              these, one after the other
 *     train.seed=1..3           the integers 1, 2, 3
 *     rate=1e-4..1e-2:log       real numbers, evenly in their logarithm, where trials are drawn
 *     d=0.1..0.3                real numbers, evenly
 *
 * Commas and dots within brackets or quotes belong to the value. */
#ifndef SCANLINE_RUNTIME_SPACE_H
#define SCANLINE_RUNTIME_SPACE_H

#include "runtime/report/pool.h"
#include "runtime/run_error.h"

#include <stdint.h>

enum { SWEEP_MOST_KEYS = 32, SWEEP_MOST_VALUES = 1000, SWEEP_MOST_TRIALS = 100000 };

typedef struct SweepKey {
    const char *key;
    const char **values; /* a list; or, where there is none, numbers in [low, high] */
    uint32_t value_count;
    double low, high;
    const char *low_text, *high_text; /* as they were given */
    bool integer;                     /* both ends are, and so is what is drawn */
    bool logarithmic;
} SweepKey;

typedef struct SweepSpace {
    SweepKey *keys;
    uint32_t key_count;
} SweepSpace;

/* One key of the command line, "KEY=VALUES". False and `error` (EXIT_USAGE, or no memory). */
bool space_read(Pool *pool, const char *text, SweepKey *key, RunError *error);

/* Whether all values can be gone through, and how many trials that is. False and `error`: a key is
 * a range of real numbers, or there are too many. */
bool space_count(const SweepSpace *space, int64_t *count, RunError *error);

/* The values of trial `number` < count: keys in their order, the last one changing fastest. They
 * point into the space. */
void space_grid(const SweepSpace *space, int64_t number, const char **values);

/* The values of draw `number` by Philox, keyed by the seed and the key's name: so those of a key
 * depend neither on the other keys nor on how many draws there are. In the pool, where they are not
 * in the space; real numbers have four digits. */
void space_draw(Pool *pool, const SweepSpace *space, uint32_t seed, uint32_t number,
                const char **values);

/* "layers=2,4,6 rate=1e-4..1e-2:log". In the pool. */
const char *space_text(Pool *pool, const SweepSpace *space);

#endif
