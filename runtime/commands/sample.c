/* The model is run through its function `sample`; grids are drawn of the tokens. */
#include "runtime/commands/sample.h"

#include "runtime/images/image_png.h"
#include "runtime/model/inference.h"
#include "runtime/run/run_folder.h"
#include "runtime/study/picture.h"

#include <stdlib.h>
#include <string.h>

enum {
    MOST_IMAGES = 4096,
    COLUMNS = 8,     /* of the grid of samples */
    ORIGINALS = 8,   /* how many images are completed */
    COMPLETIONS = 6, /* how often each */
    LEAD = 2,        /* columns before the completions: the original, and what is given of it */
};

/* What the sampler calls. */
typedef struct Drawing {
    Inference *inference;
    int64_t output, count, image_logits; /* logits an image */
    /* of the call that is under way */
    const int32_t *tokens;
    float *logits;
} Drawing;

/* Images to come are numbered as they are drawn, and have no labels. */
static void give_tokens(void *user, int64_t first, int64_t count, Chunk *chunk) {
    const Drawing *drawing = user;
    if (chunk->tokens)
        memcpy(chunk->tokens, drawing->tokens + first * chunk->positions,
               (size_t)(count * chunk->positions) * sizeof *chunk->tokens);
    for (int64_t i = 0; i < count; i++)
        chunk->image[i] = (int32_t)(first + i);
}

static void take_logits(void *user, int64_t first, int64_t count, void *const *outputs) {
    const Drawing *drawing = user;
    memcpy(drawing->logits + first * drawing->image_logits, outputs[drawing->output],
           (size_t)(count * drawing->image_logits) * sizeof(float));
}

static bool run_model(void *user, const int32_t *tokens, int64_t position, float *logits) {
    (void)position;
    Drawing *drawing = user;
    drawing->tokens = tokens;
    drawing->logits = logits;
    inference_run(drawing->inference, drawing->count, 0, give_tokens, take_logits, drawing);
    return true;
}

/* The logits must be [chunk, positions, colours]; sets `colours`. */
static bool find_logits(Drawing *drawing, int64_t positions, int64_t *colours, RunError *error) {
    const PlanFunction *function = inference_function(drawing->inference);
    drawing->output = inference_output(drawing->inference, "logits", &drawing->image_logits);
    const PlanBinding *logits = drawing->output < 0 ? NULL : &function->outputs[drawing->output];
    if (!logits || logits->axis_count != 3 || logits->extents[1] != positions)
        return run_fail(error, EXIT_INPUT,
                        "the objective has no logits of %lld positions to sample from",
                        (long long)positions);
    if (plan_find_input(function, "label") >= 0)
        return run_fail(error, EXIT_INPUT,
                        "sampling reads labels, which images to come do not have");
    *colours = logits->extents[2];
    return true;
}

static bool draw(Drawing *drawing, const SampleTask *task, const SampleOptions *options,
                 int32_t *tokens, RunError *error) {
    drawing->count = task->count;
    switch (sample_images(task, options, tokens)) {
    case SAMPLE_DONE:
        return true;
    case SAMPLE_NOT_FINITE:
        return run_fail(error, EXIT_DIVERGED,
                        "the model's logits are not numbers that can be drawn from");
    case SAMPLE_FAILED:
        return run_fail(error, EXIT_INPUT, "the model can't be run");
    case SAMPLE_NO_MEMORY:
        break;
    }
    return run_no_memory(error, "sampling");
}

static bool write_grid(const Command *command, const PictureGrid *grid, const char *name,
                       RunError *error) {
    Image picture;
    if (!picture_draw(grid, &picture))
        return run_fail(error, EXIT_INPUT,
                        "%lld x %lld images of %lld x %lld are too large for a picture",
                        (long long)grid->rows, (long long)grid->columns, (long long)grid->height,
                        (long long)grid->width);
    char *path = file_path(command->folder, name);
    FileError fault;
    const ImageView view = {picture.height, picture.width, picture.channels, picture.pixels};
    bool ok = path ? image_write_png(view, path, &fault) : run_no_memory(error, "a path");
    if (path && !ok)
        run_fail(error, EXIT_MACHINE, "%s", fault.text);
    free(picture.pixels);
    free(path);
    return ok;
}

/* The checkpoint's own: command_load has seen that the set's is the same. */
static const Palette *palette_of(const DataSet *data) {
    return data->palette.centres ? &data->palette : NULL;
}

/* --- images from nothing --- */

static bool draw_samples(const Command *command, const DataSet *data, const SampleTask *base,
                         const SampleOptions *options, RunError *error) {
    const int64_t columns = base->count < COLUMNS ? base->count : COLUMNS;
    const int64_t rows = (base->count + columns - 1) / columns, n = base->positions;
    int32_t *tokens = calloc((size_t)(rows * columns * n), sizeof *tokens);
    if (!tokens)
        return run_no_memory(error, "the samples");
    for (int64_t i = base->count * n; i < rows * columns * n; i++)
        tokens[i] = -1;
    const PictureGrid grid = {.rows = rows,
                              .columns = columns,
                              .height = data->height,
                              .width = data->width,
                              .palette = palette_of(data),
                              .colours = base->colours,
                              .tokens = tokens};
    const bool ok = draw(base->user, base, options, tokens, error) &&
                    write_grid(command, &grid, "samples/samples.png", error);
    free(tokens);
    return ok;
}

