/* What a function under test is interpreted with, collected one after the other. */
#ifndef SCANLINE_TESTS_BINDINGS_H
#define SCANLINE_TESTS_BINDINGS_H

#include "ir/interpret.h"

#include <criterion/criterion.h>

enum { BINDINGS_MOST = 512 };

typedef struct Bindings {
    InterpretBinding at[BINDINGS_MOST];
    size_t count;
} Bindings;

/* The values stay the caller's. */
static inline void bindings_add(Bindings *bindings, const char *name, const double *values,
                                int64_t count) {
    cr_assert_lt(bindings->count, BINDINGS_MOST);
    bindings->at[bindings->count++] = (InterpretBinding){name, values, count};
}

#endif
