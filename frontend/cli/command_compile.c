/* scanline compile: what a spec becomes, as a file: a program, or a text on the way to one. */
#include "frontend/cli/ahead.h"
#include "frontend/cli/commands.h"
#include "frontend/cli/drawing_options.h"
#include "frontend/cli/library_header.h"

#include "ir/text_print.h"
#include "passes/decode.h"
#include "runtime/commands/command.h"
#include "runtime/files/file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct CompileArguments {
    const char *emit, *function, *output;
} CompileArguments;

enum { KEY_EMIT = 0x100, KEY_FUNCTION };

static const struct argp_option keys[] = {
    {"emit", KEY_EMIT, "KIND", 0,
     "exe (a program of its own: the default with -o), so (a shared library), header (that of the "
     "library), obj (one object), ir (the tensor IR as text), llvm (LLVM's IR), asm, or plan "
     "(JSON)",
     0},
    {"function", KEY_FUNCTION, "NAME", 0,
     "of the IR, this function alone: init, grad, update, eval, ...; decode and prefill are those "
     "of a program",
     0},
    {"output", 'o', "FILE", 0, "write to FILE; texts go to standard output without it", 0},
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
    const bool draws = arguments->function && decode_has(arguments->function);
    ExitCode code = draws ? session_decode(session, DRAWING_AHEAD) : session_settle_memory(session);
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

/* --- programs --- */

static bool print_json(const Ahead *ahead, const char *path) {
    json_t *targets = json_array();
    for (uint32_t i = 0; i < ahead->count; i++)
        json_array_append_new(targets, json_string(ahead->targets[i].name));
    return command_print_json(json_pack("{s:s, s:o}", "file", path, "targets", targets), stdout);
}

static ExitCode print_made(const Session *session, const Ahead *ahead, const char *path) {
    if (session->options->json)
        return print_json(ahead, path)
                   ? EXIT_DONE
                   : session_fail(session, EXIT_MACHINE, "memory", "out of memory");
    printf("%s, for", path);
    for (uint32_t i = 0; i < ahead->count; i++)
        printf("%s %s", i ? "," : "", ahead->targets[i].name);
    puts("");
    return EXIT_DONE;
}

static ExitCode emit_linked(Session *session, const CompileArguments *arguments, LinkKind kind) {
    Ahead ahead;
    if (!arguments->output)
        return session_fail(session, EXIT_USAGE, "output", "-o says which file is to be made");
    ExitCode code = ahead_compile(session, &ahead);
    if (!code)
        code = ahead_link(session, &ahead, kind, arguments->output);
    if (!code)
        code = print_made(session, &ahead, arguments->output);
    ahead_free(&ahead);
    return code;
}

static ExitCode emit_exe(Session *session, const CompileArguments *arguments) {
    return emit_linked(session, arguments, LINK_PROGRAM);
}

static ExitCode emit_so(Session *session, const CompileArguments *arguments) {
    return emit_linked(session, arguments, LINK_LIBRARY);
}

static ExitCode emit_obj(Session *session, const CompileArguments *arguments) {
    return emit_linked(session, arguments, LINK_OBJECT);
}

/* --- texts --- */

static ExitCode emit_listing(Session *session, const CompileArguments *arguments, bool assembly) {
    char *text = NULL;
    ExitCode code = session_settle_memory(session);
    if (!code)
        code = ahead_listing(session, assembly, &text);
    if (!code)
        code = write_result(session, arguments->output, text);
    free(text);
    return code;
}

static ExitCode emit_llvm(Session *session, const CompileArguments *arguments) {
    return emit_listing(session, arguments, false);
}

static ExitCode emit_asm(Session *session, const CompileArguments *arguments) {
    return emit_listing(session, arguments, true);
}

static ExitCode emit_header(Session *session, const CompileArguments *arguments) {
    return write_result(session, arguments->output,
                        library_header(session->arena, &session->experiment));
}

/* --- the command --- */

typedef struct Emission {
    const char *kind;
    ExitCode (*emit)(Session *session, const CompileArguments *arguments);
    bool several; /* --target may be a list */
} Emission;

static const Emission emissions[] = {
    {"exe", emit_exe, true},       {"so", emit_so, true},      {"obj", emit_obj, true},
    {"header", emit_header, true}, {"ir", emit_ir, false},     {"llvm", emit_llvm, false},
    {"asm", emit_asm, false},      {"plan", emit_plan, false},
};
enum { EMISSIONS = sizeof emissions / sizeof *emissions };

static ExitCode emission_find(const Session *session, const char *kind, const Emission **emission) {
    const char *known = "";
    const char *target = session->options->target;
    *emission = NULL;
    for (int i = 0; i < EMISSIONS; i++) {
        if (strcmp(emissions[i].kind, kind) == 0)
            *emission = &emissions[i];
        known = arena_printf(session->arena, "%s%s%s", known,
                             i == 0               ? ""
                             : i == EMISSIONS - 1 ? " or "
                                                  : ", ",
                             emissions[i].kind);
    }
    if (!*emission)
        return session_fail(session, EXIT_USAGE, "emit", "--emit takes %s, not '%s'", known, kind);
    if (!(*emission)->several && target && strchr(target, ','))
        return session_fail(session, EXIT_USAGE, "target", "--emit %s is of one --target", kind);
    return EXIT_DONE;
}

static ExitCode work(Session *session, void *user) {
    const CompileArguments *arguments = user;
    const Emission *emission;
    const char *kind = arguments->emit ? arguments->emit : arguments->output ? "exe" : "ir";
    ExitCode code = emission_find(session, kind, &emission);
    if (!code)
        code = session_read(session, NULL);
    return code ? code : emission->emit(session, arguments);
}

ExitCode command_compile(int count, char **words) {
    CompileArguments arguments = {0};
    const OptionTarget targets[] = {{KEY_EMIT, .text = &arguments.emit},
                                    {KEY_FUNCTION, .text = &arguments.function},
                                    {'o', .text = &arguments.output},
                                    {0}};
    const CommandLine line = {
        .command = "compile",
        .arguments = "[SPEC] [KEY=VALUE...]",
        .doc =
            "Compile a spec to a program of its own, which runs train, eval, probe, sample, "
            "features and others on machines that have neither LLVM nor scanline; to a shared "
            "library with a C API; or write what the spec becomes on the way."
            "\vDims, and all that decides what is computed, are fixed then; steps, seed, data and "
            "other settings can be given to the program, and its --help says which. --target "
            "takes several CPUs, with commas between: the program picks the best of them that "
            "it finds itself on. Linking takes a C compiler (cc).\n\n"
            "Examples:\n"
            "  scanline compile digits -o digits && ./digits train train.steps=100\n"
            "  scanline compile mine.scan d=128 --target x86-64-v3,x86-64-v4 -o mine\n"
            "  scanline compile digits --emit so -o libdigits.so\n"
            "  scanline compile digits --emit header -o scanline.h\n"
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
