/* The nearest name, for "did you mean": Damerau-Levenshtein distance (optimal string alignment).
 *
 *     Suggestion nearest = suggestion_begin("tokns");
 *     for (...) suggestion_offer(&nearest, candidate);
 *     diagnostic_suggest(diagnostic, suggestion_end(&nearest));
 */
#ifndef SCANLINE_FRONTEND_SUGGEST_H
#define SCANLINE_FRONTEND_SUGGEST_H

#include <stdint.h>

typedef struct Suggestion {
    const char *wanted, *best;
    uint32_t distance; /* of best; at most a third of the wanted name's length, rounded up */
    uint32_t offers;   /* after many thousand no more are looked at */
} Suggestion;

Suggestion suggestion_begin(const char *wanted);
void suggestion_offer(Suggestion *suggestion, const char *candidate); /* the first of equals wins */
const char *suggestion_end(const Suggestion *suggestion);             /* NULL: nothing is near */

/* Insertions, deletions, substitutions and swaps of neighbours; or limit + 1 when it is more. */
uint32_t name_distance(const char *a, const char *b, uint32_t limit);

#endif
