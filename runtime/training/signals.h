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

void signals_catch(Signals *signals);
void signals_restore(const Signals *signals);

/* The signal noted since signals_catch; 0: none. */
int signals_noted(void);

/* Whether that was SIGTERM, which whoever manages processes sends before it kills. */
bool signals_told_to_end(void);

#endif
