/* The files of a folder in order, through links; for source.c. */
#ifndef SCANLINE_RUNTIME_WALK_H
#define SCANLINE_RUNTIME_WALK_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

typedef struct WalkStep {
    char *path; /* from where the walk began, with it in front; the walk's until the next step */
    const char *name; /* without the beginning */
    struct stat status;
    char fault[160]; /* "" : none */
} WalkStep;

typedef struct Walk Walk;

Walk *walk_open(const char *root); /* NULL with errno set */
void walk_close(Walk *walk);

/* A file that may be read, or what has a fault; false: there is no more. */
bool walk_next(Walk *walk, WalkStep *step);

#endif
