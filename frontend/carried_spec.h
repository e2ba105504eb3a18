/* The spec that a program compiled ahead of time carries (runtime/execution/carried.h): its texts
 * and the settings that it was compiled with are read again when the program runs, by the parser
 * and the lowering of every other spec, with the settings of that day. What comes of it is what
 * scanline would make of the same spec; the program runs it if its kernels are of these functions
 * (frontend/fingerprint.h). */
#ifndef SCANLINE_FRONTEND_CARRIED_SPEC_H
#define SCANLINE_FRONTEND_CARRIED_SPEC_H

#include "frontend/lower.h"
#include "frontend/source.h"
#include "runtime/execution/carried.h"

/* The carried texts, and no others: the disk is not looked at. */
Sources *carried_sources(const Carried *carried, Arena *arena);

/* The settings of `settings` ("key=value"), and those that it was compiled with for other keys. */
void carried_options(const Carried *carried, Arena *arena, const char *const *settings,
                     uint32_t count, SpecOptions *options);

/* The carried spec with these settings. */
typedef struct CarriedSpec {
    const Diagnostics *diagnostics;
    const Spec *spec;
    const Module *lowered;
    Experiment experiment;
    bool is_sound; /* there was no error */
} CarriedSpec;
CarriedSpec carried_read(const Carried *carried, Arena *arena, const char *const *settings,
                         uint32_t count);

/* Whether the kernels are those of what a spec was lowered to. */
bool carried_fits(const Carried *carried, Arena *arena, const Module *lowered,
                  const Experiment *experiment);

/* Of settings with which they are not: those that make it so by themselves (or all, where none
 * does), as "d=128, h=8"; in the arena. */
const char *carried_culprits(const Carried *carried, Arena *arena, const char *const *settings,
                             uint32_t count);

#endif
