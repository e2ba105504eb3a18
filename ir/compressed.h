/* bf16 in three quarters of its memory, exactly.
 *
 * A bf16 has a sign, 8 bits of exponent and 7 of fraction. Numbers that belong together (a row of
 * weights, a key) have exponents close together: of 128 normally distributed ones all lie within 16
 * exponents, but for one block of 100. So of a block of COMPRESSED_VALUES neighbours in memory the
 * lower byte of each is kept (the exponent's last bit, the fraction), and a code of 4 bits: the
 * sign, and the exponent's upper 7 bits less the block's base, which is kept too. A block in which
 * these are not base, ..., base + 7, or base would be 0, has base 0 and bytes of 0, and is read
 * where it lies uncompressed, which is there too.
 *
 * The values are four rows of COMPRESSED_LANES. Bytes are in the order in which two rows are made
 * of them by interleaving bytes of 16-byte lanes: byte i of a pair of rows belongs to value
 * i / 16 * 8 + i % 8 of the first row, if i % 16 < 8, else of the second.
 *
 *     64 bytes of codes     bits 0 to 3 for the first pair of rows, 4 to 7 for the second;
 *                           the sign above the exponent
 *     64, and 64 bytes      the lower bytes of the first and of the second pair
 *
 * compress keeps each stretch of the innermost axes by itself: the bases of its blocks, a byte
 * each, filled up with zeros to lines of cache (64 bytes); then the blocks. Its elements are i32,
 * four bytes each, the first one lowest. */
#ifndef SCANLINE_IR_COMPRESSED_H
#define SCANLINE_IR_COMPRESSED_H

#include <stdint.h>

enum {
    COMPRESSED_LANES = 32,
    COMPRESSED_VALUES = 4 * COMPRESSED_LANES,
    COMPRESSED_PAIR_BYTES = 2 * COMPRESSED_LANES, /* of the lower bytes of two rows */
    COMPRESSED_BLOCK_BYTES = 3 * COMPRESSED_PAIR_BYTES,
    COMPRESSED_CODES = 8, /* of exponents, without the sign */
};

/* Bytes of the bases of so many values, a multiple of COMPRESSED_VALUES. */
int64_t compressed_base_bytes(int64_t values);

/* Elements of i32 for so many values. */
int64_t compressed_elements(int64_t values);

/* The block's bytes; gives its base. */
uint8_t compress_block(const uint16_t values[COMPRESSED_VALUES],
                       uint8_t bytes[COMPRESSED_BLOCK_BYTES]);

/* The value that byte `at` of pair `pair` of rows belongs to. */
int compressed_value(int pair, int at);

#endif
