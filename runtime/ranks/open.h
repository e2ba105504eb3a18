/* Whether this process was started as one of several ranks, and by what they reach each other. */
#ifndef SCANLINE_RUNTIME_OPEN_H
#define SCANLINE_RUNTIME_OPEN_H

#include "runtime/ranks/ranks.h"

/* Looks at the environment, which mpirun (or srun) fills. Alone: *ranks is NULL, and nothing of MPI
 * is touched. Else the library that brings messages is opened. False and `error`: EXIT_MACHINE. */
bool ranks_open(Ranks **ranks, RunError *error);

/* Ranks on this machine, by the environment; 1: it says nothing. They share its cores. */
int ranks_on_this_machine(void);

#endif
