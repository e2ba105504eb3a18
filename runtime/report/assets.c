/* Put into the program by the assembler. The build says where they are: SCANLINE_REPORT is this
 * folder, SCANLINE_CHARTS Chart.js, minified. */
#include "runtime/report/assets.h"

#define ASSET(name, path)                                                                          \
    __asm__(".section .rodata\n"                                                                   \
            "scanline_asset_" #name ":\n"                                                          \
            ".incbin \"" path "\"\n"                                                               \
            "scanline_asset_" #name "_end:\n"                                                      \
            ".text\n");                                                                            \
    extern __attribute__((visibility("hidden"))) const char scanline_asset_##name[],               \
        scanline_asset_##name##_end[];                                                             \
    const char *asset_##name(size_t *size) {                                                       \
        *size = (size_t)(scanline_asset_##name##_end - scanline_asset_##name);                     \
        return scanline_asset_##name;                                                              \
    }

ASSET(style, SCANLINE_REPORT "/page.css")
ASSET(script, SCANLINE_REPORT "/page.js")
ASSET(charts, SCANLINE_CHARTS)
