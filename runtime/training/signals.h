/* Signals that ask a training to stop: SIGINT, SIGTERM, SIGUSR1. The first is noted, for the loop
 * to save and leave; a second one of any of them does what signals do, and ends the process at
 * once. */
#ifndef SCANLINE_RUNTIME_SIGNALS_H
#define SCANLINE_RUNTIME_SIGNALS_H

#include <signal.h>
#include <stdbool.h>

enum { SIGNALS_CAUGHT = 3 };

typedef struct Signals {
    struct sigaction before[SIGNALS_CAUGHT];
} Signals;

/* May be within another: what was noted stays so, as in the process of a trial that was asked to
 * stop before its training began. */
void signals_catch(Signals *signals);
void signals_restore(const Signals *signals);

/* Holds these signals back, and lets them come: so that a process that forks knows whether one came
 * before the child was there. */
void signals_hold(sigset_t *before);
void signals_let(const sigset_t *before);

/* The signal noted since the first signals_catch that is not restored; 0: none. */
int signals_noted(void);

/* Whether that was SIGTERM, which whoever manages processes sends before it kills. */
bool signals_told_to_end(void);

#endif
