/* Recursive descent over characters, one token ahead of nothing: what comes next is always told by
 * the next character. A function of the parser returns false when it has told an error. */
#include "ir/text_parse.h"

#include "ir/names.h"
#include "ir/text_form.h"
#include "ir/verify.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LONGEST_NUMBER = 64, MAX_SPANS = 1 << 16 };

typedef struct Parser {
    Arena *arena;
    const char *start, *end, *at;
    TextError *error;
    Module *module;
    Function *function;   /* the one being read */
    Function **functions; /* all, bodies too */
    uint32_t function_count, function_capacity;
    NameTable *names; /* of functions */
} Parser;

/* --- errors --- */

__attribute__((format(printf, 3, 4))) static bool fail_at(Parser *parser, const char *place,
                                                          const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(parser->error->text, sizeof parser->error->text, format, arguments);
    va_end(arguments);
    parser->error->line = 1;
    const char *line = parser->start;
    for (const char *at = parser->start; at < place; at++) {
        if (*at != '\n')
            continue;
        parser->error->line++;
        line = at + 1;
    }
    parser->error->column = (uint32_t)(place - line) + 1;
    return false;
}

/* --- tokens --- */

static bool more(const Parser *parser) { return parser->at < parser->end; }

static void skip_space(Parser *parser) {
    for (; more(parser); parser->at++) {
        if (*parser->at == '#')
            while (parser->at + 1 < parser->end && parser->at[1] != '\n')
                parser->at++;
        else if (!strchr(" \t\r\n", *parser->at) || !*parser->at)
            return;
    }
}

/* The next character that is not space; '\0' at the end. */
static char peek(Parser *parser) {
    skip_space(parser);
    return more(parser) ? *parser->at : '\0';
}

static bool accept(Parser *parser, char c) {
    if (peek(parser) != c || !more(parser))
        return false;
    parser->at++;
    return true;
}

static bool expect(Parser *parser, char c) {
    return accept(parser, c) || fail_at(parser, parser->at, "expected '%c'", c);
}

/* Takes the word if it comes next. */
static bool accept_word(Parser *parser, const char *word) {
    size_t length = strlen(word);
    skip_space(parser);
    if ((size_t)(parser->end - parser->at) < length || memcmp(parser->at, word, length) != 0)
        return false;
    const char *after = parser->at + length;
    if (after < parser->end && text_is_name_part(*after))
        return false;
    parser->at = after;
    return true;
}

/* One character of a string, after a backslash. */
static bool parse_escape(Parser *parser, char *c) {
    const char *place = parser->at - 1;
    char kind = more(parser) ? *parser->at++ : '\0';
    if (kind == 'n' || kind == '"' || kind == '\\') {
        *c = kind == 'n' ? '\n' : kind;
        return true;
    }
    unsigned value = 0;
    for (int i = 0; i < 2 && kind == 'x'; i++) {
        char digit = more(parser) ? *parser->at++ : '\0';
        if (digit >= '0' && digit <= '9')
            value = value * 16 + (unsigned)(digit - '0');
        else if (digit >= 'a' && digit <= 'f')
            value = value * 16 + (unsigned)(digit - 'a') + 10;
        else
            kind = '\0';
    }
    *c = (char)value;
    return (kind == 'x' && value) || fail_at(parser, place, "unknown escape in a string");
}

static bool parse_string(Parser *parser, const char **string) {
    if (!expect(parser, '"'))
        return false;
    const char *place = parser->at - 1;
    const char *close = parser->at;
    while (close < parser->end && *close != '"' && *close != '\n')
        close += *close == '\\' && close + 1 < parser->end ? 2 : 1;
    if (close >= parser->end || *close != '"')
        return fail_at(parser, place, "the string does not end on its line");
    char *text = arena_alloc(parser->arena, (size_t)(close - parser->at) + 1);
    size_t length = 0;
    while (parser->at < close) {
        char c = *parser->at++;
        if ((unsigned char)c < ' ' || c == 0x7f)
            return fail_at(parser, parser->at - 1, "control character in a string");
        if (c == '\\' && !parse_escape(parser, &c))
            return false;
        text[length++] = c;
    }
    parser->at = close + 1;
    *string = text;
    return true;
}

/* The characters that `is_part` takes; not empty. */
static bool parse_run(Parser *parser, bool (*is_part)(char), const char *what, const char **run) {
    const char *first = parser->at;
    while (more(parser) && is_part(*parser->at))
        parser->at++;
    if (parser->at == first)
        return fail_at(parser, first, "expected %s", what);
    *run = arena_string(parser->arena, first, (size_t)(parser->at - first));
    return true;
}

