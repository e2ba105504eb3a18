/* What people see of a sweep as it goes: on a terminal a table of the trials under way, else a line
 * at the beginning and the end of each, and one every ten seconds in between. */
#ifndef SCANLINE_RUNTIME_BOARD_H
#define SCANLINE_RUNTIME_BOARD_H

#include "runtime/run/log.h"
#include "runtime/sweep/trials.h"
#include "runtime/sweep/worker.h"

/* A trial under way. */
typedef struct BoardRow {
    const SweepTrial *trial;
    const SweepWorker *worker;
    int64_t until; /* the step that it trains up to */
} BoardRow;

typedef struct Board {
    Log *log;
    double began, shown;  /* clock_seconds */
    int64_t steps_before; /* done when it began */
    int64_t trials;       /* all there are */
    bool counted;
} Board;

void board_begin(Board *board, Log *log);

/* Whether it is time for board_show. */
bool board_is_due(const Board *board);
void board_show(Board *board, const SweepCounts *counts, const BoardRow *rows, int count);
void board_end(Board *board);

#endif
