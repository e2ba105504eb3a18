/* The file form of a plan: JSON, so that it can be read by people and by other programs.
 *
 *   {"scanline_plan": 7, "target": "x86-64-v3", "table": "5e1b...",
 *    "kernels":   [{"symbol", "tiles", "scratch", "flops", "bytes", "immediates", "outputs",
 *                   "operands": [["f32", 4096], ...],
 *                   "call": null, or see runtime/execution/plan_file_call.c}, ...],
 *    "functions": [{"name", "arena", "own",
 *                   "inputs":  [{"name", "type", "axes": [["b", 8], ...], "donated"}, ...],
 *                   "outputs": ...,
 *                   "buffers": [["arena", "f32", 4096, 0], ["own", "bf16", 64, 0], ["input", 3],
 *                               ["output", 0], ...],
 *                   "steps":   [{"kernel", "operands", "immediates", "origin",
 *                                "places": [["igpt.scan", 27], ...], "again"}, ...]}, ...]}
 *
 * Reading takes the syntax alone; whether the plan may be run is plan_check's to say. */
#include "runtime/execution/plan_reader.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const storage_names[] = {
    [PLAN_ARENA] = "arena", [PLAN_OWN] = "own", [PLAN_INPUT] = "input", [PLAN_OUTPUT] = "output"};

/* --- writing --- */

static json_t *write_operands(const PlanKernel *kernel) {
    json_t *list = json_array();
    for (uint32_t i = 0; i < kernel->operand_count; i++)
        json_array_append_new(list, json_pack("[s, I]", plan_type_name(kernel->operands[i].type),
                                              (json_int_t)kernel->operands[i].elements));
    return list;
}

static json_t *write_kernel(const PlanKernel *kernel) {
    return json_pack("{s:s, s:I, s:I, s:f, s:f, s:I, s:I, s:o, s:o}", "symbol", kernel->symbol,
                     "tiles", (json_int_t)kernel->tiles, "scratch",
                     (json_int_t)kernel->scratch_bytes, "flops", kernel->flops, "bytes",
                     kernel->bytes, "immediates", (json_int_t)kernel->immediate_count, "outputs",
                     (json_int_t)kernel->output_count, "operands", write_operands(kernel), "call",
                     plan_write_call(kernel->call));
}

static json_t *write_bindings(const PlanBinding *bindings, uint32_t count) {
    json_t *list = json_array();
    for (uint32_t i = 0; i < count; i++) {
        const PlanBinding *binding = &bindings[i];
        json_t *axes = json_array();
        for (uint32_t axis = 0; axis < binding->axis_count; axis++)
            json_array_append_new(
                axes, json_pack("[s, I]", binding->axes[axis], (json_int_t)binding->extents[axis]));
        json_array_append_new(list, json_pack("{s:s, s:s, s:o, s:I}", "name", binding->name, "type",
                                              plan_type_name(binding->type), "axes", axes,
                                              "donated", (json_int_t)binding->donated));
    }
    return list;
}

static json_t *write_buffer(const PlanBuffer *buffer) {
    const char *storage = storage_names[buffer->storage];
    if (!plan_is_temporary(buffer->storage))
        return json_pack("[s, I]", storage, (json_int_t)buffer->binding);
    return json_pack("[s, s, I, I]", storage, plan_type_name(buffer->type),
                     (json_int_t)buffer->elements, (json_int_t)buffer->offset);
}

static json_t *write_step(const PlanStep *step) {
    json_t *operands = json_array(), *immediates = json_array(), *places = json_array();
    for (uint32_t i = 0; i < step->operand_count; i++)
        json_array_append_new(operands, json_integer(step->operands[i]));
    for (uint32_t i = 0; i < step->immediate_count; i++)
        json_array_append_new(immediates, json_integer(step->immediates[i]));
    for (uint32_t i = 0; i < step->place_count; i++)
        json_array_append_new(
            places, json_pack("[s, I]", step->places[i].file, (json_int_t)step->places[i].line));
    return json_pack("{s:I, s:o, s:o, s:s, s:o, s:b}", "kernel", (json_int_t)step->kernel,
                     "operands", operands, "immediates", immediates, "origin", step->origin,
                     "places", places, "again", (int)step->is_again);
}

