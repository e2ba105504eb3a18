/* From a spec and a command line to what is swept. */
#ifndef SCANLINE_FRONTEND_CLI_SWEEP_PLAN_H
#define SCANLINE_FRONTEND_CLI_SWEEP_PLAN_H

#include "frontend/cli/trial.h"
#include "runtime/sweep/trials.h"

/* As the command line has it; NULL: not given. */
typedef struct SweepArguments {
    const char *words; /* the command */
    const char **over; /* [over_count] */
    uint32_t over_count;
    const char *method, *trials, *seed, *rungs, *eta, *jobs, *part, *db, *from, *checkpoint;
    const char *slurm;   /* the number of parts; "": as it comes */
    const char **sbatch; /* [sbatch_count] */
    uint32_t sbatch_count;
    bool submits, retry;
} SweepArguments;

typedef struct SweepSetup {
    const SweepArguments *arguments;
    SweepPlan plan;
    char *from;     /* the folder of the run that trials start from; NULL: none */
    int64_t trials; /* that the plan has */
    Session *first; /* of the first trial that can be read, as it was */
    Pool pool;
} SweepSetup;

/* A trial's own session, which says nothing: what it would say is in *session->fault and in the
 * log of its run. Its options are those of the command with the settings, in its arena. `read`: the
 * spec is read and its memory settled. NULL where there is no memory for it. */
Session *sweep_session(const Options *options, const TrainRequest *request,
                       const char *const *settings, uint32_t setting_count, ExitCode *read);

/* Reads the arguments and the spec; refuses what no trial could do before anything is made. */
ExitCode sweep_setup(Session *session, SweepSetup *setup);
void sweep_setup_free(SweepSetup *setup);

#endif
