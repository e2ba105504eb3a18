/* Recursive descent over characters, one token ahead of nothing. */
#include "ir/text_parse.h"

#include "ir/text_external.h"
#include "ir/text_form.h"
#include "ir/text_tokens.h"
#include "ir/verify.h"

#include <string.h>

enum { MAX_SPANS = 1 << 16 };

/* --- parts of a node --- */

/* A list of axes up to the closing bracket; the opening one has been taken. */
static bool parse_axes(TextParser *parser, Axes *axes) {
    *axes = (Axes){0};
    if (token_accept(parser, ']'))
        return true;
    do {
        const char *name;
        token_skip_space(parser);
        const char *place = parser->at;
        if (!token_name(parser, "an axis", &name))
            return false;
        AxisId axis = function_find_axis(parser->function, name);
        if (axis == AXIS_NONE)
            return token_fail(parser, place, "there is no axis %s", name);
        if (axes_has(axes, axis))
            return token_fail(parser, place, "axis %s is there twice", name);
        if (axes->count == MAX_AXES)
            return token_fail(parser, place, "more than %d axes", MAX_AXES);
        axes_append(axes, axis);
    } while (token_accept(parser, ','));
    return token_expect(parser, ']');
}

/* The number of a node that exists, after its '%'. */
static bool parse_node_id(TextParser *parser, NodeId *id) {
    int64_t number;
    token_skip_space(parser);
    const char *place = parser->at;
    if (!token_expect(parser, '%') || !token_integer(parser, 0, NODE_NONE - 1, &number))
        return false;
    if (number >= parser->function->node_count)
        return token_fail(parser, place, "%%%lld does not come before it", (long long)number);
    *id = (NodeId)number;
    return true;
}

/* Whether the next thing is the definition of a node, and not a source: ":" or "=" comes after it.
 */
static bool at_definition(TextParser *parser) {
    TextParser ahead = *parser;
    TextError unused;
    int64_t id;
    ahead.error = &unused;
    return token_accept(&ahead, '%') && token_integer(&ahead, 0, NODE_NONE - 1, &id) &&
           (token_peek(&ahead) == ':' || token_peek(&ahead) == '=');
}

static bool parse_sources(TextParser *parser, Node *node) {
    uint32_t capacity = 0;
    NodeId *sources = NULL;
    if (token_peek(parser) != '%' ||
        (op_table[node->op].arity == VARIADIC && at_definition(parser)))
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
    } while (token_accept(parser, ','));
    node->sources = sources;
    return true;
}