static bool parse_name(Parser *parser, const char *what, const char **name) {
    char next = peek(parser);
    if (next == '"')
        return parse_string(parser, name);
    if (!text_is_name_start(next))
        return fail_at(parser, parser->at, "expected %s", what);
    return parse_run(parser, text_is_name_part, what, name);
}

static bool is_number_part(char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.' ||
           c == '+' || c == '-';
}

/* Copies the next number's characters, as those of strtod and strtoll. */
static bool parse_digits(Parser *parser, char digits[LONGEST_NUMBER]) {
    skip_space(parser);
    const char *first = parser->at;
    while (more(parser) && is_number_part(*parser->at))
        parser->at++;
    size_t length = (size_t)(parser->at - first);
    if (length == 0 || length >= LONGEST_NUMBER)
        return fail_at(parser, first, "expected a number");
    memcpy(digits, first, length);
    digits[length] = '\0';
    return true;
}

static bool parse_real(Parser *parser, double *value) {
    char digits[LONGEST_NUMBER], *rest;
    skip_space(parser);
    const char *place = parser->at;
    if (!parse_digits(parser, digits))
        return false;
    *value = strtod(digits, &rest);
    return *rest == '\0' || fail_at(parser, place, "%s is not a number", digits);
}

static bool parse_integer(Parser *parser, int64_t least, int64_t most, int64_t *value) {
    char digits[LONGEST_NUMBER], *rest;
    skip_space(parser);
    const char *place = parser->at;
    if (!parse_digits(parser, digits))
        return false;
    errno = 0;
    *value = strtoll(digits, &rest, 10);
    if (*rest != '\0')
        return fail_at(parser, place, "%s is not an integer", digits);
    if (errno || *value < least || *value > most)
        return fail_at(parser, place, "%s is not in %lld to %lld", digits, (long long)least,
                       (long long)most);
    return true;
}

static bool parse_key(Parser *parser, uint64_t *key) {
    char digits[LONGEST_NUMBER], *rest;
    skip_space(parser);
    const char *place = parser->at;
    if (!parse_digits(parser, digits))
        return false;
    errno = 0;
    *key = strtoull(digits, &rest, 16);
    return (digits[0] == '0' && digits[1] == 'x' && *rest == '\0' && !errno) ||
           fail_at(parser, place, "%s is not a key: 0x and up to 16 digits", digits);
}

/* --- parts of a node --- */

/* A list of axes up to the closing bracket; the opening one has been taken. */
static bool parse_axes(Parser *parser, Axes *axes) {
    *axes = (Axes){0};
    if (accept(parser, ']'))
        return true;
    do {
        const char *name;
        skip_space(parser);
        const char *place = parser->at;
        if (!parse_name(parser, "an axis", &name))
            return false;
        AxisId axis = function_find_axis(parser->function, name);
        if (axis == AXIS_NONE)
            return fail_at(parser, place, "there is no axis %s", name);
        if (axes_has(axes, axis))
            return fail_at(parser, place, "axis %s is there twice", name);
        if (axes->count == MAX_AXES)
            return fail_at(parser, place, "more than %d axes", MAX_AXES);
        axes_append(axes, axis);
    } while (accept(parser, ','));
    return expect(parser, ']');
}

/* The number of a node that exists, after its '%'. */
static bool parse_node_id(Parser *parser, NodeId *id) {
    int64_t number;
    skip_space(parser);
    const char *place = parser->at;
    if (!expect(parser, '%') || !parse_integer(parser, 0, NODE_NONE - 1, &number))
        return false;
    if (number >= parser->function->node_count)
        return fail_at(parser, place, "%%%lld does not come before it", (long long)number);
    *id = (NodeId)number;
    return true;
}

/* Whether the next thing is the definition of a node, and not a source: ":" or "=" comes after it.
 */
static bool at_definition(Parser *parser) {
    Parser ahead = *parser;
    TextError unused;
    int64_t id;
    ahead.error = &unused;
    return accept(&ahead, '%') && parse_integer(&ahead, 0, NODE_NONE - 1, &id) &&
           (peek(&ahead) == ':' || peek(&ahead) == '=');
}

static bool parse_sources(Parser *parser, Node *node) {
    uint32_t capacity = 0;
    NodeId *sources = NULL;
    if (peek(parser) != '%' || (op_table[node->op].arity == VARIADIC && at_definition(parser)))
        return true;
    do {
        if (node->source_count == capacity) {
            uint32_t larger = capacity * 2 + 4;
            sources = arena_grow(parser->arena, sources, capacity * sizeof(NodeId),
                                 larger * sizeof(NodeId));
            capacity = larger;
        }
        if (!parse_node_id(parser, &sources[node->source_count]))
            return false;
        node->source_count++;
    } while (accept(parser, ','));
    node->sources = sources;
    return true;
}

