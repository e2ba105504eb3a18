/* The shared libraries whose functions a run calls: what it computes is a function of them too, so
 * run.json has the hash of each. */
#ifndef SCANLINE_RUNTIME_RUN_LIBRARIES_H
#define SCANLINE_RUNTIME_RUN_LIBRARIES_H

#include "runtime/execution/program.h"
#include "runtime/run/log.h"
#include "runtime/run_error.h"

#include <jansson.h>

/* [{"name": "libblur.so", "path": "/home/me/libblur.so", "hash": "5e1b..."}, ...] for run.json;
 * NULL: there are none. */
json_t *run_libraries(const Program *program);

/* Whether those of a record are those of the program, by name and hash. */
bool run_libraries_same(const json_t *record, const Program *program);

/* The same; else `error` (EXIT_INPUT), which names the one that is another, and says that therefore
 * `purpose` cannot be. */
bool run_libraries_agree(const json_t *record, const Program *program, const char *purpose,
                         RunError *error);

/* Warns of one that is another than that which the run of this folder was trained with. */
void run_libraries_warn(const char *folder, const Program *program, Log *log);

#endif
