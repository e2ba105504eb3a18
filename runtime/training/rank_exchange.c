#include "runtime/training/rank_exchange.h"

#include "runtime/ranks/halving.h"
#include "runtime/training/tree_block.h"

int rank_exchange_stages(const Ranks *ranks) { return 2 * ranks_levels(ranks); }

static bool is_halving(const RankExchange *exchange) {
    return exchange->stage < ranks_levels(exchange->ranks);
}

/* The level of the stage: up, then down again. */
static int level_of(const RankExchange *exchange) {
    return is_halving(exchange) ? exchange->stage
                                : rank_exchange_stages(exchange->ranks) - 1 - exchange->stage;
}

/* What `rank` has once its level is done. */
static HalvingPart part_of(const RankExchange *exchange, int rank) {
    return halving_part(rank, level_of(exchange) + 1, exchange->count);
}

static int partner_of(const RankExchange *exchange) {
    return halving_partner(ranks_number(exchange->ranks), level_of(exchange));
}

static int64_t bytes_of(HalvingPart part) {
    return (part.last - part.first) * (int64_t)sizeof(float);
}

/* Halving, a rank gives away the partner's part, and gets what the partner has of its own;
 * doubling, it gives its own part, and gets the partner's. */
static bool stage_begin(RankExchange *exchange) {
    const int partner = partner_of(exchange), tag = exchange->tag + exchange->stage;
    const HalvingPart own = part_of(exchange, ranks_number(exchange->ranks));
    const HalvingPart other = part_of(exchange, partner);
    const bool halves = is_halving(exchange);
    const HalvingPart given = halves ? other : own;
    exchange->is_sent = exchange->is_received = false;
    return ranks_receive(exchange->ranks, partner, tag,
                         halves ? exchange->incoming : exchange->sum + other.first,
                         bytes_of(halves ? own : other), &exchange->receive) &&
           ranks_send(exchange->ranks, partner, tag, exchange->sum + given.first, bytes_of(given),
                      &exchange->send);
}

static void stage_end(RankExchange *exchange) {
    const HalvingPart own = part_of(exchange, ranks_number(exchange->ranks));
    float *sum = exchange->sum + own.first;
    if (is_halving(exchange))
        tree_block_add(sum, exchange->incoming, own.last - own.first);
    exchange->stage++;
    if (exchange->stage == ranks_levels(exchange->ranks))
        exchange->is_finite = tree_block_is_finite(sum, own.last - own.first);
}

bool rank_exchange_begin(RankExchange *exchange) {
    exchange->stage = 0;
    exchange->is_finite = true;
    return stage_begin(exchange);
}

/* Tests a message that is not known to be done. */
static TransportOutcome progress(Ranks *ranks, TransportRequest *request, bool *is_done,
                                 bool *moved) {
    const TransportOutcome outcome = *is_done ? TRANSPORT_DONE : ranks_test(ranks, request);
    *moved |= !*is_done && outcome == TRANSPORT_DONE;
    *is_done = outcome == TRANSPORT_DONE;
    return outcome;
}

TransportOutcome rank_exchange_advance(RankExchange *exchange, bool *moved) {
    for (;;) {
        const TransportOutcome sent =
            progress(exchange->ranks, &exchange->send, &exchange->is_sent, moved);
        const TransportOutcome received =
            progress(exchange->ranks, &exchange->receive, &exchange->is_received, moved);
        if (sent == TRANSPORT_FAILED || received == TRANSPORT_FAILED)
            return TRANSPORT_FAILED;
        if (sent == TRANSPORT_PENDING || received == TRANSPORT_PENDING)
            return TRANSPORT_PENDING;
        stage_end(exchange);
        if (exchange->stage == rank_exchange_stages(exchange->ranks))
            return TRANSPORT_DONE;
        if (!stage_begin(exchange))
            return TRANSPORT_FAILED;
    }
}
