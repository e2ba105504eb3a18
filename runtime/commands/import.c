#include "runtime/commands/import.h"

#include "runtime/interchange/import_tensors.h"
#include "runtime/interchange/map_config.h"
#include "runtime/model/model.h"

#include <stdlib.h>

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
    if (json)
        json_dumpf(json, command->results, JSON_INDENT(2));
    fputc('\n', command->results);
    json_decref(json);
}

static bool read_tensors(const ImportCommand *command, const Model *model,
                         ImportedTensors *imported, RunError *error) {
    PlacedMap placed;
    FileError fault;
    if (!config_check(command->map, command->config, command->experiment, &fault) ||
        !map_place(command->map, command->experiment, &placed, &fault))
        return run_fail(error, EXIT_INPUT, "%s", fault.text);
    bool read = import_tensors(&placed, command->weights, command->experiment,
                               model->parameters.values, imported, &fault);
    map_unplace(&placed);
    return read || run_fail(error, EXIT_INPUT, "%s", fault.text);
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
    bool done = read_tensors(command, &model, &imported, error) &&
                make_run(command, &model, &folder, error);
    model_free(&model);
    if (!done)
        return error->code;
    say_imported(command, &imported);
    print_result(command, folder, &imported);
    free(folder);
    return EXIT_DONE;
}
