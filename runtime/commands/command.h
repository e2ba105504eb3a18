/* What the commands on a trained model share. The command line, and programs compiled ahead of
 * time, fill in a Command and call one of them; none reads arguments, and none prints except to
 * `results`. */
#ifndef SCANLINE_RUNTIME_COMMANDS_COMMAND_H
#define SCANLINE_RUNTIME_COMMANDS_COMMAND_H

#include "runtime/data/data.h"
#include "runtime/execution/program.h"
#include "runtime/model/model.h"
#include "runtime/run/checkpoint.h"
#include "runtime/run_error.h"
#include "runtime/study/chart.h"

#include <jansson.h>
#include <stdio.h>

typedef struct Command {
    const Program *program;
    const char *folder;     /* of the run: what is found out is written there */
    const char *checkpoint; /* a safetensors file; NULL: the run's best, or else its last */
    int threads;
    bool json;        /* results as JSON instead of text */
    ChartStyle style; /* of the terminal that results go to */
    FILE *results;
} Command;

/* A data set and parameters that fit the program, and each other: the checkpoint was trained on
 * this set and split. */
typedef struct Trained {
    DataSet *data;
    Model model;           /* without states */
    CheckpointState state; /* of the training, when the parameters were saved */
    char *checkpoint;      /* the file that they are from */
} Trained;

bool command_load(const Command *command, Trained *trained, RunError *error);
void command_unload(Trained *trained);

/* Makes DIRECTORY in the run's folder, if need be. */
bool command_directory(const Command *command, const char *directory, RunError *error);

/* Writes a file of the run; `name` may have a directory, "probe/probe.json".. */
bool command_write_text(const Command *command, const char *name, const char *text,
                        RunError *error);

/* JSON with few enough digits to read. malloc'ed; NULL: no memory. */
char *command_json_text(const json_t *json);

#endif
