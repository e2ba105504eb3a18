#include "runtime/run/checkpoint.h"

#include "runtime/files/safetensors.h"
#include "runtime/integer.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

static const char version[] = "1";

enum { FLOAT_DIGITS = 9 }; /* enough for a float32 to come back */

/* --- writing --- */

/* [[c, ...], ...]; malloc'ed. NULL: no memory. */
static char *centres_text(const Palette *palette) {
    json_t *colours = json_array();
    bool made = colours != NULL;
    for (int64_t k = 0; k < palette->colours && made; k++) {
        json_t *colour = json_array();
        for (int64_t c = 0; c < palette->channels; c++)
            made &= json_array_append_new(
                        colour, json_real(palette->centres[k * palette->channels + c])) == 0;
        made &= json_array_append_new(colours, colour) == 0;
    }
    char *text =
        made ? json_dumps(colours, JSON_COMPACT | JSON_REAL_PRECISION(FLOAT_DIGITS)) : NULL;
    json_decref(colours);
    return text;
}

static void tensors_append(Tensor *tensors, uint32_t *count, const Parameter *parameters,
                           uint32_t parameter_count, float *const *values) {
    for (uint32_t i = 0; i < parameter_count; i++) {
        Tensor *tensor = &tensors[(*count)++];
        *tensor = (Tensor){
            .name = parameters[i].path,
            .type = TENSOR_F32,
            .rank = parameters[i].axis_count,
            .elements = parameters[i].elements,
            .data = values[i],
        };
        memcpy(tensor->extents, parameters[i].extents, sizeof parameters[i].extents);
    }
}

bool checkpoint_write(const char *path, const Experiment *experiment, float *const *parameters,
                      float *const *states, const CheckpointState *state, FileError *error) {
    uint32_t most = experiment->parameter_count + experiment->state_count, count = 0;
    Tensor *tensors = calloc(most ? most : 1, sizeof *tensors);
    if (!tensors)
        return file_fault(error, path, "out of memory");
    tensors_append(tensors, &count, experiment->parameters, experiment->parameter_count,
                   parameters);
    if (states)
        tensors_append(tensors, &count, experiment->states, experiment->state_count, states);
    char *centres = state->palette ? centres_text(state->palette) : NULL;
    char step[32], best_step[32], waited[32], best_loss[64], best_accuracy[64];
    snprintf(step, sizeof step, "%lld", (long long)state->step);
    snprintf(best_step, sizeof best_step, "%lld", (long long)state->best_step);
    snprintf(waited, sizeof waited, "%lld", (long long)state->waited);
    snprintf(best_loss, sizeof best_loss, "%a", state->best_loss); /* exactly */
    snprintf(best_accuracy, sizeof best_accuracy, "%a", state->best_accuracy);
    const TensorMetadata always[] = {
        {"format", "scanline checkpoint"},
        {"version", version},
        {"step", step},
        {"best_step", best_step},
        {"best_loss", best_loss},
        {"best_accuracy", best_accuracy},
        {"waited", waited},
        {"target", state->target},
        {"table", state->table},
        {"data", state->data_hash},
        {"split", state->split_hash},
        {"whole_split", state->whole_split_hash},
        {"images", state->images_hash},
        {"spec", experiment->spec},
    };
    enum { ALWAYS = sizeof always / sizeof *always, SOMETIMES = 3 };
    TensorMetadata metadata[ALWAYS + SOMETIMES];
    uint32_t all = ALWAYS;
    memcpy(metadata, always, sizeof always);
    if (state->palette) {
        metadata[all++] = (TensorMetadata){"palette", state->palette_hash};
        metadata[all++] = (TensorMetadata){"palette_centres", centres};
    }
    if (state->evaluation_due)
        metadata[all++] = (TensorMetadata){"evaluation", "due"};
    bool written = (centres || !state->palette)
                       ? safetensors_write(path, tensors, count, metadata, all, error)
                       : file_fault(error, path, "out of memory");
    free(centres);
    free(tensors);
    return written;
}

/* --- reading --- */

static bool count_read(const Safetensors *file, const char *key, int64_t *value) {
    return integer_read(safetensors_metadata(file, key), 0, INT64_MAX, value);
}

static bool number_read(const Safetensors *file, const char *key, double *value) {
    const char *text = safetensors_metadata(file, key);
    char *end;
    *value = text ? strtod(text, &end) : 0;
    return text && *text && !*end;
}

static bool text_read(const Safetensors *file, const char *key, char *text) {
    const char *value = safetensors_metadata(file, key);
    if (!value || strlen(value) >= CHECKPOINT_TEXT)
        return false;
    strcpy(text, value);
    return true;
}

/* What not every file has: palettes, evaluations that are due, and what older versions did not
 * write, which had no tables, no parts of a split, no hash of the images alone, and judged by the
 * loss alone. */
static bool optional_read(const Safetensors *file, CheckpointState *state) {
    *state->table = *state->palette_hash = *state->images_hash = 0;
    state->best_accuracy = -1;
    state->evaluation_due = safetensors_metadata(file, "evaluation") != NULL;
    strcpy(state->whole_split_hash, state->split_hash);
    return (!safetensors_metadata(file, "table") || text_read(file, "table", state->table)) &&
           (!safetensors_metadata(file, "images") ||
            text_read(file, "images", state->images_hash)) &&
           (!safetensors_metadata(file, "palette") ||
            text_read(file, "palette", state->palette_hash)) &&
           (!safetensors_metadata(file, "best_accuracy") ||
            number_read(file, "best_accuracy", &state->best_accuracy)) &&
           (!safetensors_metadata(file, "whole_split") ||
            text_read(file, "whole_split", state->whole_split_hash));
}

