/* scanline compile: what a spec becomes, as a file. */
#include "frontend/cli/commands.h"
#include "frontend/cli/session_jit.h"

#include "ir/text_print.h"
#include "runtime/files/file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct CompileArguments {
    const char *emit, *function, *output;
} CompileArguments;

enum { KEY_EMIT = 0x100, KEY_FUNCTION };

static const struct argp_option keys[] = {
    {"emit", KEY_EMIT, "KIND", 0, "ir (the tensor IR as text) or plan (JSON)", 0},
    {"function", KEY_FUNCTION, "NAME", 0,
     "of the IR, this function alone: init, grad, update, eval, ...", 0},
    {"output", 'o', "FILE", 0, "write to FILE instead of standard output", 0},
    {0}};

static ExitCode write_result(const Session *session, const char *path, const char *text) {
    if (!path) {
        fputs(text, stdout);
        return EXIT_DONE;
    }
    FileError error = {{0}};
    if (file_write(path, text, strlen(text), &error))
        return EXIT_DONE;
    return session_fail(session, EXIT_MACHINE, "write", "%s", error.text);
}

/* The functions as the frontend and autodiff made them, or after --stop-after's pass. */
static ExitCode emit_ir(Session *session, const CompileArguments *arguments) {
    ExitCode code = session_settle_memory(session);
    if (code)
        return code;
    const CompileOptions options = session_compile_options(session);
    const Module *module = session->module;
    CompileError error = {0};
    if (options.stop_after || options.dump || options.verify || options.check)
        module = compile_passes(module, &options, &error);
    if (!module)
        return session_fail(session, EXIT_INPUT, "passes", "%s", error.text);
    if (!arguments->function)
        return write_result(session, arguments->output, text_print_module(module, session->arena));
    const Function *function = module_function(module, arguments->function);
    if (!function)
        return session_fail(session, EXIT_INPUT, "no-function", "there is no function '%s' here",
                            arguments->function);
    return write_result(session, arguments->output, text_print_function(function, session->arena));
}

static ExitCode emit_plan(Session *session, const CompileArguments *arguments) {
    const Plan *plan;
    ExitCode code = session_plan(session, &plan);
    if (code)
        return code;
    PlanError plan_error = {{0}};
    char *text = plan_write(plan, &plan_error);
    if (!text)
        return session_fail(session, EXIT_MACHINE, "plan", "%s", plan_error.text);
    code = write_result(session, arguments->output, text);
    free(text);
    return code;
}

static ExitCode work(Session *session, void *user) {
    const CompileArguments *arguments = user;
    bool ir = strcmp(arguments->emit, "ir") == 0;
    if (!ir && strcmp(arguments->emit, "plan") != 0)
        return session_fail(session, EXIT_USAGE, "emit", "--emit takes ir or plan, not '%s'",
                            arguments->emit);
    ExitCode code = session_read(session, NULL);
    if (code)
        return code;
    return ir ? emit_ir(session, arguments) : emit_plan(session, arguments);
}

ExitCode command_compile(int count, char **words) {
    CompileArguments arguments = {.emit = "ir"};
    const OptionTarget targets[] = {{KEY_EMIT, .text = &arguments.emit},
                                    {KEY_FUNCTION, .text = &arguments.function},
                                    {'o', .text = &arguments.output},
                                    {0}};
    const CommandLine line = {
        .command = "compile",
        .arguments = "[SPEC] [KEY=VALUE...]",
        .doc = "Write what a spec becomes: the functions of its runs (init, grad, update, eval, "
               "features, "
               "sample) in the tensor IR, or the plan."
               "\vExamples:\n"
               "  scanline compile digits --emit ir -o digits.ir\n"
               "  scanline compile digits --emit ir --function eval --stop-after fuse\n"
               "  scanline compile digits layers=2 --emit plan --target x86-64-v3",
        .groups =
            OPTIONS_JSON | OPTIONS_COMPILE | OPTIONS_THREADS | OPTIONS_MEMORY | OPTIONS_SETTINGS,
        .keys = keys,
        .targets = targets,
        .user = &arguments,
    };
    Options options;
    options_parse(&line, count, words, &options);
    return session_run(&options, work, &arguments);
}
