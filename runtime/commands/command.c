/* Loading what was trained, and writing what was found into the run's folder. */
#include "runtime/commands/command.h"

#include "runtime/files/file.h"
#include "runtime/run/run_folder.h"
#include "runtime/run/run_parent.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { JSON_DIGITS = 9 };

/* All inputs; in a transfer the tokens alone, as classes may be others. */
static bool inputs_fit(const Command *command, const DataSet *data, DataError *fault) {
    const Experiment *experiment = command->program->experiment;
    if (!command->transfer)
        return data_fits(data, experiment->inputs, experiment->input_count, fault);
    for (uint32_t i = 0; i < experiment->input_count; i++)
        if (strcmp(experiment->inputs[i].name, "tokens") == 0 &&
            !data_fits(data, &experiment->inputs[i], 1, fault))
            return false;
    return true;
}

static bool load_data(const Command *command, DataSet **data, RunError *error) {
    DataError fault;
    *data = data_open(&command->program->experiment->data, &fault);
    if (!*data || !inputs_fit(command, *data, &fault))
        return run_fail(error, EXIT_INPUT, "%s", fault.text);
    return true;
}

static bool load_parameters(const Experiment *experiment, Trained *trained, RunError *error) {
    if (!model_create(&trained->model, experiment, false, error))
        return false;
    FileError fault;
    if (!checkpoint_read(trained->checkpoint, experiment, trained->model.parameters.values, NULL,
                         &trained->state, &fault))
        return run_fail(error, EXIT_INPUT, "%s", fault.text);
    return true;
}

/* Of imported parameters it is not known what they were trained on. */
static bool was_imported(const Trained *trained) { return !*trained->state.data_hash; }

/* Else its tokens would be other colours. Tokens without a palette may be of any, for what was
 * imported. */
static bool same_palette(const Command *command, const Trained *trained, RunError *error) {
    const char *then = trained->state.palette_hash, *now = trained->data->palette.hash;
    if (strcmp(then, now) == 0 || (was_imported(trained) && (!*then || !*now)))
        return true;
    return run_fail(error, EXIT_INPUT,
                    "%s was trained with the palette %s, and %s has %s%s now: the tokens would be "
                    "others. Put the first back (%s/palette.npy) by `scanline data palette FILE "
                    "--palette', or as the file that data.palette names",
                    trained->checkpoint, *then ? then : "that no one noted", trained->data->source,
                    *now ? "the palette " : "none", now, command->folder);
}

/* What it was trained on before may have been these images; and images of both sets may be the
 * same. */
static bool parents_agree(const Command *command, const DataSet *data, RunError *error) {
    FileError fault;
    json_t *record = run_record_read(command->folder, &fault);
    if (!record)
        return run_fail(error, EXIT_INPUT, "%s", fault.text);
    const bool agree = run_parents_agree(json_object_get(record, "parent"), data, error);
    if (agree && !command->told)
        run_parents_warn(record, data, command->threads, command->log);
    json_decref(record);
    return agree;
}

/* Else images that were trained on could be taken for test images. These are the same images at
 * another resolution as well; the tokens are then others. */
static bool same_images(const Command *command, const Trained *trained, RunError *error) {
    const CheckpointState *then = &trained->state;
    const DataSet *now = trained->data;
    if (was_imported(trained))
        return true;
    const bool tokens = strcmp(then->data_hash, now->hash) == 0;
    const bool images =
        *then->images_hash ? strcmp(then->images_hash, now->images_hash) == 0 : tokens;
    const bool splits = strcmp(then->whole_split_hash, now->whole_split_hash) == 0;
    if (tokens && splits)
        return true;
    if (command->transfer && !(images && !splits))
        return parents_agree(command, now, error);
    return run_fail(error, EXIT_INPUT, "%s was trained on other %s than %s has now",
                    trained->checkpoint,
                    !images  ? "images"
                    : splits ? "tokens (another resolution)"
                             : "splits",
                    now->source);
}

void command_say_unlabelled(const Command *command, const DataSet *data) {
    char text[200];
    data_unlabelled_text(data, text, sizeof text);
    if (*text && !command->told)
        log_say(command->log, "%s", text);
}

bool command_load(const Command *command, Trained *trained, RunError *error) {
    const Experiment *experiment = command->program->experiment;
    *trained = (Trained){.checkpoint = command->checkpoint ? strdup(command->checkpoint)
                                                           : run_checkpoint(command->folder)};
    const bool ok = (trained->checkpoint || run_no_memory(error, "a path")) &&
                    load_data(command, &trained->data, error) &&
                    load_parameters(experiment, trained, error) &&
                    same_palette(command, trained, error) && same_images(command, trained, error);
    if (!ok)
        command_unload(trained);
    else if (experiment->data.labelled)
        command_say_unlabelled(command, trained->data);
    return ok;
}

void command_unload(Trained *trained) {
    data_close(trained->data);
    model_free(&trained->model);
    free(trained->checkpoint);
    *trained = (Trained){0};
}

char *command_path(const Command *command, const char *name) {
    const char *slash = strchr(name, '/');
    char *path;
    if (!command->into || !slash)
        return file_path(command->folder, name);
    return asprintf(&path, "%s/%s%s", command->folder, command->into, slash) < 0 ? NULL : path;
}

static bool make_directory(const char *path, RunError *error) {
    return mkdir(path, 0777) == 0 || errno == EEXIST ||
           run_fail(error, EXIT_MACHINE, "can't make %s: %s", path, strerror(errno));
}

bool command_directory(const Command *command, const char *directory, RunError *error) {
    char *path = file_path(command->folder, command->into ? command->into : directory);
    if (!path)
        return run_no_memory(error, "a path");
    bool made = true; /* those that it lies in come first */
    for (char *slash = path + strlen(command->folder); made && (slash = strchr(slash + 1, '/'));) {
        *slash = 0;
        made = make_directory(path, error);
        *slash = '/';
    }
    made = made && make_directory(path, error);
    free(path);
    return made;
}

bool command_write_text(const Command *command, const char *name, const char *text,
                        RunError *error) {
    char *path = command_path(command, name);
    if (!path || !text) {
        free(path);
        return run_no_memory(error, name);
    }
    FileError fault;
    const bool ok = file_write(path, text, strlen(text), &fault);
    if (!ok)
        run_fail(error, EXIT_MACHINE, "%s", fault.text);
    free(path);
    return ok;
}

json_t *command_class_names(const DataSet *data, int64_t classes) {
    DataClassNumber number;
    json_t *names = json_array();
    for (int64_t c = 0; names && c < classes; c++)
        if (json_array_append_new(names, json_string(data_class_name(data, c, &number))) != 0) {
            json_decref(names);
            names = NULL;
        }
    return names;
}

bool command_print_json(json_t *json, FILE *results) {
    if (!json)
        return false;
    json_dumpf(json, results, JSON_INDENT(2));
    fputc('\n', results);
    json_decref(json);
    return true;
}

char *command_json_text(const json_t *json) {
    char *text = json ? json_dumps(json, JSON_INDENT(2) | JSON_REAL_PRECISION(JSON_DIGITS)) : NULL;
    const size_t size = text ? strlen(text) : 0;
    char *line = text ? realloc(text, size + 2) : NULL;
    if (!line) {
        free(text);
        return NULL;
    }
    memcpy(line + size, "\n", 2);
    return line;
}
