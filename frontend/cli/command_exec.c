/* scanline exec: one function of an IR file by itself, on tensors from a file. */
#include "frontend/cli/commands.h"
#include "frontend/cli/session.h"

#include "ir/interpret.h"
#include "ir/text_parse.h"
#include "passes/interpret_calls.h"
#include "runtime/execution/executor.h"
#include "runtime/files/safetensors.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

typedef struct ExecArguments {
    const char *function, *inputs, *output;
    bool interpret, calls;
} ExecArguments;

enum { KEY_FUNCTION = 0x100, KEY_INPUTS, KEY_INTERPRET, KEY_CALLS, MOST_BYTES = 1 << 30 };

static const struct argp_option keys[] = {
    {"function", KEY_FUNCTION, "NAME", 0, "which function (default: the file's last)", 0},
    {"inputs", KEY_INPUTS, "FILE", 0, "safetensors with the function's params and inputs by name",
     0},
    {"output", 'o', "FILE", 0, "where its outputs go, as safetensors", 0},
    {"interpret", KEY_INTERPRET, 0, 0,
     "compute by the reference interpreter, in double precision; outputs are F64", 0},
    {"calls", KEY_CALLS, 0, 0,
     "open the shared libraries that the file names, and call their functions", 0},
    {0}};

/* --- the function and its inputs --- */

/* A file from anywhere opens no library unless it is told that it may. */
static ExitCode check_calls(const Session *session, const ExecArguments *arguments,
                            const Function *function) {
    ExitCode code = EXIT_DONE;
    for (NodeId id = 0; id < function->node_count && !code && !arguments->calls; id++) {
        const Attributes *attributes = &graph_node(function, id)->attributes;
        if (attributes->external)
            code = session_fail(session, EXIT_INPUT, "calls",
                                "@%s calls %s of %s: if you trust that library, give --calls",
                                function->name, attributes->external->name,
                                attributes->external->library);
        else if (attributes->body)
            code = check_calls(session, arguments, attributes->body);
    }
    return code;
}

static ExitCode read_function(Session *session, const ExecArguments *arguments,
                              const Function **function) {
    const char *path = session->options->subject;
    FileError file_error;
    TextError text_error;
    size_t size;
    char *text = file_read(path, MOST_BYTES, &size, &file_error);
    if (!text)
        return session_fail(session, EXIT_INPUT, "read", "%s", file_error.text);
    const char *copy = arena_string(session->arena, text, size);
    free(text);
    const Module *module = text_parse(copy, size, session->arena, &text_error);
    if (!module)
        return session_fail(session, EXIT_INPUT, "syntax", "%s:%u:%u: %s", path, text_error.line,
                            text_error.column, text_error.text);
    if (arguments->function)
        *function = module_function(module, arguments->function);
    else
        *function = module->function_count ? module->functions[module->function_count - 1] : NULL;
    if (*function)
        return check_calls(session, arguments, *function);
    return session_fail(session, EXIT_INPUT, "no-function", "there is no function '%s' in %s",
                        arguments->function ? arguments->function : "", path);
}

/* The type that a tensor of the IR has in a file. */
static TensorType file_type(DType dtype) {
    switch (dtype) {
    case DTYPE_I32:
        return TENSOR_I32;
    case DTYPE_BOOL:
        return TENSOR_BOOL;
    case DTYPE_BF16:
        return TENSOR_BF16;
    default:
        return TENSOR_F32;
    }
}

/* Params and inputs in node order, in the arena: aligned to 64 bytes. NULL after reporting. */
typedef struct Operands {
    const Node **nodes;
    void **values;
    uint32_t count;
} Operands;

static void *aligned_memory(Arena *arena, int64_t bytes) {
    uintptr_t address = (uintptr_t)arena_alloc(arena, (size_t)bytes + 64);
    return (void *)((address + 63) & ~(uintptr_t)63);
}

