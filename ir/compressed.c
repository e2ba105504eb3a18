#include "ir/compressed.h"

#include <string.h>

enum { LINE_BYTES = 64, ELEMENT_BYTES = 4, FRACTION_BITS = 7, QUARTER_AT = 11 };

int64_t compressed_base_bytes(int64_t values) {
    const int64_t blocks = values / COMPRESSED_VALUES;
    return (blocks + LINE_BYTES - 1) / LINE_BYTES * LINE_BYTES;
}

int64_t compressed_elements(int64_t values) {
    const int64_t blocks = values / COMPRESSED_VALUES;
    return (compressed_base_bytes(values) + blocks * COMPRESSED_BLOCK_BYTES) / ELEMENT_BYTES;
}

static int exponent_of(uint16_t value) { return value >> FRACTION_BITS & 0xff; }

uint8_t compress_block(const uint16_t values[COMPRESSED_VALUES],
                       uint16_t words[COMPRESSED_BLOCK_WORDS]) {
    int largest = 0, smallest = 0xff;
    for (int i = 0; i < COMPRESSED_VALUES; i++) {
        const int exponent = exponent_of(values[i]);
        largest = exponent > largest ? exponent : largest;
        smallest = exponent < smallest ? exponent : smallest;
    }
    const int base = largest - (COMPRESSED_EXPONENTS - 1);
    memset(words, 0, COMPRESSED_BLOCK_BYTES);
    if (base <= 0 || smallest < base)
        return 0;
    for (int i = 0; i < COMPRESSED_LANES; i++) {
        uint16_t row[4];
        for (int r = 0; r < 4; r++)
            row[r] = (uint16_t)(values[r * COMPRESSED_LANES + i] - (base << FRACTION_BITS));
        const int quarters[] = {row[3] >> 7 & 15, row[3] >> 3 & 15,
                                (row[3] & 7) | (row[3] >> 15 & 1) << 3};
        for (int r = 0; r < 3; r++)
            words[r * COMPRESSED_LANES + i] = (uint16_t)(row[r] | quarters[r] << QUARTER_AT);
    }
    return (uint8_t)base;
}
