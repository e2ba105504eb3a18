/* The life of a run's folder: made, gone on with, ended; and what run.json says at each. */
#ifndef SCANLINE_RUNTIME_RUN_RECORD_H
#define SCANLINE_RUNTIME_RUN_RECORD_H

#include "runtime/execution/program.h"
#include "runtime/run/run_parent.h"

/* How a training ended. */
typedef struct TrainingResult {
    int64_t step;         /* the last one done */
    int64_t best_step;    /* of the best evaluation on validation (train.best) */
    double best_loss;     /* infinity: there is no validation split */
    double best_accuracy; /* -1: there is none */
    bool stopped_early;   /* by patience */
} TrainingResult;

/* What made the machine code. */
typedef struct RunVersions {
    const char *scanline; /* "0.1.0" */
    const char *llvm;     /* "19.1.7" */
} RunVersions;

/* What a run comes from. */
typedef struct RunOrigin {
    const Program *program; /* of an import without a plan */
    const DataSet *data;    /* NULL: it is not known what the parameters were trained on */
    RunVersions versions;
    const char *command; /* as it was given */
    const RunParent *parent;
} RunOrigin;

/* Makes the folder, `out` or the next one in the folder of runs; it appears with spec.scan and
 * run.json in it, and locked. The path, malloc'ed, and the lock; NULL and `error`. */
char *run_begin(const RunOrigin *origin, const char *out, int *lock, RunError *error);

/* Parameters that were trained elsewhere. */
typedef struct RunImport {
    RunOrigin origin;
    const char *from, *map;   /* the paths of the file and of the map of its names, for run.json */
    float *const *parameters; /* in the order of the experiment's */
    const Palette *palette;   /* of its tokens; NULL: none is known */
} RunImport;

/* Makes the folder of a run that is "imported", with the parameters as its best checkpoint. It can
 * be judged on any images and be another run's parent, but not gone on with or reproduced. The
 * path, malloc'ed; NULL and `error`. */
char *run_import(const RunImport *import, const char *out, RunError *error);

/* The record of a run that was trained by what is here: its spec, data, split, target, table and
 * libraries. NULL and `error` (EXIT_INPUT), which says what is another, and that therefore
 * `purpose` cannot be. */
json_t *run_record_of(const char *folder, const RunOrigin *origin, const char *purpose,
                      RunError *error);

/* A warning where it was begun by another version; NULL: there is nothing to warn of. malloc'ed. */
char *run_versions_differ(const json_t *record, const RunVersions *versions);

/* Notes that it is being trained again. */
bool run_go_on(const char *folder, RunError *error);

/* Notes how it ended: `code`, and the `reason` unless it is done. */
bool run_end(const char *folder, ExitCode code, const TrainingResult *result,
             const RunError *reason, RunError *error);

#endif