static bool parse_span(Parser *parser, Span *span) {
    int64_t line, column;
    bool is_file = peek(parser) == '"'
                       ? parse_string(parser, &span->file)
                       : parse_run(parser, text_is_file_part, "a file", &span->file);
    if (!is_file || !expect(parser, ':') || !parse_integer(parser, 0, UINT32_MAX, &line) ||
        !expect(parser, ':') || !parse_integer(parser, 0, UINT32_MAX, &column))
        return false;
    span->line = (uint32_t)line;
    span->column = (uint32_t)column;
    return true;
}

static bool parse_spans(Parser *parser, const SpanSet **spans) {
    Span *list = NULL;
    uint32_t count = 0, capacity = 0;
    while (accept(parser, '@')) {
        if (count == MAX_SPANS)
            return fail_at(parser, parser->at, "more than %d places", MAX_SPANS);
        if (count == capacity) {
            uint32_t larger = capacity * 2 + 2;
            list = arena_grow(parser->arena, list, count * sizeof(Span), larger * sizeof(Span));
            capacity = larger;
        }
        if (!parse_span(parser, &list[count]))
            return false;
        count++;
    }
    if (!count)
        return true;
    SpanSet *set = arena_alloc(parser->arena, sizeof(SpanSet) + count * sizeof(Span));
    set->count = count;
    memcpy(set->at, list, count * sizeof(Span));
    *spans = set;
    return true;
}

static bool parse_body(Parser *parser, const Function **body) {
    const char *name;
    if (!expect(parser, '@'))
        return false;
    const char *place = parser->at;
    if (!parse_name(parser, "a function's name", &name))
        return false;
    uint32_t found = name_table_find(parser->names, name);
    if (found == NAME_ABSENT)
        return fail_at(parser, place, "there is no function %s before", name);
    *body = parser->functions[found];
    return true;
}

static bool parse_attributes(Parser *parser, OpCode op, Attributes *attributes) {
    const TextForm form = text_form(op);
    if (form.axes && accept(parser, '[') && !parse_axes(parser, &attributes->axes))
        return false;
    if (form.which &&
        !(expect(parser, '[') && parse_integer(parser, 0, INT32_MAX, &attributes->amount) &&
          expect(parser, ']')))
        return false;
    if (form.body && !parse_body(parser, &attributes->body))
        return false;
    if (form.value && !parse_real(parser, &attributes->value))
        return false;
    if (form.name && !parse_string(parser, &attributes->name))
        return false;
    if (form.amount && !accept_word(parser, "by"))
        return fail_at(parser, parser->at, "expected 'by'");
    if (form.amount && !parse_integer(parser, INT64_MIN, INT64_MAX, &attributes->amount))
        return false;
    if (form.key && !accept_word(parser, "key"))
        return fail_at(parser, parser->at, "expected 'key'");
    return !form.key || parse_key(parser, &attributes->key);
}

/* --- nodes --- */

/* The type after a node's number: DTYPE_NONE when there is none. */
static bool parse_type(Parser *parser, Node *node) {
    const char *name;
    node->dtype = DTYPE_NONE;
    if (!accept(parser, ':'))
        return true;
    skip_space(parser);
    const char *place = parser->at;
    if (!parse_name(parser, "an element type", &name))
        return false;
    node->dtype = dtype_by_name(name);
    if (node->dtype == DTYPE_NONE)
        return fail_at(parser, place, "there is no element type %s", name);
    return expect(parser, '[') && parse_axes(parser, &node->axes);
}

/* Adds a node if its type is what the text says it is. */
static bool add_node(Parser *parser, const Node *written, const char *place) {
    Function *function = parser->function;
    Node node = *written;
    const char *fault = graph_check(function, &node);
    if (fault)
        return fail_at(parser, place, "%s", fault);
    if (node.dtype != written->dtype || !axes_equal(&node.axes, &written->axes))
        return fail_at(parser, place, "the result is %s%s, not %s%s", dtype_name(node.dtype),
                       axes_text(parser->arena, function, &node.axes), dtype_name(written->dtype),
                       axes_text(parser->arena, function, &written->axes));
    if ((node.op == OP_PARAM || node.op == OP_INPUT) &&
        function_find_binding(function, node.attributes.name) != NODE_NONE)
        return fail_at(parser, place, "\"%s\" is bound twice", node.attributes.name);
    graph_add(function, node);
    return true;
}

