#include "runtime/model/chunk.h"

#include <string.h>

int64_t chunk_size(const Experiment *experiment) {
    return experiment->train.batch / experiment->train.chunks;
}

static const DataInput *input_find(const Experiment *experiment, const char *name) {
    for (uint32_t i = 0; i < experiment->input_count; i++)
        if (strcmp(experiment->inputs[i].name, name) == 0)
            return &experiment->inputs[i];
    return NULL;
}

static int64_t token_count(const Experiment *experiment) {
    const DataInput *tokens = input_find(experiment, "tokens");
    int64_t count = tokens ? 1 : 0;
    for (uint32_t i = 0; tokens && i < tokens->axis_count; i++)
        count *= tokens->extents[i];
    return count;
}

/* Gives out places in a block one after another; with no block it only counts. */
typedef struct Layout {
    char *bytes;
    int64_t size;
} Layout;

static void *place(Layout *layout, int64_t elements) {
    char *at = layout->bytes ? layout->bytes + layout->size : NULL;
    layout->size += block_aligned(elements * 4); /* i32 and f32 alike */
    return at;
}

static int64_t chunk_place(Chunk *chunk, const Experiment *experiment, char *bytes) {
    Layout layout = {.bytes = bytes};
    chunk->size = chunk_size(experiment);
    chunk->positions = token_count(experiment);
    if (chunk->positions)
        chunk->tokens = place(&layout, chunk->size * chunk->positions);
    if (input_find(experiment, "label"))
        chunk->label = place(&layout, chunk->size);
    chunk->image = place(&layout, chunk->size);
    chunk->weight = place(&layout, chunk->size);
    chunk->seed = place(&layout, 1);
    chunk->step = place(&layout, 1);
    chunk->draw = place(&layout, 1);
    return layout.size;
}

int64_t chunk_bytes(const Experiment *experiment) {
    Chunk chunk = {0};
    return chunk_place(&chunk, experiment, NULL);
}

bool chunk_create(Chunk *chunk, const Experiment *experiment, RunError *error) {
    *chunk = (Chunk){0};
    if (!block_create(&chunk->block, chunk_bytes(experiment)))
        return run_no_memory(error, "a batch");
    chunk_place(chunk, experiment, chunk->block.bytes);
    *chunk->seed = (int32_t)experiment->train.seed;
    return true;
}

void chunk_free(Chunk *chunk) {
    block_free(&chunk->block);
    *chunk = (Chunk){0};
}

bool chunk_slots(const Chunk *chunk, Slots *slots) {
    int64_t size = chunk->size;
    return (!chunk->tokens ||
            slots_add(slots, "tokens", PLAN_I32, size * chunk->positions, chunk->tokens)) &&
           (!chunk->label || slots_add(slots, "label", PLAN_I32, size, chunk->label)) &&
           slots_add(slots, "$image", PLAN_I32, size, chunk->image) &&
           slots_add(slots, "$weight", PLAN_F32, size, chunk->weight) &&
           slots_add(slots, "$seed", PLAN_I32, 1, chunk->seed) &&
           slots_add(slots, "$step", PLAN_I32, 1, chunk->step) &&
           slots_add(slots, "$draw", PLAN_I32, 1, chunk->draw);
}

void chunk_read(Chunk *chunk, const DataSet *data, const DataAugmentation *augmentation,
                int64_t step) {
    data_batch(data, augmentation, step, chunk->image, chunk->size, chunk->tokens, chunk->label);
}
