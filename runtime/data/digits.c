/* The files are put into the program by the assembler; SCANLINE_DIGITS is their folder. */
#include "runtime/data/digits.h"

__asm__(".section .rodata\n"
        ".balign 64\n"
        "scanline_digits_images:\n"
        ".incbin \"" SCANLINE_DIGITS "/digits-images-idx3-ubyte\"\n"
        "scanline_digits_images_end:\n"
        ".balign 64\n"
        "scanline_digits_labels:\n"
        ".incbin \"" SCANLINE_DIGITS "/digits-labels-idx1-ubyte\"\n"
        "scanline_digits_labels_end:\n"
        ".text\n");

#define HIDDEN __attribute__((visibility("hidden")))
extern HIDDEN const unsigned char scanline_digits_images[], scanline_digits_images_end[];
extern HIDDEN const unsigned char scanline_digits_labels[], scanline_digits_labels_end[];

const unsigned char *digits_images(size_t *size) {
    *size = (size_t)(scanline_digits_images_end - scanline_digits_images);
    return scanline_digits_images;
}

const unsigned char *digits_labels(size_t *size) {
    *size = (size_t)(scanline_digits_labels_end - scanline_digits_labels);
    return scanline_digits_labels;
}
