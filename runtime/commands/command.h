/* What the commands on a trained model share. The command line, and programs compiled ahead of
 * time, fill in a Command and call one of them; none reads arguments, and none prints except to
 * `results`. */
#ifndef SCANLINE_RUNTIME_COMMANDS_COMMAND_H
#define SCANLINE_RUNTIME_COMMANDS_COMMAND_H

#include "runtime/data/data.h"
#include "runtime/execution/program.h"
#include "runtime/model/model.h"
#include "runtime/run/checkpoint.h"
#include "runtime/run/log.h"
#include "runtime/run_error.h"
#include "runtime/study/chart.h"

#include <jansson.h>
#include <stdio.h>

typedef struct Command {
    const Program *program;
    const char *folder;     /* of the run: what is found out is written there */
    const char *into;       /* a directory of it, in the place of the command's own ("probe"); NULL:
                               that */
    const char *checkpoint; /* a safetensors file; NULL: the run's best, or else its last */
    bool transfer; /* the data set may be another than it was trained on, where tokens fit */
    bool told; /* what is to be said of the data set has been said before, by the same command */
    int threads;
    bool json;        /* results as JSON instead of text */
    ChartStyle style; /* of the terminal that results go to */
    FILE *results;
    Log *log; /* for how far it is; NULL: nobody listens */
} Command;

/* A data set and parameters that fit the program, and each other: the checkpoint was trained on
 * this set and on these splits, or on a part of its training images. In a transfer the set may be
 * another, with other classes: labels are not the model's then, but whoever's reads its features.
 */
typedef struct Trained {
    DataSet *data;
    Model model;           /* without states */
    CheckpointState state; /* of the training, when the parameters were saved */
    char *checkpoint;      /* the file that they are from */
} Trained;

bool command_load(const Command *command, Trained *trained, RunError *error);
void command_unload(Trained *trained);

/* Says how many images without a label are left out, unless none is. command_load does where the
 * experiment reads labels. */
void command_say_unlabelled(const Command *command, const DataSet *data);

/* The path of a file of the run, where `into` says it is to be; malloc'ed; NULL: no memory. */
char *command_path(const Command *command, const char *name);

/* Makes DIRECTORY in the run's folder, or `into`, if need be. */
bool command_directory(const Command *command, const char *directory, RunError *error);

/* Writes a file of the run; `name` may have a directory, "probe/probe.json". */
bool command_write_text(const Command *command, const char *name, const char *text,
                        RunError *error);

/* A list of the names of the first `classes` classes. NULL: no memory. */
json_t *command_class_names(const DataSet *data, int64_t classes);

/* Prints JSON and a newline, and lets it go. False: it is NULL, as there was no memory. */
bool command_print_json(json_t *json, FILE *results);

/* JSON with few enough digits to read. malloc'ed; NULL: no memory. */
char *command_json_text(const json_t *json);

#endif