static bool parse_spans(TextParser *parser, const SpanSet **spans) {
    Span *list = NULL;
    uint32_t count = 0, capacity = 0;
    while (token_accept(parser, '@')) {
        if (count == MAX_SPANS)
            return token_fail(parser, parser->at, "more than %d places", MAX_SPANS);
        if (count == capacity) {
            uint32_t larger = capacity * 2 + 2;
            list = arena_grow(parser->arena, list, count * sizeof(Span), larger * sizeof(Span));
            capacity = larger;
        }
        if (!token_span(parser, &list[count]))
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

static bool parse_body(TextParser *parser, const Function **body) {
    const char *name;
    if (!token_expect(parser, '@'))
        return false;
    const char *place = parser->at;
    if (!token_name(parser, "a function's name", &name))
        return false;
    uint32_t found = name_table_find(parser->names, name);
    if (found == NAME_ABSENT)
        return token_fail(parser, place, "there is no function %s before", name);
    *body = parser->functions[found];
    return true;
}

static bool parse_attributes(TextParser *parser, OpCode op, Attributes *attributes) {
    const TextForm form = text_form(op);
    if (form.axes && token_accept(parser, '[') && !parse_axes(parser, &attributes->axes))
        return false;
    if (form.which &&
        !(token_expect(parser, '[') && token_integer(parser, 0, INT32_MAX, &attributes->amount) &&
          token_expect(parser, ']')))
        return false;
    if (form.body && !parse_body(parser, &attributes->body))
        return false;
    if (form.external && !text_parse_external_name(parser, &attributes->external))
        return false;
    if (form.value && !token_real(parser, &attributes->value))
        return false;
    if (form.name && !token_string(parser, &attributes->name))
        return false;
    if (form.amount && !token_accept_word(parser, "by"))
        return token_fail(parser, parser->at, "expected 'by'");
    if (form.amount && !token_integer(parser, INT64_MIN, INT64_MAX, &attributes->amount))
        return false;
    if (form.key && !token_accept_word(parser, "key"))
        return token_fail(parser, parser->at, "expected 'key'");
    return !form.key || token_key(parser, &attributes->key);
}

/* --- nodes --- */

/* The type after a node's number: DTYPE_NONE when there is none. */
static bool parse_type(TextParser *parser, Node *node) {
    const char *name;
    node->dtype = DTYPE_NONE;
    if (!token_accept(parser, ':'))
        return true;
    token_skip_space(parser);
    const char *place = parser->at;
    if (!token_name(parser, "an element type", &name))
        return false;
    node->dtype = dtype_by_name(name);
    if (node->dtype == DTYPE_NONE)
        return token_fail(parser, place, "there is no element type %s", name);
    return token_expect(parser, '[') && parse_axes(parser, &node->axes);
}

/* Adds a node if its type is what the text says it is. */
static bool add_node(TextParser *parser, const Node *written, const char *place) {
    Function *function = parser->function;
    Node node = *written;
    const char *fault = graph_check(function, &node);
    if (fault)
        return token_fail(parser, place, "%s", fault);
    if (node.dtype != written->dtype || !axes_equal(&node.axes, &written->axes))
        return token_fail(parser, place, "the result is %s%s, not %s%s", dtype_name(node.dtype),
                          axes_text(parser->arena, function, &node.axes),
                          dtype_name(written->dtype),
                          axes_text(parser->arena, function, &written->axes));
    if ((node.op == OP_PARAM || node.op == OP_INPUT) &&
        function_find_binding(function, node.attributes.name) != NODE_NONE)
        return token_fail(parser, place, "\"%s\" is bound twice", node.attributes.name);
    graph_add(function, node);
    return true;
}

static bool parse_node(TextParser *parser) {
    int64_t number;
    const char *name, *place = parser->at;
    Node node = {0};
    if (!token_expect(parser, '%') || !token_integer(parser, 0, NODE_NONE - 1, &number))
        return false;
    if (number != parser->function->node_count)
        return token_fail(parser, place, "expected %%%u", parser->function->node_count);
    if (!parse_type(parser, &node) || !token_expect(parser, '='))
        return false;
    token_skip_space(parser);
    const char *op_place = parser->at;
    if (!token_name(parser, "an op", &name))
        return false;
    node.op = op_by_name(name);
    if (node.op == OP_COUNT)
        return token_fail(parser, op_place, "there is no op %s", name);
    if (!parse_attributes(parser, node.op, &node.attributes))
        return false;
    if (op_table[node.op].arity != 0 && !parse_sources(parser, &node))
        return false;
    return parse_spans(parser, &node.spans) && add_node(parser, &node, op_place);
}

/* --- functions --- */

static bool parse_axis_table(TextParser *parser) {
    do {
        const char *name;
        int64_t extent;
        token_skip_space(parser);
        const char *place = parser->at;
        if (!token_name(parser, "an axis", &name) || !token_expect(parser, '=') ||
            !token_integer(parser, 1, MAX_EXTENT, &extent))
            return false;
        if (function_find_axis(parser->function, name) != AXIS_NONE)
            return token_fail(parser, place, "axis %s is there twice", name);
        if (parser->function->axis_count == AXIS_NONE)
            return token_fail(parser, place, "more than %d axes", AXIS_NONE);
        function_axis(parser->function, name, extent);
    } while (token_accept(parser, ','));
    return true;
}

static bool parse_output(TextParser *parser) {
    const char *name, *donated = NULL;
    NodeId node;
    token_skip_space(parser);
    const char *place = parser->at;
    if (!token_string(parser, &name) || !token_expect(parser, '=') || !parse_node_id(parser, &node))
        return false;
    if (token_accept_word(parser, "donates") && !token_string(parser, &donated))
        return false;
    if (function_find_output(parser->function, name) != NODE_NONE)
        return token_fail(parser, place, "there are two outputs \"%s\"", name);
    if (graph_node(parser->function, node)->dtype == DTYPE_NONE)
        return token_fail(parser, place, "%%%u has several results", node);
    function_output(parser->function, name, node, donated);
    return true;
}

static bool parse_statement(TextParser *parser) {
    if (token_peek(parser) == '%')
        return parse_node(parser);
    if (token_accept_word(parser, "axis"))
        return parse_axis_table(parser);
    if (token_accept_word(parser, "output"))
        return parse_output(parser);
    return token_fail(parser, parser->at, "expected a node, axis, output or '}'");
}

/* Makes what has been read known under its name, which is new. */
static void add_function(TextParser *parser, bool is_body) {
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

static bool parse_function(TextParser *parser) {
    const char *name;
    if (token_accept_word(parser, "extern"))
        return text_parse_external(parser);
    bool is_body = token_accept_word(parser, "body");
    if (!is_body && !token_accept_word(parser, "func"))
        return token_fail(parser, parser->at, "expected func, body or extern");
    token_skip_space(parser);
    const char *place = parser->at;
    if (!token_expect(parser, '@') || !token_name(parser, "a function's name", &name))
        return false;
    if (name_table_find(parser->names, name) != NAME_ABSENT)
        return token_fail(parser, place, "there are two functions %s", name);
    if (!token_expect(parser, '{'))
        return false;
    parser->function = function_create(parser->arena, name);
    while (!token_accept(parser, '}'))
        if (!parse_statement(parser))
            return false;
    add_function(parser, is_body);
    return true;
}

Module *text_parse(const char *text, size_t length, Arena *arena, TextError *error) {
    TextParser parser = {.arena = arena,
                         .start = text,
                         .end = text + length,
                         .at = text,
                         .error = error,
                         .module = module_create(arena),
                         .names = name_table_create(arena),
                         .external_names = name_table_create(arena)};
    while (token_peek(&parser) || token_more(&parser))
        if (!parse_function(&parser))
            return NULL;
    const char *fault = verify_module(parser.module, arena);
    if (fault) {
        token_fail(&parser, parser.end, "%s", fault);
        return NULL;
    }
    return parser.module;
}
