#include "runtime/training/signals.h"

static const int caught[SIGNALS_CAUGHT] = {SIGINT, SIGTERM, SIGUSR1};

/* A handler is given nothing but the signal's number: this is the one place it can leave it. */
static volatile sig_atomic_t noted;

static void note(int number) {
    if (!noted) {
        noted = number;
        return;
    }
    signal(number, SIG_DFL); /* is delivered when the handler returns */
    raise(number);
}

void signals_catch(Signals *signals) {
    noted = 0;
    struct sigaction action = {.sa_handler = note, .sa_flags = SA_RESTART};
    for (int i = 0; i < SIGNALS_CAUGHT; i++)
        sigaction(caught[i], &action, &signals->before[i]);
}

void signals_restore(const Signals *signals) {
    for (int i = 0; i < SIGNALS_CAUGHT; i++)
        sigaction(caught[i], &signals->before[i], NULL);
}

int signals_noted(void) { return noted; }

bool signals_told_to_end(void) { return noted == SIGTERM; }
