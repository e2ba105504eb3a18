/* bf16 in three quarters of its memory, exactly.
 *
 * A bf16 has a sign, 8 bits of exponent and 7 of fraction. Numbers that belong together (a row of
 * weights, a key) have exponents close together: of 128 normally distributed ones all lie within 16
 * exponents, but for one block of 200. So a block of COMPRESSED_VALUES neighbours in memory is kept
 * as 12 bits each, with the exponent less the block's base, and the base; a block that does not fit
 * has base 0 and words of 0, and is read where it lies uncompressed, which is kept too.
 *
 * The 128 are four rows of COMPRESSED_LANES. Word i of row r < 3 is
 *
 *     bit 15      14 ... 11             10 ... 7           6 ... 0
 *     sign of r   a quarter of row 3    exponent of r      fraction of r
 *
 * and the quarters are the exponent of row 3 (with row 0), the upper four bits of its fraction (1),
 * and its sign above the lower three (2).
 *
 * compress keeps each stretch of the innermost axes by itself: the bases of its blocks, a byte
 * each, filled up with zeros to lines of cache (64 bytes); then the blocks. Its elements are i32,
 * two words each, the first one below. */
#ifndef SCANLINE_IR_COMPRESSED_H
#define SCANLINE_IR_COMPRESSED_H

#include <stdint.h>

enum {
    COMPRESSED_LANES = 32,
    COMPRESSED_VALUES = 4 * COMPRESSED_LANES,
    COMPRESSED_BLOCK_WORDS = 3 * COMPRESSED_LANES, /* of 16 bits */
    COMPRESSED_BLOCK_BYTES = 2 * COMPRESSED_BLOCK_WORDS,
    COMPRESSED_EXPONENTS = 16,
};

/* Bytes of the bases of so many values, a multiple of COMPRESSED_VALUES. */
int64_t compressed_base_bytes(int64_t values);

/* Elements of i32 for so many values. */
int64_t compressed_elements(int64_t values);

/* The block's words, and its base. */
uint8_t compress_block(const uint16_t values[COMPRESSED_VALUES],
                       uint16_t words[COMPRESSED_BLOCK_WORDS]);

#endif
