/* Ranks in one process, each a thread: messages go through queues, and arrive in an order that is
 * drawn, but for those of one tag between the same two. */
#ifndef SCANLINE_TESTS_FAKE_RANKS_H
#define SCANLINE_TESTS_FAKE_RANKS_H

#include "runtime/ranks/ranks.h"

enum { FAKE_MOST_RANKS = 8 };

typedef struct FakeRanks FakeRanks;

FakeRanks *fake_ranks_create(int size);
void fake_ranks_free(FakeRanks *fake);

/* How many ranks have ended the others; how many messages were sent. */
int fake_ranks_aborted(const FakeRanks *fake);
int64_t fake_ranks_bytes(const FakeRanks *fake);

/* From now on the transport of every rank fails. */
void fake_ranks_break(FakeRanks *fake);

/* Runs `work` as each of the ranks at once. */
typedef void FakeWork(Ranks *ranks, int rank, void *user);
void fake_ranks_run(FakeRanks *fake, FakeWork *work, void *user);

#endif
