#include "runtime/training/signals.h"

static const int caught[SIGNALS_CAUGHT] = {SIGINT, SIGTERM, SIGUSR1};

/* A handler is given nothing but the signal's number: this is the one place it can leave it. */
static volatile sig_atomic_t noted;

/* How many catch them now, one within the other. */
static int catching;

static void note(int number) {
    if (!noted) {
        noted = number;
        return;
    }
    signal(number, SIG_DFL); /* is delivered when the handler returns */
    raise(number);
}

void signals_catch(Signals *signals) {
    if (catching++ == 0)
        noted = 0;
    struct sigaction action = {.sa_handler = note, .sa_flags = SA_RESTART};
    for (int i = 0; i < SIGNALS_CAUGHT; i++)
        sigaction(caught[i], &action, &signals->before[i]);
}

void signals_restore(const Signals *signals) {
    catching--;
    for (int i = 0; i < SIGNALS_CAUGHT; i++)
        sigaction(caught[i], &signals->before[i], NULL);
}

void signals_hold(sigset_t *before) {
    sigset_t held;
    sigemptyset(&held);
    for (int i = 0; i < SIGNALS_CAUGHT; i++)
        sigaddset(&held, caught[i]);
    pthread_sigmask(SIG_BLOCK, &held, before);
}

void signals_let(const sigset_t *before) { pthread_sigmask(SIG_SETMASK, before, NULL); }

int signals_noted(void) { return noted; }

bool signals_told_to_end(void) { return noted == SIGTERM; }
