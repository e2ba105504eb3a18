/* What drawing and completing images share: a model that is decoded, how far it is, and the
 * pictures. */
#ifndef SCANLINE_RUNTIME_COMMANDS_DRAWING_H
#define SCANLINE_RUNTIME_COMMANDS_DRAWING_H

#include "runtime/commands/command.h"
#include "runtime/study/decoder.h"
#include "runtime/study/picture.h"
#include "runtime/study/sample.h"

enum { DRAWING_MOST_IMAGES = 4096 };

typedef struct Drawing {
    const Command *command;
    Trained trained;
    Decoder *decoder;
} Drawing;

/* Refuses options that are wrong and models that cannot be drawn from. drawing_close in any case.
 */
bool drawing_open(Drawing *drawing, const Command *command, const SampleOptions *options,
                  RunError *error);
void drawing_close(Drawing *drawing);

/* `count` images tokens [count, positions], of which the first `given` positions are there; their
 * draws are counted from `number` on. */
bool drawing_run(Drawing *drawing, const SampleOptions *options, int64_t count, int64_t given,
                 int64_t number, int32_t *tokens, RunError *error);

/* Columns of a grid of so many images: 8, or as many as make it square. */
int64_t drawing_columns(int64_t count);

/* A grid as a PNG in the run's folder: [rows, columns] images, of which the first `lead` columns
 * are set apart. */
bool drawing_write_grid(const Drawing *drawing, int64_t rows, int64_t columns, int64_t lead,
                        const int32_t *tokens, const char *name, RunError *error);

/* One image as a PNG, a pixel a token. */
bool drawing_write_image(const Drawing *drawing, const int32_t *tokens, const char *name,
                         RunError *error);

/* The record of what was done as JSON in the run's folder, and on standard output if that is asked
 * for, else the names of the pictures. `more` is taken over; it may be NULL where memory ran out.
 */
bool drawing_write_record(const Drawing *drawing, const SampleOptions *options, json_t *more,
                          const char *name, const char *picture, RunError *error);

#endif
