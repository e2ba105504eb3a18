/* The passes over all functions of a module. Private to compile.c. */
#ifndef SCANLINE_PASSES_PIPELINE_H
#define SCANLINE_PASSES_PIPELINE_H

#include "passes/compile.h"
#include "passes/emit/target.h"

/* compile_passes for a target that was found. */
Module *pipeline_run(const Module *module, const CompileOptions *options, const Target *target,
                     CompileError *error);

/* Always false. */
bool compile_fail(CompileError *error, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
