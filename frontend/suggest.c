/* Three rows of the dynamic programme; names too long to be typed by hand are never near. */
#include "frontend/suggest.h"

#include <stddef.h>
#include <string.h>

enum { LONGEST_NAME = 64, MOST_OFFERS = 20000 };

static uint32_t least(uint32_t a, uint32_t b) { return a < b ? a : b; }

uint32_t name_distance(const char *a, const char *b, uint32_t limit) {
    size_t a_length = strnlen(a, LONGEST_NAME + 1), b_length = strnlen(b, LONGEST_NAME + 1);
    size_t difference = a_length > b_length ? a_length - b_length : b_length - a_length;
    if (a_length > LONGEST_NAME || b_length > LONGEST_NAME || difference > limit)
        return limit + 1;
    uint32_t rows[3][LONGEST_NAME + 1];
    uint32_t *before = rows[0], *above = rows[1], *row = rows[2];
    for (uint32_t j = 0; j <= b_length; j++)
        above[j] = j;
    for (uint32_t i = 1; i <= a_length; i++) {
        row[0] = i;
        for (uint32_t j = 1; j <= b_length; j++) {
            uint32_t change = above[j - 1] + (a[i - 1] != b[j - 1]);
            row[j] = least(change, least(above[j], row[j - 1]) + 1);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                row[j] = least(row[j], before[j - 2] + 1);
        }
        uint32_t *oldest = before;
        before = above;
        above = row;
        row = oldest;
    }
    return above[b_length] <= limit ? above[b_length] : limit + 1;
}

Suggestion suggestion_begin(const char *wanted) {
    uint32_t limit = ((uint32_t)strnlen(wanted, LONGEST_NAME) + 2) / 3;
    return (Suggestion){.wanted = wanted, .distance = limit + 1};
}

void suggestion_offer(Suggestion *suggestion, const char *candidate) {
    if (!suggestion->distance || suggestion->offers++ >= MOST_OFFERS)
        return;
    uint32_t distance = name_distance(suggestion->wanted, candidate, suggestion->distance - 1);
    /* It must share a letter with what is wanted, unless that is a single letter. */
    if (distance < suggestion->distance &&
        distance < strlen(candidate) + (strlen(suggestion->wanted) < 2)) {
        suggestion->distance = distance;
        suggestion->best = candidate;
    }
}

const char *suggestion_end(const Suggestion *suggestion) { return suggestion->best; }
