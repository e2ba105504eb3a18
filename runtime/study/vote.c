#include "runtime/study/vote.h"

#include "ir/philox.h"

#include <math.h>

enum {
    VOTE_DOMAIN = 0x564F5445
}; /* "VOTE": sets these draws apart from all others of the same seed */

/* As argmax in the language. */
int32_t vote_cast(const float *scores, int64_t classes) {
    int32_t best = 0;
    float largest = -INFINITY;
    for (int64_t c = 0; c < classes; c++)
        if (scores[c] > largest) {
            largest = scores[c];
            best = (int32_t)c;
        }
    return best;
}

static int votes_for(const int32_t *votes, int count, int32_t choice) {
    int sum = 0;
    for (int i = 0; i < count; i++)
        sum += votes[i] == choice;
    return sum;
}

/* The next larger class with so many votes; -1: none. */
static int32_t next_with(const int32_t *votes, int count, int most, int32_t after) {
    int32_t found = -1;
    for (int i = 0; i < count; i++)
        if (votes[i] > after && (found < 0 || votes[i] < found) &&
            votes_for(votes, count, votes[i]) == most)
            found = votes[i];
    return found;
}

int32_t vote_majority(const int32_t *votes, int count, int64_t seed, int32_t image) {
    int most = 0;
    for (int i = 0; i < count; i++) {
        const int own = votes_for(votes, count, votes[i]);
        most = own > most ? own : most;
    }
    uint32_t ties = 0;
    for (int32_t c = -1; (c = next_with(votes, count, most, c)) >= 0;)
        ties++;
    const PhiloxBlock counter = {{(uint32_t)image, 0, 0, VOTE_DOMAIN}};
    const PhiloxBlock draw = philox4x32(counter, (uint32_t)seed, (uint32_t)((uint64_t)seed >> 32));
    uint32_t chosen = (uint32_t)((uint64_t)draw.word[0] * ties >> 32);
    int32_t winner = -1;
    do
        winner = next_with(votes, count, most, winner);
    while (chosen--);
    return winner;
}
