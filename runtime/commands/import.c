#include "runtime/commands/import.h"

#include "runtime/commands/command.h"
#include "runtime/interchange/import_tensors.h"
#include "runtime/interchange/map_config.h"
#include "runtime/model/model.h"
#include "runtime/run/work.h"

#include <stdlib.h>
#include <string.h>

static void say_imported(const ImportCommand *command, const ImportedTensors *imported) {
    log_say(command->log, "%u tensors, %lld parameters, from %s", imported->tensors,
            (long long)imported->elements, weights_path(command->weights));
    if (imported->ignored)
        log_say(command->log, "of no use to the model, and left alone: %u tensors",
                imported->ignored);
    if (!command->config)
        log_say(command->log,
                "there is no config.json beside it: that its model computes what the spec does is "
                "taken on trust");
    if (command->palette->centres)
        log_say(command->log, "with its palette of %lld colours",
                (long long)command->palette->colours);
    if (imported->all_zero)
        log_say(command->log, "all that may be zero in it is: a SPEC without biases holds it too");
}

static void print_result(const ImportCommand *command, const char *folder,
                         const ImportedTensors *imported) {
    if (!command->json) {
        fprintf(command->results, "%s\n", folder);
        return;
    }
    json_t *json = json_pack(
        "{s:s, s:I, s:I, s:I}", "run", folder, "tensors", (json_int_t)imported->tensors,
        "parameters", (json_int_t)imported->elements, "ignored", (json_int_t)imported->ignored);
    command_print_json(json, command->results);
}

/* --- the command --- */

static void tell(void *user, uint32_t done, uint32_t all) {
    Work *work = user;
    if (work_is_due(work))
        work_say(work, "read %u of %u tensors", done, all);
}

static bool read_tensors(const ImportCommand *command, const Model *model,
                         ImportedTensors *imported, RunError *error) {
    PlacedMap placed;
    FileError fault;
    if (!map_place(command->map, command->experiment, &placed, &fault))
        return run_fail(error, EXIT_INPUT, "%s", fault.text);
    Work work;
    work_begin(&work, command->log, "tensors", 0);
    const ImportProgress progress = {tell, &work};
    bool read = import_tensors(&placed, command->weights, command->experiment,
                               model->parameters.values, &progress, imported, &fault);
    work_end(&work);
    map_unplace(&placed);
    return read || run_fail(error, EXIT_INPUT, "%s", fault.text);
}

/* That the model computes what the spec does. */
static bool check_config(const ImportCommand *command, RunError *error) {
    FileError fault;
    return config_check(command->map, command->config, command->experiment, &fault) ||
           run_fail(error, EXIT_INPUT, "%s", fault.text);
}

/* The tokens must be its colours. */
static bool check_palette(const ImportCommand *command, RunError *error) {
    const Experiment *experiment = command->experiment;
    for (uint32_t i = 0; i < experiment->input_count && command->palette->centres; i++)
        if (strcmp(experiment->inputs[i].name, "tokens") == 0 &&
            experiment->inputs[i].limit != command->palette->colours)
            return run_fail(error, EXIT_INPUT,
                            "the palette has %lld colours, and the model's tokens are of %lld",
                            (long long)command->palette->colours,
                            (long long)experiment->inputs[i].limit);
    return true;
}

static bool make_run(const ImportCommand *command, const Model *model, char **folder,
                     RunError *error) {
    const Program program = {.experiment = command->experiment};
    const RunParent nobody = {0};
    const RunImport import = {
        .origin = {.program = &program,
                   .versions = command->versions,
                   .command = command->command,
                   .parent = &nobody},
        .from = weights_path(command->weights),
        .map = command->map->path,
        .parameters = model->parameters.values,
        .palette = command->palette->centres ? command->palette : NULL,
    };
    *folder = run_import(&import, command->out, error);
    return *folder;
}

ExitCode import_command(const ImportCommand *command, RunError *error) {
    Model model;
    ImportedTensors imported;
    char *folder = NULL;
    if (!model_create(&model, command->experiment, false, error))
        return error->code;
    bool done = check_config(command, error) && check_palette(command, error) &&
                read_tensors(command, &model, &imported, error) &&
                make_run(command, &model, &folder, error);
    model_free(&model);
    if (!done)
        return error->code;
    say_imported(command, &imported);
    print_result(command, folder, &imported);
    free(folder);
    return EXIT_DONE;
}
