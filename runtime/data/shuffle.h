/* The order in which images are trained on: a permutation of 0 ... count - 1 for each epoch that
 * can be asked at any place, so that a training goes on from any step without replaying what came
 * before. */
#ifndef SCANLINE_RUNTIME_SHUFFLE_H
#define SCANLINE_RUNTIME_SHUFFLE_H

#include <stdint.h>

/* Where the image number `place` of the epoch is, in [0, count). 0 <= place < count <= 2^31. A
 * Feistel network over the next power of four, walked until it is in range (Black and Rogaway,
 * "Ciphers with Arbitrary Finite Domains", 2002), its rounds drawn from Philox. */
int64_t shuffle_at(int64_t seed, int64_t epoch, int64_t count, int64_t place);

#endif
