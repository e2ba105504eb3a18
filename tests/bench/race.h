/* Times of several ways to do something, in turn, so that what the machine does meanwhile is done
 * to all of them. */
#ifndef SCANLINE_TESTS_BENCH_RACE_H
#define SCANLINE_TESTS_BENCH_RACE_H

#include <stdint.h>

typedef struct Racer {
    void (*work)(const void *user);
    const void *user;
    double best; /* seconds once, of the best round */
} Racer;

/* Rounds for about so many seconds each, and five at least. */
void race(Racer *racers, uint32_t count, double seconds);

#endif
