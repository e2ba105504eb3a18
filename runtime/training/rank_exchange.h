/* One array of floats summed over all ranks: halved as far as there are ranks, neighbours first, so
 * that every element is added as a balanced binary tree over the ranks says; then doubled back,
 * until all have all of it (runtime/ranks/halving.h). A rank sends and receives
 * 2 (1 - 1 / ranks) of the array. Nothing waits: several of them can be under way at once. */
#ifndef SCANLINE_RUNTIME_RANK_EXCHANGE_H
#define SCANLINE_RUNTIME_RANK_EXCHANGE_H

#include "runtime/ranks/ranks.h"

typedef struct RankExchange {
    Ranks *ranks;
    float *sum;      /* [count] */
    float *incoming; /* room for half of it, rounded up */
    int64_t count;
    int tag;   /* and as many above it as there are stages: of this exchange alone */
    int stage; /* halvings, then doublings */
    bool is_sent, is_received;
    bool is_finite; /* the part of the sum that this rank has made */
    TransportRequest send, receive;
} RankExchange;

/* Tags from here on are for exchanges. */
enum { RANK_EXCHANGE_TAG = 16 };

int rank_exchange_stages(const Ranks *ranks);

/* `sum` is this rank's, and becomes that of all. False: the ranks are lost. */
bool rank_exchange_begin(RankExchange *exchange);

/* As far as it goes now. *moved: something came. */
TransportOutcome rank_exchange_advance(RankExchange *exchange, bool *moved);

#endif