static json_t *write_function(const PlanFunction *function) {
    json_t *buffers = json_array(), *steps = json_array();
    for (uint32_t i = 0; i < function->buffer_count; i++)
        json_array_append_new(buffers, write_buffer(&function->buffers[i]));
    for (uint32_t i = 0; i < function->step_count; i++)
        json_array_append_new(steps, write_step(&function->steps[i]));
    return json_pack("{s:s, s:I, s:I, s:o, s:o, s:o, s:o}", "name", function->name, "arena",
                     (json_int_t)function->arena_bytes, "own", (json_int_t)function->own_bytes,
                     "inputs", write_bindings(function->inputs, function->input_count), "outputs",
                     write_bindings(function->outputs, function->output_count), "buffers", buffers,
                     "steps", steps);
}

char *plan_write(const Plan *plan, PlanError *error) {
    json_t *kernels = json_array(), *functions = json_array();
    for (uint32_t i = 0; i < plan->kernel_count; i++)
        json_array_append_new(kernels, write_kernel(&plan->kernels[i]));
    for (uint32_t i = 0; i < plan->function_count; i++)
        json_array_append_new(functions, write_function(&plan->functions[i]));
    /* An append of NULL (no memory, or text that is not UTF-8) is seen by the count. */
    bool whole = json_array_size(kernels) == plan->kernel_count &&
                 json_array_size(functions) == plan->function_count;
    json_t *root =
        json_pack("{s:i, s:s, s:s, s:o, s:o}", "scanline_plan", PLAN_VERSION, "target",
                  plan->target, "table", plan->table, "kernels", kernels, "functions", functions);
    char *text = root && whole ? json_dumps(root, JSON_COMPACT | JSON_REAL_PRECISION(17)) : NULL;
    json_decref(root);
    if (!text)
        snprintf(error->text, sizeof error->text,
                 "the plan cannot be written: no memory, or a name that is not UTF-8");
    return text;
}

/* --- reading --- */

static void read_kernel(PlanReader *reader, const json_t *object, PlanKernel *kernel) {
    kernel->symbol = plan_read_string(reader, json_object_get(object, "symbol"), "symbol");
    kernel->tiles =
        plan_read_integer(reader, json_object_get(object, "tiles"), 1, PLAN_MAX_TILES, "tiles");
    kernel->scratch_bytes =
        plan_read_integer(reader, json_object_get(object, "scratch"), 0, PLAN_MAX_BYTES, "scratch");
    kernel->flops = plan_read_number(reader, json_object_get(object, "flops"), "flops");
    kernel->bytes = plan_read_number(reader, json_object_get(object, "bytes"), "bytes");
    kernel->immediate_count = (uint32_t)plan_read_integer(
        reader, json_object_get(object, "immediates"), 0, PLAN_MAX_ENTRIES, "immediates");
    uint32_t count;
    const json_t *list = plan_read_list(reader, object, "operands", &count);
    kernel->output_count = (uint32_t)plan_read_integer(reader, json_object_get(object, "outputs"),
                                                       0, count, "outputs");
    kernel->operands = plan_reader_memory(reader, count, sizeof *kernel->operands);
    for (uint32_t i = 0; i < count && !reader->failed; i++) {
        const json_t *operand = json_array_get(list, i);
        kernel->operands[i] = (PlanOperand){
            plan_read_type(reader, json_array_get(operand, 0)),
            plan_read_integer(reader, json_array_get(operand, 1), 0, PLAN_MAX_BYTES, "elements")};
        kernel->operand_count = i + 1;
    }
    kernel->call = plan_read_call(reader, json_object_get(object, "call"));
}