static bool parse_node(Parser *parser) {
    int64_t number;
    const char *name, *place = parser->at;
    Node node = {0};
    if (!expect(parser, '%') || !parse_integer(parser, 0, NODE_NONE - 1, &number))
        return false;
    if (number != parser->function->node_count)
        return fail_at(parser, place, "expected %%%u", parser->function->node_count);
    if (!parse_type(parser, &node) || !expect(parser, '='))
        return false;
    skip_space(parser);
    const char *op_place = parser->at;
    if (!parse_name(parser, "an op", &name))
        return false;
    node.op = op_by_name(name);
    if (node.op == OP_COUNT)
        return fail_at(parser, op_place, "there is no op %s", name);
    if (!parse_attributes(parser, node.op, &node.attributes))
        return false;
    if (op_table[node.op].arity != 0 && !parse_sources(parser, &node))
        return false;
    return parse_spans(parser, &node.spans) && add_node(parser, &node, op_place);
}

/* --- functions --- */

static bool parse_axis_table(Parser *parser) {
    do {
        const char *name;
        int64_t extent;
        skip_space(parser);
        const char *place = parser->at;
        if (!parse_name(parser, "an axis", &name) || !expect(parser, '=') ||
            !parse_integer(parser, 1, MAX_EXTENT, &extent))
            return false;
        if (function_find_axis(parser->function, name) != AXIS_NONE)
            return fail_at(parser, place, "axis %s is there twice", name);
        if (parser->function->axis_count == AXIS_NONE)
            return fail_at(parser, place, "more than %d axes", AXIS_NONE);
        function_axis(parser->function, name, extent);
    } while (accept(parser, ','));
    return true;
}

static bool parse_output(Parser *parser) {
    const char *name, *donated = NULL;
    NodeId node;
    skip_space(parser);
    const char *place = parser->at;
    if (!parse_string(parser, &name) || !expect(parser, '=') || !parse_node_id(parser, &node))
        return false;
    if (accept_word(parser, "donates") && !parse_string(parser, &donated))
        return false;
    if (function_find_output(parser->function, name) != NODE_NONE)
        return fail_at(parser, place, "there are two outputs \"%s\"", name);
    if (graph_node(parser->function, node)->dtype == DTYPE_NONE)
        return fail_at(parser, place, "%%%u has several results", node);
    function_output(parser->function, name, node, donated);
    return true;
}

static bool parse_statement(Parser *parser) {
    if (peek(parser) == '%')
        return parse_node(parser);
    if (accept_word(parser, "axis"))
        return parse_axis_table(parser);
    if (accept_word(parser, "output"))
        return parse_output(parser);
    return fail_at(parser, parser->at, "expected a node, axis, output or '}'");
}

/* Makes what has been read known under its name, which is new. */
static void add_function(Parser *parser, bool is_body) {
    Function *function = parser->function;
    if (parser->function_count == parser->function_capacity) {
        uint32_t larger = parser->function_capacity * 2 + 8;
        parser->functions =
            arena_grow(parser->arena, parser->functions,
                       parser->function_count * sizeof(Function *), larger * sizeof(Function *));
        parser->function_capacity = larger;
    }
    name_table_add(parser->names, function->name, parser->function_count);
    parser->functions[parser->function_count++] = function;
    if (!is_body)
        module_add(parser->module, function);
}

static bool parse_function(Parser *parser) {
    const char *name;
    bool is_body = accept_word(parser, "body");
    if (!is_body && !accept_word(parser, "func"))
        return fail_at(parser, parser->at, "expected func or body");
    skip_space(parser);
    const char *place = parser->at;
    if (!expect(parser, '@') || !parse_name(parser, "a function's name", &name))
        return false;
    if (name_table_find(parser->names, name) != NAME_ABSENT)
        return fail_at(parser, place, "there are two functions %s", name);
    if (!expect(parser, '{'))
        return false;
    parser->function = function_create(parser->arena, name);
    while (!accept(parser, '}'))
        if (!parse_statement(parser))
            return false;
    add_function(parser, is_body);
    return true;
}

Module *text_parse(const char *text, size_t length, Arena *arena, TextError *error) {
    Parser parser = {.arena = arena,
                     .start = text,
                     .end = text + length,
                     .at = text,
                     .error = error,
                     .module = module_create(arena),
                     .names = name_table_create(arena)};
    while (peek(&parser) || more(&parser))
        if (!parse_function(&parser))
            return NULL;
    const char *fault = verify_module(parser.module, arena);
    if (fault) {
        fail_at(&parser, parser.end, "%s", fault);
        return NULL;
    }
    return parser.module;
}
