/* Numbers that need no tensor: dims, consts, literals, and in an update rule whatever depends on
 * the step alone. They are built as a program of the kind in runtime/execution/schedule.h, in which
 * equal instructions exist once and those of constants are folded, so an expression's number is
 * known when compiling exactly when its instruction is a SCALAR_CONST. */
#ifndef SCANLINE_FRONTEND_SCALAR_H
#define SCANLINE_FRONTEND_SCALAR_H

#include "ir/arena.h"
#include "runtime/execution/schedule.h"

#include <stdbool.h>

typedef uint32_t ScalarId;

typedef struct ScalarProgram ScalarProgram;

ScalarProgram *scalar_create(Arena *arena);

ScalarId scalar_constant(ScalarProgram *program, double value);
/* Operands that the op does not take are ignored. */
ScalarId scalar_apply(ScalarProgram *program, ScalarOp op, ScalarId a, ScalarId b, ScalarId c);

bool scalar_is_constant(const ScalarProgram *program, ScalarId id, double *value);

/* What an instruction is called by people, in the schedule's names. The first label stays, unless a
 * later one is a `name` that somebody gave it. The text must outlive the program. */
void scalar_label(ScalarProgram *program, ScalarId id, const char *text, bool name);
bool scalar_has_label(const ScalarProgram *program, ScalarId id);

/* The number of the output that gives `id`: the same for the same instruction. */
uint32_t scalar_output(ScalarProgram *program, ScalarId id);

/* The instructions that the outputs need, and the outputs. In the arena. */
Schedule scalar_schedule(const ScalarProgram *program, Arena *arena);

#endif
