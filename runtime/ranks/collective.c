#include "runtime/ranks/collective.h"

#include "runtime/ranks/halving.h"

/* Tags of messages; those from TAG_SUM on are of sums (ranks.h). */
enum { TAG_BROADCAST = 1, TAG_GATHER, TAG_AGREE };

enum { BROADCAST_BYTES = 1 << 22 }; /* at once: so that the next rank can begin to pass it on */

static int64_t smaller_of(int64_t a, int64_t b) { return a < b ? a : b; }

/* --- from rank 0 to all --- */

static bool receive_now(Ranks *ranks, int from, void *bytes, int64_t count) {
    TransportRequest request;
    return ranks_receive(ranks, from, TAG_BROADCAST, bytes, count, &request) &&
           ranks_wait(ranks, &request, NULL);
}

static bool send_now(Ranks *ranks, int to, const void *bytes, int64_t count) {
    TransportRequest request;
    return ranks_send(ranks, to, TAG_BROADCAST, bytes, count, &request) &&
           ranks_wait(ranks, &request, NULL);
}

/* A binomial tree: a rank has it from the one without its lowest set bit, and passes it on to those
 * with one more bit below that. */
static bool broadcast_piece(Ranks *ranks, char *bytes, int64_t count) {
    const int rank = ranks_number(ranks), size = ranks_count(ranks);
    int bit = rank ? rank & -rank : 1 << ranks_levels(ranks);
    bool whole = rank == 0 || receive_now(ranks, rank - bit, bytes, count);
    while (whole && (bit >>= 1) > 0)
        if (rank + bit < size)
            whole = send_now(ranks, rank + bit, bytes, count);
    return whole;
}

bool ranks_broadcast(Ranks *ranks, void *bytes, int64_t count) {
    char *all = bytes;
    for (int64_t at = 0; ranks && at < count; at += BROADCAST_BYTES)
        if (!broadcast_piece(ranks, all + at, smaller_of(count - at, BROADCAST_BYTES)))
            return false;
    return true;
}

/* --- from all to all --- */

/* Gives a partner some bytes and gets others. */
static bool exchange(Ranks *ranks, int partner, int tag, const void *given, int64_t given_count,
                     void *got, int64_t got_count) {
    TransportRequest send, receive;
    return ranks_receive(ranks, partner, tag, got, got_count, &receive) &&
           ranks_send(ranks, partner, tag, given, given_count, &send) &&
           ranks_wait(ranks, &receive, &send);
}

/* In bytes. */
static HalvingPart part_of(const RanksArray *array, int rank, int levels) {
    const HalvingPart units = halving_part(rank, levels, array->units);
    return (HalvingPart){smaller_of(units.first * array->unit_bytes, array->bytes),
                         smaller_of(units.last * array->unit_bytes, array->bytes)};
}

bool ranks_gather(Ranks *ranks, const RanksArray *array) {
    const int rank = ranks_number(ranks);
    char *bytes = array->data;
    for (int level = ranks_levels(ranks) - 1; level >= 0; level--) {
        const int partner = halving_partner(rank, level);
        const HalvingPart own = part_of(array, rank, level + 1);
        const HalvingPart other = part_of(array, partner, level + 1);
        if (!exchange(ranks, partner, TAG_GATHER, bytes + own.first, own.last - own.first,
                      bytes + other.first, other.last - other.first))
            return false;
    }
    return true;
}

static int32_t larger_of(int32_t a, int32_t b) { return a > b ? a : b; }

bool ranks_agree(Ranks *ranks, RanksVerdict *verdict) {
    const int rank = ranks_number(ranks);
    for (int level = 0; level < ranks_levels(ranks); level++) {
        const RanksVerdict own = *verdict;
        RanksVerdict other;
        if (!exchange(ranks, halving_partner(rank, level), TAG_AGREE, &own, sizeof own, &other,
                      sizeof other))
            return false;
        verdict->not_finite = larger_of(own.not_finite, other.not_finite);
        verdict->signal = larger_of(own.signal, other.signal);
    }
    return true;
}
