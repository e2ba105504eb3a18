#include "runtime/commands/export.h"

#include "runtime/files/folder.h"
#include "runtime/interchange/export_tensors.h"
#include "runtime/interchange/map_config.h"
#include "runtime/model/model.h"
#include "runtime/run/checkpoint.h"
#include "runtime/run/run_folder.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { DIGITS = 9 };

static bool write_json(const char *folder, const char *name, const json_t *json, FileError *error) {
    char *path = file_path(folder, name);
    char *text = json_dumps(json, JSON_INDENT(2) | JSON_SORT_KEYS | JSON_REAL_PRECISION(DIGITS));
    bool written = path && text ? file_write(path, text, strlen(text), error)
                                : file_fault(error, folder, "out of memory");
    free(path);
    free(text);
    return written;
}

static bool write_config(const ExportCommand *command, const char *draft, FileError *error) {
    json_t *config = config_make(command->map, command->experiment, error);
    bool written = config && write_json(draft, "config.json", config, error);
    json_decref(config);
    return written;
}

/* Where the colours of the tokens are known, and the other program asks for them. */
static bool write_preprocessor(const ExportCommand *command, const Palette *palette,
                               const char *draft, FileError *error) {
    if (!palette->centres || !command->map->preprocessor_count)
        return true;
    json_t *json = preprocessor_make(command->map, command->experiment, palette, error);
    bool written = json && write_json(draft, "preprocessor_config.json", json, error);
    json_decref(json);
    return written;
}

static bool write_tensors(const ExportCommand *command, const Model *model, const char *draft,
                          FileError *error) {
    PlacedMap placed;
    if (!map_place(command->map, command->experiment, &placed, error))
        return false;
    char *path = file_path(draft, "model.safetensors");
    bool written =
        path ? export_tensors(&placed, command->experiment, model->parameters.values, path, error)
             : file_fault(error, draft, "out of memory");
    free(path);
    map_unplace(&placed);
    return written;
}

/* The folder appears whole, or not at all. */
static bool write_folder(const ExportCommand *command, const Model *model, const Palette *palette,
                         const char *draft, RunError *error) {
    FileError fault;
    bool taken = false;
    if (mkdir(draft, 0777) != 0)
        return run_fail(error, EXIT_MACHINE, "cannot make the folder %s: %s", draft,
                        strerror(errno));
    if (write_config(command, draft, &fault) &&
        write_preprocessor(command, palette, draft, &fault) &&
        write_tensors(command, model, draft, &fault) &&
        folder_publish(draft, command->out, &taken, &fault))
        return true;
    FileError ignored;
    folder_remove(draft, &ignored);
    return run_fail(error, EXIT_INPUT, "%s%s", taken ? command->out : fault.text,
                    taken ? " exists already; nothing is replaced: choose another folder" : "");
}

static bool load(const ExportCommand *command, Model *model, Palette *palette, RunError *error) {
    char *path =
        command->checkpoint ? strdup(command->checkpoint) : run_checkpoint(command->folder);
    CheckpointState state;
    FileError fault;
    bool loaded = path ? model_create(model, command->experiment, false, error)
                       : run_no_memory(error, "a path");
    if (loaded && (!checkpoint_read(path, command->experiment, model->parameters.values, NULL,
                                    &state, &fault) ||
                   !checkpoint_palette(path, palette, &fault))) {
        model_free(model);
        loaded = run_fail(error, EXIT_INPUT, "%s", fault.text);
    }
    free(path);
    return loaded;
}

bool export_command(const ExportCommand *command, RunError *error) {
    Model model;
    Palette palette;
    char *draft;
    struct stat status;
    if (lstat(command->out, &status) == 0)
        return run_fail(error, EXIT_INPUT,
                        "%s exists already; nothing is replaced: choose another folder",
                        command->out);
    if (!load(command, &model, &palette, error))
        return false;
    if (asprintf(&draft, "%s.new-%ld", command->out, (long)getpid()) < 0)
        draft = NULL;
    bool written = draft ? write_folder(command, &model, &palette, draft, error)
                         : run_no_memory(error, "a path");
    free(draft);
    model_free(&model);
    palette_free(&palette);
    if (written)
        fprintf(command->results, "%s\n", command->out);
    return written;
}
