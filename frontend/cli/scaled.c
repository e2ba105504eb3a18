#include "frontend/cli/scaled.h"

const char *scaled_text(Arena *arena, double value, double base, const char *unit) {
    static const char *const prefixes[] = {"", "k", "M", "G", "T", "P"};
    static const char *const binary[] = {"", "Ki", "Mi", "Gi", "Ti", "Pi"};
    int prefix = 0;
    for (; value >= base && prefix < 5; prefix++)
        value /= base;
    return arena_printf(arena, "%.*f %s%s",
                        value < 10    ? 2
                        : value < 100 ? 1
                                      : 0,
                        value, base == 1024 ? binary[prefix] : prefixes[prefix], unit);
}