/* --- completions --- */

/* Rows: the original, its upper half, then COMPLETIONS whole images. */
static void fill_grid(const int32_t *originals, const int32_t *completed, int64_t count,
                      int64_t positions, int64_t given, int32_t *grid) {
    const size_t image = (size_t)positions * sizeof *grid;
    for (int64_t row = 0; row < count; row++) {
        int32_t *cells = grid + row * (LEAD + COMPLETIONS) * positions;
        memcpy(cells, originals + row * positions, image);
        memcpy(cells + positions, originals + row * positions, image);
        for (int64_t p = given; p < positions; p++)
            cells[positions + p] = -1;
        memcpy(cells + LEAD * positions, completed + row * COMPLETIONS * positions,
               COMPLETIONS * image);
    }
}

/* Images spread evenly over the list. */
static void choose_originals(const DataSet *data, const DataImages *from, int64_t count,
                             int32_t *tokens) {
    for (int64_t i = 0; i < count; i++)
        data_batch(data, NULL, 0, &from->images[i * from->count / count], 1,
                   tokens + i * data->positions, NULL);
}

static bool complete(const Command *command, const DataSet *data, const SampleTask *base,
                     const SampleOptions *options, RunError *error) {
    const DataImages *validation = &data->splits[DATA_VALIDATION];
    const DataImages *from = validation->count ? validation : &data->splits[DATA_TRAIN];
    const int64_t count = from->count < ORIGINALS ? from->count : ORIGINALS, n = base->positions;
    const int64_t given = data->height > 1 ? data->height / 2 * data->width : n / 2;
    int32_t *originals = calloc((size_t)(count * n), sizeof *originals);
    int32_t *completed = calloc((size_t)(count * COMPLETIONS * n), sizeof *completed);
    int32_t *cells = calloc((size_t)(count * (LEAD + COMPLETIONS) * n), sizeof *cells);
    bool ok = originals && completed && cells ? true : run_no_memory(error, "the completions");
    if (ok) {
        choose_originals(data, from, count, originals);
        for (int64_t i = 0; i < count * COMPLETIONS; i++)
            memcpy(completed + i * n, originals + i / COMPLETIONS * n,
                   (size_t)n * sizeof *completed);
        SampleTask task = *base;
        task.count = count * COMPLETIONS;
        task.given = given;
        task.number = base->count; /* so that their draws are not those of the samples */
        ok = draw(base->user, &task, options, completed, error);
    }
    if (ok) {
        fill_grid(originals, completed, count, n, given, cells);
        const PictureGrid grid = {.rows = count,
                                  .columns = LEAD + COMPLETIONS,
                                  .height = data->height,
                                  .width = data->width,
                                  .lead = LEAD,
                                  .palette = palette_of(data),
                                  .colours = base->colours,
                                  .tokens = cells};
        ok = write_grid(command, &grid, "samples/completions.png", error);
    }
    free(originals);
    free(completed);
    free(cells);
    return ok;
}

/* --- both --- */

static bool write_record(const Command *command, const Trained *trained,
                         const SampleOptions *options, int64_t images, RunError *error) {
    json_t *json =
        json_pack("{ss sI sI sf sI sf sI}", "checkpoint", trained->checkpoint, "step",
                  (json_int_t)trained->state.step, "images", (json_int_t)images, "temperature",
                  options->temperature, "top_k", (json_int_t)options->top_k, "top_p",
                  options->top_p, "seed", (json_int_t)options->seed);
    char *text = command_json_text(json);
    const bool ok = command_write_text(command, "samples/samples.json", text, error);
    if (ok && command->json)
        fputs(text, command->results);
    else if (ok)
        fprintf(command->results, "%s/samples/samples.png\n%s/samples/completions.png\n",
                command->folder, command->folder);
    free(text);
    json_decref(json);
    return ok;
}

static bool draw_all(const Command *command, const Trained *trained, Inference *inference,
                     const SampleOptions *options, int64_t images, RunError *error) {
    const DataSet *data = trained->data;
    Drawing drawing = {.inference = inference};
    SampleTask task = {
        .model = run_model, .user = &drawing, .count = images, .positions = data->positions};
    return find_logits(&drawing, data->positions, &task.colours, error) &&
           command_directory(command, "samples", error) &&
           draw_samples(command, data, &task, options, error) &&
           complete(command, data, &task, options, error) &&
           write_record(command, trained, options, images, error);
}

bool commands_sample(const Command *command, const SampleOptions *options, int64_t images,
                     RunError *error) {
    const Experiment *experiment = command->program->experiment;
    const char *fault = sample_fault(options);
    if (fault)
        return run_fail(error, EXIT_USAGE, "%s", fault);
    if (images < 1 || images > MOST_IMAGES)
        return run_fail(error, EXIT_USAGE, "1 to %d images can be drawn", MOST_IMAGES);
    if (!experiment->autoregressive)
        return run_fail(error, EXIT_INPUT,
                        "the objective %s does not predict colours from those before them alone: "
                        "there is nothing to sample",
                        experiment->train.objective);
    Trained trained;
    if (!command_load(command, &trained, error))
        return false;
    Inference *inference =
        inference_create(command->program, "sample", &trained.model, NULL, command->threads, error);
    const bool ok = inference && draw_all(command, &trained, inference, options, images, error);
    inference_free(inference);
    command_unload(&trained);
    return ok;
}