static void read_binding(PlanReader *reader, const json_t *object, PlanBinding *binding) {
    binding->name = plan_read_string(reader, json_object_get(object, "name"), "name");
    binding->type = plan_read_type(reader, json_object_get(object, "type"));
    binding->donated = plan_read_integer(reader, json_object_get(object, "donated"), -1,
                                         PLAN_MAX_ENTRIES, "donated");
    binding->elements = 1;
    uint32_t count;
    const json_t *axes = plan_read_list(reader, object, "axes", &count);
    if (count > PLAN_MAX_AXES)
        plan_reader_fail(reader, "plan: more than %d axes", PLAN_MAX_AXES);
    for (uint32_t i = 0; i < count && !reader->failed; i++) {
        const json_t *axis = json_array_get(axes, i);
        binding->axes[i] = plan_read_string(reader, json_array_get(axis, 0), "axes");
        binding->extents[i] =
            plan_read_integer(reader, json_array_get(axis, 1), 0, PLAN_MAX_BYTES, "axes");
        binding->axis_count = i + 1;
        if (__builtin_mul_overflow(binding->elements, binding->extents[i], &binding->elements) ||
            binding->elements > PLAN_MAX_BYTES)
            plan_reader_fail(reader, "plan: a tensor is too large");
    }
}

static PlanBinding *read_bindings(PlanReader *reader, const json_t *object, const char *key,
                                  uint32_t *filled) {
    uint32_t count;
    const json_t *list = plan_read_list(reader, object, key, &count);
    PlanBinding *bindings = plan_reader_memory(reader, count, sizeof *bindings);
    for (uint32_t i = 0; i < count && !reader->failed; i++) {
        *filled = i + 1;
        read_binding(reader, json_array_get(list, i), &bindings[i]);
    }
    return bindings;
}

static void read_buffer(PlanReader *reader, const json_t *list, const PlanFunction *function,
                        PlanBuffer *buffer) {
    const char *storage = json_string_value(json_array_get(list, 0));
    storage = storage ? storage : "";
    *buffer = (PlanBuffer){.binding = -1};
    const bool own = strcmp(storage, storage_names[PLAN_OWN]) == 0;
    if (own || strcmp(storage, storage_names[PLAN_ARENA]) == 0) {
        buffer->storage = own ? PLAN_OWN : PLAN_ARENA;
        buffer->type = plan_read_type(reader, json_array_get(list, 1));
        buffer->elements =
            plan_read_integer(reader, json_array_get(list, 2), 0, PLAN_MAX_BYTES, "elements");
        buffer->offset =
            plan_read_integer(reader, json_array_get(list, 3), 0, PLAN_MAX_BYTES, "offset");
        return;
    }
    bool input = strcmp(storage, storage_names[PLAN_INPUT]) == 0;
    if (!input && strcmp(storage, storage_names[PLAN_OUTPUT]) != 0) {
        plan_reader_fail(reader, "plan: unknown storage \"%.40s\"", storage);
        return;
    }
    int64_t count = input ? function->input_count : function->output_count;
    buffer->storage = input ? PLAN_INPUT : PLAN_OUTPUT;
    buffer->binding = plan_read_integer(reader, json_array_get(list, 1), 0, count - 1, "binding");
    if (reader->failed)
        return;
    const PlanBinding *binding = &(input ? function->inputs : function->outputs)[buffer->binding];
    buffer->type = binding->type;
    buffer->elements = binding->elements;
}

static void read_places(PlanReader *reader, const json_t *object, PlanStep *step) {
    uint32_t count;
    const json_t *list = plan_read_list(reader, object, "places", &count);
    step->places = plan_reader_memory(reader, count, sizeof *step->places);
    for (uint32_t i = 0; i < count && !reader->failed; i++) {
        const json_t *place = json_array_get(list, i);
        step->place_count = i + 1;
        step->places[i].file = plan_read_string(reader, json_array_get(place, 0), "places");
        step->places[i].line =
            plan_read_integer(reader, json_array_get(place, 1), 1, UINT32_MAX, "places");
    }
}

