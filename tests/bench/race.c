#include "tests/bench/race.h"

#include "tests/bench/program.h"

#include <math.h>

enum { LEAST_ROUNDS = 5 };

static const double round_seconds = 2e-4; /* far above what reading the clock takes */

static double timed(const Racer *racer, int64_t repeats) {
    const double start = bench_now();
    for (int64_t i = 0; i < repeats; i++)
        racer->work(racer->user);
    return (bench_now() - start) / (double)repeats;
}

void race(Racer *racers, uint32_t count, double seconds) {
    int64_t repeats = 1;
    for (uint32_t i = 0; i < count; i++) {
        racers[i].work(racers[i].user); /* to warm up */
        racers[i].best = timed(&racers[i], 1);
        const double wanted = ceil(round_seconds / fmax(racers[i].best, 1e-9));
        repeats = wanted > (double)repeats ? (int64_t)wanted : repeats;
    }
    const double end = bench_now() + seconds * count;
    for (int round = 0; round < LEAST_ROUNDS || bench_now() < end; round++)
        for (uint32_t i = 0; i < count; i++)
            racers[i].best = fmin(racers[i].best, timed(&racers[i], repeats));
}
