#include "runtime/commands/sample.h"

#include "runtime/commands/drawing.h"

#include <stdlib.h>

/* Room for whole rows of the grid, where what is behind the last image is nothing. */
static int32_t *room_for(const Drawing *drawing, int64_t images, int64_t cells) {
    const int64_t positions = decoder_positions(drawing->decoder);
    int32_t *tokens = calloc((size_t)(cells * positions), sizeof *tokens);
    for (int64_t i = images * positions; tokens && i < cells * positions; i++)
        tokens[i] = -1;
    return tokens;
}

static bool write_files(const Drawing *drawing, const int32_t *tokens, int64_t images,
                        RunError *error) {
    if (!command_directory(drawing->command, "samples/images", error))
        return false;
    for (int64_t i = 0; i < images; i++) {
        char name[64];
        snprintf(name, sizeof name, "samples/images/%04lld.png", (long long)i);
        if (!drawing_write_image(drawing, tokens + i * decoder_positions(drawing->decoder), name,
                                 error))
            return false;
    }
    return true;
}

static bool draw(Drawing *drawing, const SampleCommand *sample, RunError *error) {
    const int64_t images = sample->images, columns = drawing_columns(images);
    const int64_t rows = (images + columns - 1) / columns;
    int32_t *tokens = room_for(drawing, images, rows * columns);
    if (!tokens)
        return run_no_memory(error, "the samples");
    const bool ok =
        command_directory(drawing->command, "samples", error) &&
        drawing_run(drawing, &sample->options, images, 0, 0, tokens, error) &&
        drawing_write_grid(drawing, rows, columns, 0, tokens, "samples/samples.png", error) &&
        (!sample->files || write_files(drawing, tokens, images, error)) &&
        drawing_write_record(drawing, &sample->options,
                             json_pack("{sI}", "images", (json_int_t)images),
                             "samples/samples.json", "samples/samples.png", error);
    free(tokens);
    return ok;
}

bool commands_sample(const Command *command, const SampleCommand *sample, RunError *error) {
    if (sample->images < 1 || sample->images > DRAWING_MOST_IMAGES)
        return run_fail(error, EXIT_USAGE, "1 to %d images can be drawn", DRAWING_MOST_IMAGES);
    Drawing drawing;
    const bool ok =
        drawing_open(&drawing, command, &sample->options, error) && draw(&drawing, sample, error);
    drawing_close(&drawing);
    return ok;
}