static bool state_read(const Safetensors *file, const char *path, CheckpointState *state,
                       FileError *error) {
    const char *found = safetensors_metadata(file, "version");
    state->palette = NULL;
    if (!found)
        return file_fault(error, path, "not a checkpoint of scanline");
    if (strcmp(found, version) != 0)
        return file_fault(error, path,
                          "a checkpoint of version %.20s; this program reads version %s", found,
                          version);
    if (count_read(file, "step", &state->step) &&
        count_read(file, "best_step", &state->best_step) &&
        count_read(file, "waited", &state->waited) &&
        number_read(file, "best_loss", &state->best_loss) &&
        text_read(file, "target", state->target) && text_read(file, "data", state->data_hash) &&
        text_read(file, "split", state->split_hash) && optional_read(file, state))
        return true;
    return file_fault(error, path, "the checkpoint's metadata is damaged");
}

static bool tensor_fits(const Tensor *tensor, const Parameter *parameter) {
    if (tensor->type != TENSOR_F32 || tensor->rank != parameter->axis_count)
        return false;
    for (uint32_t i = 0; i < tensor->rank; i++)
        if (tensor->extents[i] != parameter->extents[i])
            return false;
    return true;
}

static bool tensors_read(const Safetensors *file, const char *path, const Parameter *parameters,
                         uint32_t count, float *const *values, FileError *error) {
    for (uint32_t i = 0; i < count; i++) {
        const Tensor *tensor = safetensors_find(file, parameters[i].path);
        if (!tensor)
            return file_fault(error, path, "there is no '%.100s' in it: it is of another model",
                              parameters[i].path);
        if (!tensor_fits(tensor, &parameters[i]))
            return file_fault(error, path,
                              "'%.100s' has another shape than the model's: other dims",
                              parameters[i].path);
        if (!safetensors_read(file, tensor, values[i], error))
            return false;
    }
    return true;
}

/* Only what the model has may be in it: a checkpoint of a larger model is another model's. */
static bool tensors_counted(const Safetensors *file, const char *path, const Experiment *experiment,
                            FileError *error) {
    uint32_t parameters = experiment->parameter_count;
    uint32_t all = parameters + experiment->state_count, found = safetensors_count(file);
    if (found == parameters || found == all)
        return true;
    return file_fault(error, path, "it holds %u tensors; the model has %u parameters and %u states",
                      found, parameters, experiment->state_count);
}

bool checkpoint_read(const char *path, const Experiment *experiment, float *const *parameters,
                     float *const *states, CheckpointState *state, FileError *error) {
    Safetensors *file = safetensors_open(path, error);
    if (!file)
        return false;
    bool read =
        state_read(file, path, state, error) && tensors_counted(file, path, experiment, error) &&
        tensors_read(file, path, experiment->parameters, experiment->parameter_count, parameters,
                     error) &&
        (!states ||
         tensors_read(file, path, experiment->states, experiment->state_count, states, error));
    safetensors_close(file);
    return read;
}

bool checkpoint_state(const char *path, CheckpointState *state, FileError *error) {
    Safetensors *file = safetensors_open(path, error);
    bool read = file && state_read(file, path, state, error);
    safetensors_close(file);
    return read;
}

/* --- the palette --- */

/* Of [[c, ...], ...], all as long as the first. */
static bool centres_read(const json_t *colours, Palette *palette) {
    const size_t count = json_array_size(colours),
                 channels = json_array_size(json_array_get(colours, 0));
    const char *fault;
    float *centres = malloc(count && channels ? count * channels * sizeof *centres : 1);
    bool read = centres && count && channels;
    for (size_t k = 0; k < count && read; k++) {
        const json_t *colour = json_array_get(colours, k);
        read = json_array_size(colour) == channels;
        for (size_t c = 0; c < channels && read; c++) {
            read = json_is_number(json_array_get(colour, c));
            centres[k * channels + c] = (float)json_number_value(json_array_get(colour, c));
        }
    }
    read = read && palette_create(palette, centres, (int64_t)count, (int64_t)channels, &fault);
    free(centres);
    return read;
}

bool checkpoint_palette(const char *path, Palette *palette, FileError *error) {
    *palette = (Palette){0};
    Safetensors *file = safetensors_open(path, error);
    if (!file)
        return false;
    const char *hash = safetensors_metadata(file, "palette"),
               *text = safetensors_metadata(file, "palette_centres");
    json_t *colours = text ? json_loads(text, 0, NULL) : NULL;
    const bool sound =
        !hash || (colours && centres_read(colours, palette) && strcmp(palette->hash, hash) == 0);
    json_decref(colours);
    safetensors_close(file);
    if (sound)
        return true;
    palette_free(palette);
    return file_fault(error, path, "the palette in the checkpoint's metadata is damaged");
}

char *checkpoint_spec(const char *path, FileError *error) {
    Safetensors *file = safetensors_open(path, error);
    if (!file)
        return NULL;
    const char *spec = safetensors_metadata(file, "spec");
    char *copy = spec ? strdup(spec) : NULL;
    if (!copy)
        file_fault(error, path, "not a checkpoint of scanline: there is no spec in it");
    safetensors_close(file);
    return copy;
}