static void read_step(PlanReader *reader, const json_t *object, PlanStep *step) {
    step->kernel = (uint32_t)plan_read_integer(reader, json_object_get(object, "kernel"), 0,
                                               PLAN_MAX_ENTRIES, "kernel");
    step->origin = plan_read_string(reader, json_object_get(object, "origin"), "origin");
    step->is_again = json_is_true(json_object_get(object, "again"));
    const json_t *operands = plan_read_list(reader, object, "operands", &step->operand_count);
    step->operands = plan_reader_memory(reader, step->operand_count, sizeof *step->operands);
    for (uint32_t i = 0; i < step->operand_count && !reader->failed; i++)
        step->operands[i] = (uint32_t)plan_read_integer(reader, json_array_get(operands, i), 0,
                                                        PLAN_MAX_ENTRIES, "operands");
    const json_t *immediates = plan_read_list(reader, object, "immediates", &step->immediate_count);
    step->immediates = plan_reader_memory(reader, step->immediate_count, sizeof *step->immediates);
    for (uint32_t i = 0; i < step->immediate_count && !reader->failed; i++)
        step->immediates[i] = plan_read_integer(reader, json_array_get(immediates, i), INT64_MIN,
                                                INT64_MAX, "immediates");
    read_places(reader, object, step);
}

static void read_function(PlanReader *reader, const json_t *object, PlanFunction *function) {
    function->name = plan_read_string(reader, json_object_get(object, "name"), "name");
    function->arena_bytes =
        plan_read_integer(reader, json_object_get(object, "arena"), 0, PLAN_MAX_BYTES, "arena");
    function->own_bytes =
        plan_read_integer(reader, json_object_get(object, "own"), 0, PLAN_MAX_BYTES, "own");
    function->inputs = read_bindings(reader, object, "inputs", &function->input_count);
    function->outputs = read_bindings(reader, object, "outputs", &function->output_count);
    uint32_t count;
    const json_t *list = plan_read_list(reader, object, "buffers", &count);
    function->buffers = plan_reader_memory(reader, count, sizeof *function->buffers);
    for (uint32_t i = 0; i < count && !reader->failed; i++) {
        read_buffer(reader, json_array_get(list, i), function, &function->buffers[i]);
        function->buffer_count = i + 1;
    }
    list = plan_read_list(reader, object, "steps", &count);
    function->steps = plan_reader_memory(reader, count, sizeof *function->steps);
    for (uint32_t i = 0; i < count && !reader->failed; i++) {
        function->step_count = i + 1;
        read_step(reader, json_array_get(list, i), &function->steps[i]);
    }
}

static void read_plan(PlanReader *reader, const json_t *root, Plan *plan) {
    const json_t *version = json_object_get(root, "scanline_plan");
    if (!json_is_integer(version) || json_integer_value(version) != PLAN_VERSION) {
        plan_reader_fail(reader, "not a plan of version %d", PLAN_VERSION);
        return;
    }
    plan->target = plan_read_string(reader, json_object_get(root, "target"), "target");
    plan->table = plan_read_string(reader, json_object_get(root, "table"), "table");
    uint32_t count;
    const json_t *list = plan_read_list(reader, root, "kernels", &count);
    plan->kernels = plan_reader_memory(reader, count, sizeof *plan->kernels);
    for (uint32_t i = 0; i < count && !reader->failed; i++) {
        plan->kernel_count = i + 1;
        read_kernel(reader, json_array_get(list, i), &plan->kernels[i]);
    }
    list = plan_read_list(reader, root, "functions", &count);
    plan->functions = plan_reader_memory(reader, count, sizeof *plan->functions);
    for (uint32_t i = 0; i < count && !reader->failed; i++) {
        plan->function_count = i + 1;
        read_function(reader, json_array_get(list, i), &plan->functions[i]);
    }
}

Plan *plan_read(const char *text, size_t length, PlanError *error) {
    json_error_t fault;
    json_t *root = json_loadb(text, length, JSON_REJECT_DUPLICATES, &fault);
    if (!root) {
        snprintf(error->text, sizeof error->text, "plan, line %d: %s", fault.line, fault.text);
        return NULL;
    }
    PlanReader reader = {.error = error};
    Plan *plan = plan_reader_memory(&reader, 1, sizeof *plan);
    if (plan)
        read_plan(&reader, root, plan);
    json_decref(root);
    if (!reader.failed && plan_check(plan, error))
        return plan;
    plan_free(plan);
    return NULL;
}
