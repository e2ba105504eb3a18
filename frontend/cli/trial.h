/* One of many trainings that a command makes: its spec and settings, and some more. A trial that
 * the folder of runs has already is not made again, and one that was stopped or killed goes on; so
 * a command that makes trials goes on when it is given once more. */
#ifndef SCANLINE_FRONTEND_CLI_TRIAL_H
#define SCANLINE_FRONTEND_CLI_TRIAL_H

#include "frontend/cli/session_train.h"
#include "runtime/commands/command.h"

typedef struct Trial {
    const Options *options;        /* of the command */
    const char *words;             /* the command */
    const char *from, *checkpoint; /* the folder of the run that it starts from; NULL: none */
    const char *const *settings;   /* beyond those of the options */
    uint32_t setting_count;
    /* Called when the run is done, while its program is at hand. May be NULL. */
    bool (*after)(const Command *command, void *user, RunError *error);
    void *user;
} Trial;

/* The options of a trial, in the arena. */
const Options *trial_options(Arena *arena, const Options *options, const char *const *settings,
                             uint32_t count);

/* EXIT_DONE, EXIT_DIVERGED (which is nobody's fault: nothing is printed), or another code after
 * printing why. `folder` gets the run's, malloc'ed, in the first two cases. */
ExitCode trial_run(const Trial *trial, char **folder);

/* Whether a data set has a validation split, by which trials are judged. */
ExitCode trials_judged(const Session *session, const DataSettings *settings);

/* Does `act` while this process, and no other, has the folder that the trials' results go to. */
ExitCode trials_locked(Session *session, const char *folder,
                       ExitCode (*act)(Session *session, void *user), void *user);

#endif