static ExitCode read_input(const Session *session, const Safetensors *file,
                           const Function *function, const Node *node, void **value) {
    const char *name = node->attributes.name;
    const Tensor *tensor = file ? safetensors_find(file, name) : NULL;
    if (!tensor)
        return session_fail(session, EXIT_INPUT, "missing-input", "there is no tensor '%s'%s", name,
                            file ? " among the inputs" : ": give --inputs FILE");
    if (tensor->type != file_type(node->dtype) ||
        tensor->elements != graph_elements(function, node))
        return session_fail(session, EXIT_INPUT, "input-shape",
                            "'%s' is %s with %lld elements; the function takes %s with %lld", name,
                            tensor_type_name(tensor->type), (long long)tensor->elements,
                            tensor_type_name(file_type(node->dtype)),
                            (long long)graph_elements(function, node));
    FileError error;
    *value =
        aligned_memory(session->arena, tensor->elements * (int64_t)tensor_type_size(tensor->type));
    if (!safetensors_read(file, tensor, *value, &error))
        return session_fail(session, EXIT_INPUT, "read", "%s", error.text);
    return EXIT_DONE;
}

static ExitCode read_inputs(const Session *session, const Safetensors *file,
                            const Function *function, Operands *operands) {
    *operands = (Operands){
        .nodes = arena_array(session->arena, function->node_count, sizeof *operands->nodes),
        .values = arena_array(session->arena, function->node_count, sizeof *operands->values),
    };
    for (uint32_t i = 0; i < function->node_count; i++) {
        const Node *node = &function->nodes[i];
        if (node->op != OP_PARAM && node->op != OP_INPUT)
            continue;
        operands->nodes[operands->count] = node;
        ExitCode code =
            read_input(session, file, function, node, &operands->values[operands->count]);
        if (code)
            return code;
        operands->count++;
    }
    return EXIT_DONE;
}

/* --- running --- */

static Tensor *output_tensors(const Session *session, const Function *function, bool doubles) {
    Tensor *tensors = arena_array(session->arena, function->output_count, sizeof *tensors);
    for (uint32_t i = 0; i < function->output_count; i++) {
        const Node *node = graph_node(function, function->outputs[i].node);
        Tensor *tensor = &tensors[i];
        tensor->name = function->outputs[i].name;
        tensor->type = doubles ? TENSOR_F64 : file_type(node->dtype);
        tensor->rank = node->axes.count;
        tensor->elements = graph_elements(function, node);
        for (uint32_t axis = 0; axis < tensor->rank; axis++)
            tensor->extents[axis] = graph_axis(function, node->axes.at[axis])->extent;
        if (!doubles)
            tensor->data = aligned_memory(
                session->arena, tensor->elements * (int64_t)tensor_type_size(tensor->type));
    }
    return tensors;
}

static double element_as_double(TensorType type, const void *values, int64_t index) {
    uint32_t bits;
    float value;
    switch (type) {
    case TENSOR_I32:
        return ((const int32_t *)values)[index];
    case TENSOR_BOOL:
        return ((const unsigned char *)values)[index];
    case TENSOR_BF16:
        bits = (uint32_t)((const uint16_t *)values)[index] << 16;
        memcpy(&value, &bits, sizeof value);
        return value;
    default:
        return ((const float *)values)[index];
    }
}

static ExitCode run_interpreted(const Session *session, const Function *function,
                                const Operands *operands, Tensor *outputs) {
    InterpretBinding *bindings = arena_array(session->arena, operands->count, sizeof *bindings);
    for (uint32_t i = 0; i < operands->count; i++) {
        const Node *node = operands->nodes[i];
        int64_t count = graph_elements(function, node);
        double *values = arena_array(session->arena, (size_t)count, sizeof *values);
        for (int64_t j = 0; j < count; j++)
            values[j] = element_as_double(file_type(node->dtype), operands->values[i], j);
        bindings[i] = (InterpretBinding){node->attributes.name, values, count};
    }
    InterpretError error;
    InterpretCalls *calls = interpret_calls_begin(session->arena);
    double **results = interpret_calling(function, bindings, operands->count,
                                         interpret_calls_caller(calls), session->arena, &error);
    interpret_calls_end(calls);
    if (!results)
        return session_fail(session, EXIT_INPUT, "interpret", "%s", error.text);
    for (uint32_t i = 0; i < function->output_count; i++)
        outputs[i].data = results[i];
    return EXIT_DONE;
}

