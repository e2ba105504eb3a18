/* Where the time of a training goes, by kernel and outside of them.
 *
 * A thread is always in exactly one line of the profile; entering another one gives the time since
 * the last change to the line that is left. So the lines of all threads together are the time that
 * passed, times the threads. A NULL profile is none: then nothing is measured. What is computed
 * does not depend on it. */
#ifndef SCANLINE_RUNTIME_PROFILE_H
#define SCANLINE_RUNTIME_PROFILE_H

#include "runtime/execution/program.h"

#include <stdbool.h>
#include <stdint.h>

/* The lines outside of kernels; the kernels of the plan come after them. */
typedef enum ProfilePart {
    PROFILE_LOOP,       /* around the steps: metrics, checkpoints, progress */
    PROFILE_BATCH,      /* reading of images */
    PROFILE_EXECUTOR,   /* from one kernel to the next */
    PROFILE_SUM,        /* of the chunks' gradients, and whether it is finite */
    PROFILE_RANKS,      /* the same with other ranks: what is not hidden behind the backward pass */
    PROFILE_SCALARS,    /* the schedule, and what the update cannot write in place */
    PROFILE_EVALUATION, /* its kernels too */
    PROFILE_WAITING,    /* threads for each other */
    PROFILE_PARTS,
} ProfilePart;

typedef struct Profile Profile;

/* The program must outlive it. NULL: no memory. */
Profile *profile_create(const Program *program, int threads);
void profile_free(Profile *profile);

/* What comes between is measured. From the thread that starts the others; it is in PROFILE_LOOP,
 * the others wait. May be started again: times add up. */
void profile_start(Profile *profile);
void profile_stop(Profile *profile);

/* The calling thread enters a line; returns the one that it leaves. In a parallel region each
 * thread enters PROFILE_WAITING at the end. */
uint32_t profile_enter(Profile *profile, uint32_t line);
/* The line of a kernel; `calls` more calls of it are counted. */
void profile_enter_kernel(Profile *profile, uint32_t kernel, int calls);

/* Until the next call, whatever is entered but PROFILE_WAITING counts as `part`; PROFILE_PARTS: as
 * itself again. Outside of parallel regions. */
void profile_gather(Profile *profile, ProfilePart part);

/* A training step is done. */
void profile_step(Profile *profile);

/* --- what was measured --- */

typedef struct ProfileLine {
    double seconds; /* of all threads, over their number: all lines add up to profile_seconds */
    int64_t calls;  /* kernels */
} ProfileLine;

const Program *profile_program(const Profile *profile);
int profile_threads(const Profile *profile);
double profile_seconds(const Profile *profile); /* between start and stop */
int64_t profile_steps(const Profile *profile);
ProfileLine profile_line(const Profile *profile, uint32_t line);

#endif
