/* From a spec on disk to a program in memory, as scanline train has it. */
#ifndef SCANLINE_TESTS_BENCH_PROGRAM_H
#define SCANLINE_TESTS_BENCH_PROGRAM_H

#include "frontend/spec.h"
#include "passes/compile.h"
#include "runtime/execution/program.h"
#include "runtime/run_error.h"

#include <jansson.h>

typedef struct BenchProgram {
    Arena *arena; /* made by the caller, who sets its boundary */
    const Spec *spec;
    Experiment experiment;
    CompiledModule *compiled;
    Jit *jit;
    Program program;
    double seconds; /* that all of it took */
} BenchProgram;

/* The functions of the spec's runs, before the passes; to bench->spec and experiment too. NULL and
 * `error`. */
const Module *bench_module_read(BenchProgram *bench, const char *path, const char *const *settings,
                                uint32_t count, RunError *error);

/* settings: "d=128", as on scanline's command line. False and `error`. */
bool bench_program_open(BenchProgram *bench, const char *path, const char *const *settings,
                        uint32_t count, RunError *error);
void bench_program_close(BenchProgram *bench);

/* The extent of a dim of the spec; 0: there is none of that name. */
int64_t bench_program_dim(const BenchProgram *bench, const char *name);

/* Seconds, of a clock that only goes forward. */
double bench_now(void);

/* Prints a line of JSON and gives the object back; NULL: an empty line. */
void bench_say(json_t *object);

#endif
