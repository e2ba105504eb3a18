#include "runtime/commands/drawing.h"

#include "runtime/images/image_png.h"
#include "runtime/study/draw.h"

#include <stdlib.h>

enum { COLUMNS = 8 };

/* --- the model --- */

static bool prepare(Drawing *drawing, RunError *error) {
    const Command *command = drawing->command;
    if (!command_load(command, &drawing->trained, error))
        return false;
    drawing->decoder =
        decoder_create(command->program, &drawing->trained.model, command->threads, error);
    return drawing->decoder != NULL;
}

bool drawing_open(Drawing *drawing, const Command *command, const SampleOptions *options,
                  RunError *error) {
    const Experiment *experiment = command->program->experiment;
    const char *fault = sample_fault(options);
    *drawing = (Drawing){.command = command};
    if (fault)
        return run_fail(error, EXIT_USAGE, "%s", fault);
    if (!experiment->autoregressive)
        return run_fail(error, EXIT_INPUT,
                        "the objective %s does not predict colours from those before them alone: "
                        "there is nothing to sample",
                        experiment->train.objective);
    return prepare(drawing, error);
}

void drawing_close(Drawing *drawing) {
    decoder_free(drawing->decoder);
    command_unload(&drawing->trained);
}

/* --- drawing --- */

bool drawing_run(Drawing *drawing, const SampleOptions *options, int64_t count, int64_t given,
                 int64_t number, int32_t *tokens, RunError *error) {
    Work work;
    const DrawTask task = {.count = count, .given = given, .number = number, .work = &work};
    work_begin(&work, drawing->command->log, given ? "completing" : "drawing",
               (double)(count * decoder_positions(drawing->decoder)));
    const SampleStatus status = draw_images(drawing->decoder, &task, options, tokens);
    work_end(&work);
    return sample_check(status, error);
}

/* --- pictures --- */

int64_t drawing_columns(int64_t count) {
    int64_t columns = count < COLUMNS ? count : COLUMNS;
    while (columns * columns < count)
        columns++;
    return columns;
}

/* The checkpoint's own: command_load has seen that the set's is the same. */
static const Palette *palette_of(const Drawing *drawing) {
    const DataSet *data = drawing->trained.data;
    return data->palette.centres ? &data->palette : NULL;
}

static bool write_picture(const Drawing *drawing, Image *picture, const char *name,
                          RunError *error) {
    char *path = command_path(drawing->command, name);
    FileError fault;
    const ImageView view = {picture->height, picture->width, picture->channels, picture->pixels};
    const bool ok = path ? image_write_png(view, path, &fault) : run_no_memory(error, "a path");
    if (path && !ok)
        run_fail(error, EXIT_MACHINE, "%s", fault.text);
    free(picture->pixels);
    free(path);
    return ok;
}

static PictureGrid grid_of(const Drawing *drawing, int64_t rows, int64_t columns,
                           const int32_t *tokens) {
    const DataSet *data = drawing->trained.data;
    return (PictureGrid){.rows = rows,
                         .columns = columns,
                         .height = data->height,
                         .width = data->width,
                         .palette = palette_of(drawing),
                         .colours = decoder_colours(drawing->decoder),
                         .tokens = tokens};
}

bool drawing_write_grid(const Drawing *drawing, int64_t rows, int64_t columns, int64_t lead,
                        const int32_t *tokens, const char *name, RunError *error) {
    const DataSet *data = drawing->trained.data;
    PictureGrid grid = grid_of(drawing, rows, columns, tokens);
    grid.lead = lead;
    Image picture;
    if (!picture_draw(&grid, &picture))
        return run_fail(
            error, EXIT_INPUT, "%lld x %lld images of %lld x %lld are too large for a picture",
            (long long)rows, (long long)columns, (long long)data->height, (long long)data->width);
    return write_picture(drawing, &picture, name, error);
}

bool drawing_write_image(const Drawing *drawing, const int32_t *tokens, const char *name,
                         RunError *error) {
    const PictureGrid grid = grid_of(drawing, 1, 1, tokens);
    Image picture;
    if (!picture_draw_plain(&grid, &picture))
        return run_no_memory(error, "a picture");
    return write_picture(drawing, &picture, name, error);
}

/* --- what was done --- */

bool drawing_write_record(const Drawing *drawing, const SampleOptions *options, json_t *more,
                          const char *name, const char *picture, RunError *error) {
    const Command *command = drawing->command;
    const Trained *trained = &drawing->trained;
    json_t *json = json_pack("{ss sI sf sI sf sI}", "checkpoint", trained->checkpoint, "step",
                             (json_int_t)trained->state.step, "temperature", options->temperature,
                             "top_k", (json_int_t)options->top_k, "top_p", options->top_p, "seed",
                             (json_int_t)options->seed);
    if (json && (!more || json_object_update(json, more) != 0)) {
        json_decref(json);
        json = NULL;
    }
    json_decref(more);
    char *text = command_json_text(json);
    json_decref(json);
    const bool ok = command_write_text(command, name, text, error);
    if (ok && command->json)
        fputs(text, command->results);
    else if (ok)
        fprintf(command->results, "%s/%s\n", command->folder, picture);
    free(text);
    return ok;
}
