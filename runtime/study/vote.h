/* The class of an image when a model is asked several times, each time with another random draw (a
 * mask): BERT's classifier is evaluated by the majority of VOTE_DRAWS masks, ties at random
 * ("Generative Pretraining from Pixels", section 4.3). */
#ifndef SCANLINE_RUNTIME_VOTE_H
#define SCANLINE_RUNTIME_VOTE_H

#include <stdint.h>

enum { VOTE_DRAWS = 5 };

/* The class with the largest score; of equals the first. */
int32_t vote_cast(const float *scores, int64_t classes);

/* The class that most of the votes are for. Of several, one is drawn: a function of the seed, the
 * image and the classes that tie, and of nothing else. */
int32_t vote_majority(const int32_t *votes, int count, int64_t seed, int32_t image);

#endif
