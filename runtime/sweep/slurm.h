/* A sweep as a job array of Slurm: each task does a part of the trials, with a database of its own,
 * and a job behind it merges them. Runs all go to the one folder of runs, which the machines share.
 */
#ifndef SCANLINE_RUNTIME_SLURM_H
#define SCANLINE_RUNTIME_SLURM_H

#include "runtime/run_error.h"

#include <stdint.h>
#include <stdio.h>

typedef struct SlurmArray {
    const char *folder;       /* where the scripts, databases and logs go: an absolute path */
    const char *name;         /* of the jobs */
    const char *const *words; /* the sweep: `scanline' by its absolute path, "sweep", ... */
    uint32_t word_count;
    const char *const *options; /* further lines "#SBATCH OPTION" */
    uint32_t option_count;
    int64_t parts;
} SlurmArray;

/* Writes sweep.sbatch and merge.sbatch into the folder and submits both; the numbers of the jobs
 * and what to look at then go to `results`. Parts that are there from before are gone on with.
 * False and `error`: EXIT_MACHINE where sbatch is missing or refuses. */
bool slurm_submit(const SlurmArray *array, bool json, FILE *results, RunError *error);

#endif
