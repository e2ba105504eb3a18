#include "runtime/run/inherit.h"

#include "runtime/files/printable.h"
#include "runtime/files/safetensors.h"

#include <stdio.h>
#include <string.h>

/* --- lists --- */

/* Paths with commas between them; behind as many as there is room for stands "...". */
static void list_add(char *list, size_t size, const char *path) {
    static const char more[] = ", ...";
    size_t length = strlen(list), room = size - length;
    if (length >= sizeof more && strcmp(list + length - (sizeof more - 1), more) == 0)
        return;
    bool fits = strlen(path) + 2 + sizeof more <= room;
    snprintf(list + length, room, "%s%s", length ? ", " : "", fits ? path : "...");
    printable_clean(list + length, ""); /* a file may name its tensors as it likes */
}

/* --- shapes --- */

static void shape_print(char *text, size_t size, uint32_t rank, const int64_t *extents,
                        const char *const *axes) {
    size_t used = (size_t)snprintf(text, size, "[");
    for (uint32_t i = 0; i < rank && used < size; i++)
        used += (size_t)snprintf(text + used, size - used, "%s%.20s%s%lld", i ? ", " : "",
                                 axes ? axes[i] : "", axes ? " = " : "", (long long)extents[i]);
    if (used < size)
        snprintf(text + used, size - used, "]");
}

static bool fits(const Tensor *tensor, const Parameter *parameter) {
    return tensor->type == TENSOR_F32 && tensor->rank == parameter->axis_count &&
           memcmp(tensor->extents, parameter->extents, tensor->rank * sizeof *tensor->extents) == 0;
}

/* The axis of the output `class` of evaluations: its last; NULL: there are no classes. */
static const char *axis_of_classes(const Program *program) {
    const PlanFunction *function = program->plan ? plan_function(program->plan, "eval") : NULL;
    const int64_t found = function ? plan_find_output(function, "class") : -1;
    const PlanBinding *output = found < 0 ? NULL : &function->outputs[found];
    return output && output->axis_count ? output->axes[output->axis_count - 1] : NULL;
}

/* Whether nothing but the number of classes is another. */
static bool of_other_classes(const Tensor *tensor, const Parameter *parameter, const char *axis) {
    if (!axis || tensor->type != TENSOR_F32 || tensor->rank != parameter->axis_count)
        return false;
    for (uint32_t i = 0; i < tensor->rank; i++)
        if (tensor->extents[i] != parameter->extents[i] && strcmp(parameter->axes[i], axis) != 0)
            return false;
    return true;
}

static bool fail_shape(const Tensor *tensor, const Parameter *parameter, const char *checkpoint,
                       RunError *error) {
    char theirs[200], ours[400];
    shape_print(theirs, sizeof theirs, tensor->rank, tensor->extents, NULL);
    shape_print(ours, sizeof ours, parameter->axis_count, parameter->extents, parameter->axes);
    return run_fail(error, EXIT_INPUT,
                    "'%.100s' is F32 %s here and %s %s in %.180s: the dims of what is taken over "
                    "must stay as they are",
                    parameter->path, ours, tensor_type_name(tensor->type), theirs, checkpoint);
}

/* --- what would be taken --- */

static bool compare(const Program *program, const Safetensors *file, const char *checkpoint,
                    Inherited *inherited, RunError *error) {
    const Experiment *experiment = program->experiment;
    const char *classes = axis_of_classes(program);
    for (uint32_t i = 0; i < experiment->parameter_count; i++) {
        const Parameter *parameter = &experiment->parameters[i];
        const Tensor *tensor = safetensors_find(file, parameter->path);
        const bool taken = tensor && fits(tensor, parameter);
        if (tensor && !taken && !of_other_classes(tensor, parameter, classes))
            return fail_shape(tensor, parameter, checkpoint, error);
        if (taken) {
            inherited->taken++;
        } else {
            inherited->fresh++;
            list_add(inherited->fresh_paths, sizeof inherited->fresh_paths, parameter->path);
        }
    }
    return inherited->taken || run_fail(error, EXIT_INPUT,
                                        "%.180s has no parameter of this model: there is nothing "
                                        "to start from; leave --from out",
                                        checkpoint);
}

static bool is_parameter(const Experiment *experiment, const char *name) {
    for (uint32_t i = 0; i < experiment->parameter_count; i++)
        if (strcmp(experiment->parameters[i].path, name) == 0)
            return true;
    return false;
}

/* States have a colon in their names. */
static void note_unused(const Experiment *experiment, const Safetensors *file,
                        Inherited *inherited) {
    for (uint32_t i = 0; i < safetensors_count(file); i++) {
        const char *name = safetensors_at(file, i)->name;
        if (strchr(name, ':') || is_parameter(experiment, name))
            continue;
        inherited->unused++;
        list_add(inherited->unused_paths, sizeof inherited->unused_paths, name);
    }
}

static Safetensors *file_of(const char *checkpoint, RunError *error) {
    FileError fault;
    Safetensors *file = safetensors_open(checkpoint, &fault);
    if (!file)
        run_fail(error, EXIT_INPUT, "%s", fault.text);
    return file;
}

bool inherit_check(const Program *program, const char *checkpoint, Inherited *inherited,
                   RunError *error) {
    *inherited = (Inherited){0};
    Safetensors *file = file_of(checkpoint, error);
    bool able = file && compare(program, file, checkpoint, inherited, error);
    if (able)
        note_unused(program->experiment, file, inherited);
    safetensors_close(file);
    return able;
}

/* --- taking --- */

static bool take(const Program *program, Model *model, const Safetensors *file,
                 const char *checkpoint, RunError *error) {
    const char *classes = axis_of_classes(program);
    for (uint32_t i = 0; i < model->experiment->parameter_count; i++) {
        const Parameter *parameter = &model->experiment->parameters[i];
        const Tensor *tensor = safetensors_find(file, parameter->path);
        FileError fault;
        const bool taken = tensor && fits(tensor, parameter);
        if (tensor && !taken && !of_other_classes(tensor, parameter, classes))
            return fail_shape(tensor, parameter, checkpoint, error);
        if (taken && !safetensors_read(file, tensor, model->parameters.values[i], &fault))
            return run_fail(error, EXIT_INPUT, "%s", fault.text);
    }
    return true;
}

bool inherit_parameters(const Program *program, Model *model, const char *checkpoint,
                        RunError *error) {
    Safetensors *file = file_of(checkpoint, error);
    bool taken = file && take(program, model, file, checkpoint, error);
    safetensors_close(file);
    return taken;
}
