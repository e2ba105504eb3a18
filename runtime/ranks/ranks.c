#include "runtime/ranks/ranks.h"

#include "runtime/clock.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

typedef enum Stage { APART, TOGETHER, OVER } Stage;

struct Ranks {
    Transport transport;
    int levels;
    Stage stage;
    bool is_lost;
    char fault[512];
    bool (*is_told)(void);
};

/* Short waits are polled at once, as what is waited for is mostly under way; after so many polls
 * the core is left to others. */
enum { POLLS_AT_ONCE = 200, NAP_NANOSECONDS = 20000 };

/* mpirun kills a second after it has told a rank to end (odls_base_sigkill_timeout): what is to be
 * written must be by then. */
static const double patience_seconds = 0.25;

Ranks *ranks_create(const Transport *transport) {
    Ranks *ranks = calloc(1, sizeof *ranks);
    if (!ranks)
        return NULL;
    ranks->transport = *transport;
    while ((1 << (ranks->levels + 1)) <= transport->size)
        ranks->levels++;
    return ranks;
}

int ranks_number(const Ranks *ranks) { return ranks ? ranks->transport.rank : 0; }
int ranks_count(const Ranks *ranks) { return ranks ? ranks->transport.size : 1; }
int ranks_levels(const Ranks *ranks) { return ranks ? ranks->levels : 0; }
bool ranks_is_first(const Ranks *ranks) { return ranks_number(ranks) == 0; }

static bool is_power(int64_t number) { return number > 0 && (number & (number - 1)) == 0; }

bool ranks_fit(const Ranks *ranks, int64_t chunks, RunError *error) {
    const int count = ranks_count(ranks);
    if (count == 1 || (is_power(count) && is_power(chunks) && chunks >= count))
        return true;
    if (!is_power(count) || !is_power(chunks))
        return run_fail(error, EXIT_INPUT,
                        "%d ranks cannot share train.chunks = %lld chunks of a batch: both must be "
                        "powers of two, as each rank takes a part of the tree by which chunks are "
                        "summed",
                        count, (long long)chunks);
    return run_fail(error, EXIT_INPUT,
                    "%d ranks cannot share train.chunks = %lld chunks of a batch: each takes whole "
                    "ones. Start at most %lld; or give train.chunks=%d, where the batch can be "
                    "divided so (that gives other bits)",
                    count, (long long)chunks, (long long)chunks, count);
}

/* --- messages --- */

static bool lose(Ranks *ranks, const char *why) {
    if (!ranks->is_lost)
        snprintf(ranks->fault, sizeof ranks->fault, "%s", why);
    ranks->is_lost = true;
    return false;
}

static bool check(Ranks *ranks, bool begun) {
    return begun || lose(ranks, ranks->transport.fault(ranks->transport.state));
}

bool ranks_send(Ranks *ranks, int to, int tag, const void *bytes, int64_t count,
                TransportRequest *request) {
    const Transport *transport = &ranks->transport;
    return !ranks->is_lost &&
           check(ranks, transport->send(transport->state, to, tag, bytes, count, request));
}

bool ranks_receive(Ranks *ranks, int from, int tag, void *bytes, int64_t count,
                   TransportRequest *request) {
    const Transport *transport = &ranks->transport;
    return !ranks->is_lost &&
           check(ranks, transport->receive(transport->state, from, tag, bytes, count, request));
}

TransportOutcome ranks_test(Ranks *ranks, TransportRequest *request) {
    if (ranks->is_lost)
        return TRANSPORT_FAILED;
    const TransportOutcome outcome = ranks->transport.test(ranks->transport.state, request);
    check(ranks, outcome != TRANSPORT_FAILED);
    return outcome;
}

static bool wait_for(Ranks *ranks, TransportRequest *request) {
    RanksPause pause = {0};
    TransportOutcome outcome;
    while ((outcome = ranks_test(ranks, request)) == TRANSPORT_PENDING)
        if (!ranks_pause(ranks, &pause))
            return false;
    return outcome == TRANSPORT_DONE;
}

bool ranks_wait(Ranks *ranks, TransportRequest *one, TransportRequest *other) {
    return wait_for(ranks, one) && (!other || wait_for(ranks, other));
}

bool ranks_pause(Ranks *ranks, RanksPause *pause) {
    if (pause->polls++ < POLLS_AT_ONCE) {
        sched_yield();
        return !ranks->is_lost;
    }
    const double now = clock_seconds();
    const bool is_told = ranks->is_told && ranks->is_told();
    if (!is_told || pause->since == 0)
        pause->since = now;
    if (now - pause->since > patience_seconds)
        return lose(ranks, "this process was told to end, and the others have fallen silent "
                           "(mpirun ends all ranks when one of them ends)");
    nanosleep(&(struct timespec){.tv_nsec = NAP_NANOSECONDS}, NULL);
    return !ranks->is_lost;
}

void ranks_listen(Ranks *ranks, bool (*is_told)(void)) {
    if (ranks)
        ranks->is_told = is_told;
}

bool ranks_lost(const Ranks *ranks) { return ranks && ranks->is_lost; }
const char *ranks_fault(const Ranks *ranks) { return ranks->fault; }

/* --- parting --- */

void ranks_come_together(Ranks *ranks) {
    if (ranks)
        ranks->stage = TOGETHER;
}

void ranks_part(Ranks *ranks) {
    if (ranks)
        ranks->stage = OVER;
}

bool ranks_fails_alone(const Ranks *ranks, ExitCode code) {
    return ranks && code && ranks->stage == TOGETHER;
}

/* Tells the others, or ends them. */
static void leave(Ranks *ranks, const RunError *own) {
    const Transport *transport = &ranks->transport;
    RunError heard = {0};
    if (ranks->stage == APART && own->code)
        ranks_meet(ranks, own, NULL, 0, &heard);
    else if (ranks->stage != OVER)
        transport->abort(transport->state, own->code ? (int)own->code : EXIT_MACHINE);
    if (ranks->stage == OVER && !ranks->is_lost)
        transport->close(transport->state);
}

ExitCode ranks_end(Ranks *ranks, const RunError *own) {
    const bool counts = ranks_is_first(ranks);
    if (ranks)
        leave(ranks, own);
    free(ranks);
    return counts ? own->code : EXIT_DONE;
}
