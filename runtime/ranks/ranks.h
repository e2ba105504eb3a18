/* Several processes that train one model together: ranks, each with a part of every batch. All of
 * them hold the whole model and change it alike, to the bit; rank 0 is the one that writes and
 * speaks.
 *
 * How they come together and part:
 *
 *     apart      each on its own; what one finds wrong the others hear of when they meet
 *     together   every step needs all of them. Whoever leaves now, by a fault of its own, ends all
 *     over       all know that it ended, and how
 *
 * A rank that is killed is noticed by its silence: what ends the others is whoever started them
 * (mpirun, by SIGTERM and soon SIGKILL). Then, or where a message fails, the ranks are lost: each
 * call fails from then on, and rank 0 can still write what it has.
 *
 * A NULL Ranks is a process alone. */
#ifndef SCANLINE_RUNTIME_RANKS_H
#define SCANLINE_RUNTIME_RANKS_H

#include "runtime/ranks/transport.h"
#include "runtime/run_error.h"

typedef struct Ranks Ranks;

/* Over a transport, which is closed with it. NULL: no memory. */
Ranks *ranks_create(const Transport *transport);

int ranks_number(const Ranks *ranks); /* of this one */
int ranks_count(const Ranks *ranks);
int ranks_levels(const Ranks *ranks); /* log2 of their count */

/* Whether this one writes and speaks. */
bool ranks_is_first(const Ranks *ranks);

/* Ranks share the chunks of a batch, as halves of halves: their number must be a power of two, and
 * `chunks` (train.chunks) as large or larger. False and `error`: EXIT_INPUT. */
bool ranks_fit(const Ranks *ranks, int64_t chunks, RunError *error);

/* --- messages --- */

/* As the transport's; false: the ranks are lost. */
bool ranks_send(Ranks *ranks, int to, int tag, const void *bytes, int64_t count,
                TransportRequest *request);
bool ranks_receive(Ranks *ranks, int from, int tag, void *bytes, int64_t count,
                   TransportRequest *request);
TransportOutcome ranks_test(Ranks *ranks, TransportRequest *request);

/* Waits for one message, or for two. False: the ranks are lost. */
bool ranks_wait(Ranks *ranks, TransportRequest *one, TransportRequest *other);

/* A wait by polling: zero at first, and whenever something has come. */
typedef struct RanksPause {
    int polls;
    double since;
} RanksPause;

/* A little rest between two polls. False: the ranks are lost, as this process was told to end and
 * nothing has come for a while. */
bool ranks_pause(Ranks *ranks, RanksPause *pause);

/* What tells that this process was told to end (SIGTERM); NULL, as in the beginning: nobody does.
 */
void ranks_listen(Ranks *ranks, bool (*is_told)(void));

/* Whether the ranks are lost. */
bool ranks_lost(const Ranks *ranks);
const char *ranks_fault(const Ranks *ranks);

/* --- coming together and parting --- */

/* What must be the same for all: the spec, the data, ... */
typedef struct RanksFact {
    const char *name;  /* "spec": for people */
    const char *value; /* of any length */
} RanksFact;

enum { RANKS_MOST_FACTS = 8 };

/* All ranks meet, each with what it has found: `own` (code EXIT_DONE: it can go on) and the facts.
 * True for all or for none. False and `error`: the fault of the first rank that has one (for that
 * rank as it is, for the others with its number before it), or which fact differs. */
bool ranks_meet(Ranks *ranks, const RunError *own, const RanksFact *facts, uint32_t count,
                RunError *error);

void ranks_come_together(Ranks *ranks);
void ranks_part(Ranks *ranks); /* it is over, and all know */

/* Whether this rank fails while the others go on: then it is the one to say why. */
bool ranks_fails_alone(const Ranks *ranks, ExitCode code);

/* The last call; `own`: how it ended. Where the others do not know yet, they are told (apart), or
 * ended (together). Returns the exit code of this process: that of rank 0 is what counts. */
ExitCode ranks_end(Ranks *ranks, const RunError *own);

#endif
