/* Random numbers that are a function of counters: Philox4x32-10 (Salmon, Moraes, Dror, Shaw:
 * "Parallel Random Numbers: As Easy as 1, 2, 3", SC 2011), and how random and random_normal take
 * theirs from it.
 *
 * Header-only and free of any other part of ir/: interpreter and runtime include it, and machine
 * code does the same (ir/README.md says it in words). All arithmetic is on 32-bit words modulo
 * 2^32. */
#ifndef SCANLINE_IR_PHILOX_H
#define SCANLINE_IR_PHILOX_H

#include <math.h>
#include <stdint.h>

enum { PHILOX_ROUNDS = 10 };
#define PHILOX_MULTIPLIER_0 UINT32_C(0xD2511F53)
#define PHILOX_MULTIPLIER_1 UINT32_C(0xCD9E8D57)
#define PHILOX_KEY_STEP_0   UINT32_C(0x9E3779B9) /* golden ratio */
#define PHILOX_KEY_STEP_1   UINT32_C(0xBB67AE85) /* square root of 3, less 1 */

/* How the seed enters the key: by an odd, hence invertible, multiple in each word. */
#define RANDOM_SEED_FACTOR_0 UINT32_C(0x85EBCA6B)
#define RANDOM_SEED_FACTOR_1 UINT32_C(0xC2B2AE35)

typedef struct PhiloxBlock {
    uint32_t word[4];
} PhiloxBlock;

static inline PhiloxBlock philox4x32(PhiloxBlock counter, uint32_t key0, uint32_t key1) {
    for (int round = 0; round < PHILOX_ROUNDS; round++) {
        uint64_t product0 = (uint64_t)PHILOX_MULTIPLIER_0 * counter.word[0];
        uint64_t product1 = (uint64_t)PHILOX_MULTIPLIER_1 * counter.word[2];
        counter = (PhiloxBlock){
            {(uint32_t)(product1 >> 32) ^ counter.word[1] ^ key0, (uint32_t)product1,
             (uint32_t)(product0 >> 32) ^ counter.word[3] ^ key1, (uint32_t)product0}};
        key0 += PHILOX_KEY_STEP_0;
        key1 += PHILOX_KEY_STEP_1;
    }
    return counter;
}

/* Where a draw stands; the values of the IR's i32 sources are taken as words. */
typedef struct RandomPlace {
    uint64_t key; /* of the node */
    uint32_t seed, draw, step, image;
    uint32_t element; /* within the image, row by row in the order of the op's own axes */
} RandomPlace;

static inline PhiloxBlock random_block(RandomPlace place) {
    uint32_t key0 = (uint32_t)place.key ^ place.seed * RANDOM_SEED_FACTOR_0;
    uint32_t key1 = (uint32_t)(place.key >> 32) ^ place.seed * RANDOM_SEED_FACTOR_1;
    PhiloxBlock counter = {{place.element, place.image, place.step, place.draw}};
    return philox4x32(counter, key0, key1);
}

/* The upper 24 bits as a multiple of 2^-24: exact in f32, in [0, 1). */
static inline double random_unit(uint32_t word) { return (double)(word >> 8) * 0x1p-24; }

/* `random`: exactly this value, in f32 too. */
static inline double random_uniform(RandomPlace place) {
    return random_unit(random_block(place).word[0]);
}

/* `random_normal`: Box-Muller, the cosine's branch. u1 in (0, 1] and u2 in [0, 1) are exact in f32;
 * the rest is computed in the precision at hand. |result| <= sqrt(48 ln 2) < 5.77. */
static inline double random_normal(RandomPlace place) {
    PhiloxBlock block = random_block(place);
    double u1 = random_unit(block.word[0]) + 0x1p-24;
    double u2 = random_unit(block.word[1]);
    return sqrt(-2 * log(u1)) * cos(2 * 3.14159265358979323846 * u2);
}

#endif
