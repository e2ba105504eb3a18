/* Lowered specs and their interpretation, for tests. */
#ifndef SCANLINE_TESTS_UNIT_LOWER_SUPPORT_H
#define SCANLINE_TESTS_UNIT_LOWER_SUPPORT_H

#include "frontend/lower.h"
#include "ir/interpret.h"
#include "tests/unit/bindings.h"
#include "tests/unit/frontend_support.h"

typedef struct Lowered {
    LoadedSpec loaded;
    Module *module; /* NULL: there are errors */
    Experiment experiment;
} Lowered;

/* Each fails the test, showing the diagnostics, when there are any. */
Lowered lower_text(const char *text, const char *const *overrides);
Lowered lower_path(const char *path, const char *const *overrides);
void lowered_free(Lowered *lowered);

/* The outputs of a function; a fault fails the test. */
double **lowered_run(const Lowered *lowered, const char *function, const InterpretBinding *bindings,
                     size_t count);
/* Values of one output among them. */
const double *lowered_output(const Lowered *lowered, const char *function, double **outputs,
                             const char *name);

/* All parameters, as `init` draws them with that seed, and $seed, $draw, $step = 0. */
void bindings_add_initial(const Lowered *lowered, Bindings *bindings, double seed);

#endif