static ExitCode run_compiled(Session *session, const Function *function, const Operands *operands,
                             const Tensor *outputs) {
    Module *module = module_create(session->arena);
    module_add(module, (Function *)function);
    session->module = module;
    ExitCode code = session_compile(session);
    if (code)
        return code;
    const PlanFunction *plan = plan_function(session->program.plan, function->name);
    void **inputs = arena_array(session->arena, plan->input_count, sizeof *inputs);
    void **results = arena_array(session->arena, plan->output_count, sizeof *results);
    for (uint32_t i = 0; i < operands->count; i++) {
        int64_t input = plan_find_input(plan, operands->nodes[i]->attributes.name);
        if (input >= 0) /* the passes may have found that it is not needed */
            inputs[input] = operands->values[i];
    }
    for (uint32_t i = 0; i < plan->output_count; i++)
        results[i] = (void *)outputs[i].data;
    ExecutorUse use = {plan, EXECUTOR_TEAM};
    Executor *executor =
        executor_create(&session->program, options_threads(session->options), &use, 1);
    if (!executor)
        return session_fail(session, EXIT_MACHINE, "memory", "out of memory");
    executor_run(executor, plan, inputs, results);
    executor_free(executor);
    return EXIT_DONE;
}

static ExitCode run(Session *session, const ExecArguments *arguments, const Safetensors *file) {
    const Function *function = NULL;
    Operands operands;
    ExitCode code = read_function(session, arguments, &function);
    if (!code)
        code = read_inputs(session, file, function, &operands);
    if (code)
        return code;
    Tensor *outputs = output_tensors(session, function, arguments->interpret);
    code = arguments->interpret ? run_interpreted(session, function, &operands, outputs)
                                : run_compiled(session, function, &operands, outputs);
    FileError error;
    if (!code &&
        !safetensors_write(arguments->output, outputs, function->output_count, NULL, 0, &error))
        return session_fail(session, EXIT_MACHINE, "write", "%s", error.text);
    return code;
}

static ExitCode work(Session *session, void *user) {
    const ExecArguments *arguments = user;
    if (!session->options->subject || !arguments->output)
        return session_fail(session, EXIT_USAGE, "usage", "exec needs FILE.ir and -o FILE");
    FileError error;
    Safetensors *file = arguments->inputs ? safetensors_open(arguments->inputs, &error) : NULL;
    if (arguments->inputs && !file)
        return session_fail(session, EXIT_INPUT, "inputs", "%s", error.text);
    ExitCode code = run(session, arguments, file);
    safetensors_close(file);
    return code;
}

ExitCode command_exec(int count, char **words) {
    ExecArguments arguments = {0};
    const OptionTarget targets[] = {{KEY_FUNCTION, .text = &arguments.function},
                                    {KEY_INPUTS, .text = &arguments.inputs},
                                    {'o', .text = &arguments.output},
                                    {KEY_INTERPRET, .flag = &arguments.interpret},
                                    {KEY_CALLS, .flag = &arguments.calls},
                                    {0}};
    const CommandLine line = {
        .command = "exec",
        .arguments = "FILE.ir",
        .doc = "Run one function of a file in the tensor IR (`scanline compile --emit ir' writes "
               "them)."
               "\vExamples:\n"
               "  scanline exec digits.ir --function eval --inputs x.safetensors -o y.safetensors\n"
               "  scanline exec digits.ir --function eval --inputs x.safetensors -o y.safetensors "
               "--interpret",
        .groups = OPTIONS_JSON | OPTIONS_COMPILE | OPTIONS_THREADS | OPTIONS_PERF,
        .keys = keys,
        .targets = targets,
        .user = &arguments,
    };
    Options options;
    options_parse(&line, count, words, &options);
    return session_run(&options, work, &arguments);
}
