#include "ir/compressed.h"

#include <string.h>

enum { LINE_BYTES = 64, ELEMENT_BYTES = 4, LANE_BYTES = 16 };

int64_t compressed_base_bytes(int64_t values) {
    const int64_t blocks = values / COMPRESSED_VALUES;
    return (blocks + LINE_BYTES - 1) / LINE_BYTES * LINE_BYTES;
}

int64_t compressed_elements(int64_t values) {
    const int64_t blocks = values / COMPRESSED_VALUES;
    return (compressed_base_bytes(values) + blocks * COMPRESSED_BLOCK_BYTES) / ELEMENT_BYTES;
}

int compressed_value(int pair, int at) {
    const int row = 2 * pair + at / (LANE_BYTES / 2) % 2;
    return row * COMPRESSED_LANES + at / LANE_BYTES * (LANE_BYTES / 2) + at % (LANE_BYTES / 2);
}

/* The exponent's upper bits. */
static int upper_of(uint16_t value) { return value >> 8 & 0x7f; }

uint8_t compress_block(const uint16_t values[COMPRESSED_VALUES],
                       uint8_t bytes[COMPRESSED_BLOCK_BYTES]) {
    int largest = 0, smallest = 0x7f;
    for (int i = 0; i < COMPRESSED_VALUES; i++) {
        const int upper = upper_of(values[i]);
        largest = upper > largest ? upper : largest;
        smallest = upper < smallest ? upper : smallest;
    }
    const int base = largest - (COMPRESSED_CODES - 1);
    memset(bytes, 0, COMPRESSED_BLOCK_BYTES);
    if (base <= 0 || smallest < base)
        return 0;
    for (int pair = 0; pair < 2; pair++)
        for (int i = 0; i < COMPRESSED_PAIR_BYTES; i++) {
            const uint16_t value = values[compressed_value(pair, i)];
            const int code = (upper_of(value) - base) | value >> 15 << 3;
            bytes[i] = (uint8_t)(bytes[i] | code << 4 * pair);
            bytes[(1 + pair) * COMPRESSED_PAIR_BYTES + i] = (uint8_t)value;
        }
    return (uint8_t)base;
}
