#include "frontend/extern_header.h"

#include "frontend/text.h"
#include "ir/external.h"

#include <ctype.h>
#include <string.h>

/* Names in C of one function's arguments, each once. */
typedef struct ArgumentNames {
    Arena *arena;
    Names taken;
} ArgumentNames;

static const char *const keywords[] = {
    "auto",      "bool",     "break",  "case",     "char",     "const",    "continue",  "default",
    "do",        "double",   "else",   "enum",     "extern",   "false",    "float",     "for",
    "goto",      "if",       "inline", "int",      "int32_t",  "int64_t",  "long",      "register",
    "restrict",  "return",   "short",  "signed",   "sizeof",   "static",   "struct",    "switch",
    "true",      "typedef",  "union",  "unsigned", "void",     "volatile", "while",     "asm",
    "typeof",    "class",    "delete", "new",      "operator", "private",  "public",    "template",
    "this",      "throw",    "try",    "catch",    "using",    "virtual",  "namespace", "friend",
    "protected", "explicit", "export", "mutable",  "typename", "typeid",   "wchar_t",   "noexcept",
};

/* The name, with a line under it for each other argument or word of C or C++ that has it. */
static const char *take_name(ArgumentNames *names, const char *name) {
    bool is_taken = names_find(&names->taken, name);
    for (size_t i = 0; i < sizeof keywords / sizeof *keywords && !is_taken; i++)
        is_taken = strcmp(keywords[i], name) == 0;
    if (is_taken)
        return take_name(names, arena_printf(names->arena, "%s_", name));
    names_add(&names->taken, names->arena, name, names);
    return name;
}

static const char *c_type(DType dtype) {
    return dtype == DTYPE_F32 ? "float" : dtype == DTYPE_I32 ? "int32_t" : "bool";
}

static ExternalType type_of(const ExternParameter *parameter) {
    ExternalType type = {.dtype = dtype_by_name(parameter->dtype.text),
                         .axis_count = parameter->axes.count};
    for (uint32_t i = 0; i < parameter->axes.count; i++)
        type.axes[i] = parameter->axes.at[i].text;
    return type;
}

/* What its signature needs of a declaration. */
static External external_of(const Spec *spec, const ExternDecl *declaration) {
    ExternalParameter *parameters =
        arena_array(spec->arena, declaration->parameter_count, sizeof *parameters);
    for (uint32_t i = 0; i < declaration->parameter_count; i++)
        parameters[i] = (ExternalParameter){declaration->parameters[i].name.text,
                                            type_of(&declaration->parameters[i])};
    return (External){.name = declaration->name.text,
                      .gradient = declaration->gradient.text,
                      .parameter_count = declaration->parameter_count,
                      .parameters = parameters,
                      .result = type_of(&declaration->result)};
}

enum { LONGEST_LINE = 96 };

/* In the line, or in one more. */
static void put_argument(Text *text, bool first, const char *format, const char *type,
                         const char *name) {
    const char *argument = arena_printf(text->arena, format, type, name);
    const char *line = strrchr(text_end(text), '\n');
    const bool fits = first || strlen(line) + strlen(argument) < LONGEST_LINE;
    text_string(text, first ? "" : fits ? ", " : ",\n    ");
    text_string(text, argument);
}

/* The head of the function, or of its gradient. */
static void put_function(Text *text, const External *external, bool is_gradient) {
    ArgumentNames names = {.arena = text->arena};
    const char *dims[EXTERNAL_MAX_DIMS];
    const uint32_t dim_count = external_dims(external, dims);
    text_format(text, "void %s(", is_gradient ? external->gradient : external->name);
    for (uint32_t i = 0; i < dim_count; i++)
        put_argument(text, i == 0, "%s %s", "int64_t", take_name(&names, dims[i]));
    for (uint32_t i = 0; i < external->parameter_count; i++) {
        const ExternalParameter *parameter = &external->parameters[i];
        put_argument(text, dim_count + i == 0,
                     parameter->type.axis_count ? "const %s *%s" : "%s %s",
                     c_type(parameter->type.dtype), take_name(&names, parameter->name));
    }
    const bool first = dim_count + external->parameter_count == 0;
    if (is_gradient)
        put_argument(text, first, "const %s *%s", "float", take_name(&names, "result_gradient"));
    else
        put_argument(text, first, "%s *%s", c_type(external->result.dtype),
                     take_name(&names, "result"));
    for (uint32_t i = 0; is_gradient && i < external_gradient_count(external); i++) {
        const uint32_t which = external_gradient_parameter(external, i);
        put_argument(text, false, "%s *%s", "float",
                     take_name(&names, arena_printf(text->arena, "%s_gradient",
                                                    external->parameters[which].name)));
    }
    text_string(text, ");\n");
}

static void put_external(Text *text, const Spec *spec, const ExternDecl *declaration) {
    const External external = external_of(spec, declaration);
    const char *signature = external_signature(&external, spec->arena);
    text_format(text, "\n/* %s */\n", signature);
    put_function(text, &external, false);
    if (external.gradient)
        put_function(text, &external, true);
    text_format(text,
                "extern const char %s_signature[] __attribute__((weak));\n"
                "const char %s_signature[] =\n    \"%s\";\n",
                external.name, external.name, signature);
}

static const char head[] =
    " Written by scanline: change the spec\n"
    " * instead, and write it anew. The extents of the axes come first, then the arguments: "
    "tensors\n"
    " * row by row in the order of their axes. Results are written entirely. A function is called "
    "for\n"
    " * one image at a time, by several threads, and depends on its arguments alone. The "
    "signatures\n"
    " * say what a library was built for; they are compared with the spec when it is opened. */\n";

/* "CUSTOM_OP" of "custom-op". */
static const char *guard_of(const Spec *spec) {
    char *guard = arena_string(spec->arena, spec->name, strlen(spec->name));
    for (char *at = guard; *at; at++)
        *at = isalnum((unsigned char)*at) ? (char)toupper((unsigned char)*at) : '_';
    return guard;
}

static void put_all(Text *text, const Spec *spec, uint32_t *count) {
    for (uint32_t i = 0; i < spec->file_count; i++)
        for (uint32_t k = 0; k < spec->files[i]->count; k++) {
            const Declaration *declaration = &spec->files[i]->at[k];
            if (declaration->kind != DECLARATION_EXTERN)
                continue;
            put_external(text, spec, &declaration->external);
            ++*count;
        }
}

const char *extern_header(const Spec *spec) {
    const char *guard = guard_of(spec);
    Text text = text_create(spec->arena);
    uint32_t count = 0;
    text_string(&text, "/* The extern functions of ");
    text_printable(&text, spec->name, strlen(spec->name));
    text_string(&text, ".scan.");
    text_string(&text, head);
    text_format(&text, "#ifndef SCANLINE_EXTERN_%s_H\n#define SCANLINE_EXTERN_%s_H\n\n", guard,
                guard);
    text_string(&text, "#include <stdbool.h>\n#include <stdint.h>\n\n"
                       "#ifdef __cplusplus\nextern \"C\" {\n#endif\n"
                       "#pragma GCC visibility push(default)\n");
    put_all(&text, spec, &count);
    text_string(&text, "\n#pragma GCC visibility pop\n#ifdef __cplusplus\n}\n#endif\n\n#endif\n");
    return count ? text_end(&text) : NULL;
}
