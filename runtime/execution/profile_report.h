/* A profile as people and programs read it: a line a kernel with the places in the spec that it is
 * from, lines for what is outside of kernels, and how near the machine's peak each comes. The
 * shares add up to the whole. */
#ifndef SCANLINE_RUNTIME_PROFILE_REPORT_H
#define SCANLINE_RUNTIME_PROFILE_REPORT_H

#include "runtime/execution/profile.h"

#include <jansson.h>
#include <stdio.h>

typedef struct ProfilePeak {
    double flops, read; /* runtime/execution/peak.h; 0: not known */
} ProfilePeak;

/* Measures; a fifth of a second. */
ProfilePeak profile_peak(const Profile *profile);

/* False: no memory. */
bool profile_print(const Profile *profile, ProfilePeak peak, FILE *to);

/* {"seconds", "steps", "threads", "peak_flops", "peak_read",
 *  "kernels": [{"kernel", "calls", "seconds", "share", "flops_per_second", "bytes_per_second",
 *               "peak_share", "places": ["igpt.scan:26", ...]}, ...],
 *  "outside": [{"what", "seconds", "share"}, ...]}        NULL: no memory. */
json_t *profile_json(const Profile *profile, ProfilePeak peak);

#endif
