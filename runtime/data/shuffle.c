#include "runtime/data/shuffle.h"

#include "ir/philox.h"

enum { ROUNDS = 6 };

static const uint64_t shuffle_key =
    UINT64_C(0x73687566666c6521); /* tells these draws from all others */

static uint64_t feistel(uint64_t value, int half_bits, int64_t seed, int64_t epoch) {
    uint64_t mask = (UINT64_C(1) << half_bits) - 1;
    uint64_t left = value >> half_bits, right = value & mask;
    for (uint32_t round = 0; round < ROUNDS; round++) {
        RandomPlace place = {.key = shuffle_key,
                             .seed = (uint32_t)seed,
                             .draw = round,
                             .step = (uint32_t)epoch,
                             .image = (uint32_t)((uint64_t)epoch >> 32),
                             .element = (uint32_t)right};
        uint64_t mixed = left ^ (random_block(place).word[0] & mask);
        left = right;
        right = mixed;
    }
    return left << half_bits | right;
}

int64_t shuffle_at(int64_t seed, int64_t epoch, int64_t count, int64_t place) {
    int half_bits = 1;
    while ((INT64_C(1) << (2 * half_bits)) < count)
        half_bits++;
    uint64_t value = (uint64_t)place;
    do
        value = feistel(value, half_bits, seed, epoch);
    while (value >= (uint64_t)count);
    return (int64_t)value;
}
