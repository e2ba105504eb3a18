/* Exit codes of the program, and so of every command. */
#ifndef SCANLINE_RUNTIME_EXIT_CODE_H
#define SCANLINE_RUNTIME_EXIT_CODE_H

typedef enum ExitCode {
    EXIT_DONE = 0,
    EXIT_INPUT = 1, /* the input is at fault: a spec, an image, a checkpoint */
    EXIT_USAGE = 2,
    EXIT_MACHINE = 3,  /* the machine: memory, disk, a run that another process has */
    EXIT_DIVERGED = 4, /* NaN; the run is kept */
    EXIT_DIFFERS = 5,  /* a reproduction differs */
    EXIT_STOPPED = 75, /* by a signal; resumable */
} ExitCode;

#endif
