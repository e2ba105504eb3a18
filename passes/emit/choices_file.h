/* A table of choices as text, which may be anybody's:
 *
 *     # measured on ...
 *     target   depth_block  group_rows  kept_kib ...
 *     znver5           256          96      8192 ...
 *
 * The first line names every column of choices.def once, in any order; each other line is a
 * target's. */
#ifndef SCANLINE_PASSES_EMIT_CHOICES_FILE_H
#define SCANLINE_PASSES_EMIT_CHOICES_FILE_H

#include "passes/emit/choices.h"

#include <stdio.h>

enum { CHOICES_FILE_BYTES = 64 << 10 };

/* Hears of each fault: the bytes of the text that are wrong, and how. */
typedef void ChoicesFault(void *user, size_t offset, size_t length, const char *what);

/* False where there is a fault; all of them are told. */
bool choices_read(const char *text, size_t length, ChoicesTable *table, ChoicesFault *fault,
                  void *user);

/* The line of names, and that of a target. */
void choices_write_names(FILE *stream);
void choices_write(FILE *stream, const char *target, const Choices *choices);

#endif
