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

typedef struct Exporting {
    const ExportCommand *command;
    const PlacedMap *placed;
    Work *work;
    Model model;
    Palette palette;
} Exporting;

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

static bool write_tensors(const Exporting *exporting, const char *draft, FileError *error) {
    char *path = file_path(draft, "model.safetensors");
    bool written =
        path ? export_tensors(exporting->placed, exporting->command->experiment,
                              exporting->model.parameters.values, path, exporting->work, error)
             : file_fault(error, draft, "out of memory");
    free(path);
    return written;
}

/* The folder appears whole, or not at all. */
static bool write_folder(const Exporting *exporting, const char *draft, RunError *error) {
    const ExportCommand *command = exporting->command;
    FileError fault;
    bool taken = false;
    if (mkdir(draft, 0777) != 0)
        return run_fail(error, EXIT_MACHINE, "cannot make the folder %s: %s", draft,
                        strerror(errno));
    if (write_config(command, draft, &fault) &&
        write_preprocessor(command, &exporting->palette, draft, &fault) &&
        write_tensors(exporting, draft, &fault) &&
        folder_publish(draft, command->out, &taken, &fault))
        return true;
    FileError ignored;
    folder_remove(draft, &ignored);
    return run_fail(error, EXIT_INPUT, "%s%s", taken ? command->out : fault.text,
                    taken ? " exists already; nothing is replaced: choose another folder" : "");
}

static bool load(Exporting *exporting, RunError *error) {
    const ExportCommand *command = exporting->command;
    Model *model = &exporting->model;
    char *path =
        command->checkpoint ? strdup(command->checkpoint) : run_checkpoint(command->folder);
    CheckpointState state;
    FileError fault;
    bool loaded = path ? model_create(model, command->experiment, false, error)
                       : run_no_memory(error, "a path");
    if (loaded && (!checkpoint_read(path, command->experiment, model->parameters.values, NULL,
                                    &state, &fault) ||
                   !checkpoint_palette(path, &exporting->palette, &fault))) {
        model_free(model);
        loaded = run_fail(error, EXIT_INPUT, "%s", fault.text);
    }
    free(path);
    return loaded;
}

static double parameters_of(const Experiment *experiment) {
    double elements = 0;
    for (uint32_t i = 0; i < experiment->parameter_count; i++)
        elements += (double)experiment->parameters[i].elements;
    return elements;
}

static bool export_placed(const ExportCommand *command, const PlacedMap *placed, Work *work,
                          RunError *error) {
    Exporting exporting = {.command = command, .placed = placed, .work = work};
    char *draft;
    if (!load(&exporting, error))
        return false;
    work_advance(work, parameters_of(command->experiment));
    if (asprintf(&draft, "%s.new-%ld", command->out, (long)getpid()) < 0)
        draft = NULL;
    bool written = draft ? write_folder(&exporting, draft, error) : run_no_memory(error, "a path");
    free(draft);
    model_free(&exporting.model);
    palette_free(&exporting.palette);
    return written;
}

bool export_command(const ExportCommand *command, RunError *error) {
    PlacedMap placed;
    FileError fault;
    struct stat status;
    if (lstat(command->out, &status) == 0)
        return run_fail(error, EXIT_INPUT,
                        "%s exists already; nothing is replaced: choose another folder",
                        command->out);
    if (!map_place(command->map, command->experiment, &placed, &fault))
        return run_fail(error, EXIT_INPUT, "%s", fault.text);
    Work work;
    work_begin(&work, command->log, "export",
               parameters_of(command->experiment) + export_work(&placed));
    const bool written = export_placed(command, &placed, &work, error);
    work_end(&work);
    map_unplace(&placed);
    if (written)
        fprintf(command->results, "%s\n", command->out);
    return written;
}
