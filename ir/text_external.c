#include "ir/text_external.h"

static bool parse_axes(TextParser *parser, ExternalType *type) {
    do {
        token_skip_space(parser);
        if (type->axis_count == MAX_AXES)
            return token_fail(parser, parser->at, "more than %d axes", MAX_AXES);
        if (!token_name(parser, "an axis", &type->axes[type->axis_count]))
            return false;
        type->axis_count++;
    } while (token_accept(parser, ','));
    return token_expect(parser, ']');
}

static bool parse_type(TextParser *parser, ExternalType *type) {
    const char *name;
    token_skip_space(parser);
    const char *place = parser->at;
    if (!token_name(parser, "an element type", &name))
        return false;
    type->dtype = dtype_by_name(name);
    if (type->dtype == DTYPE_NONE)
        return token_fail(parser, place, "there is no element type %s", name);
    return !token_accept(parser, '[') || parse_axes(parser, type);
}

static bool parse_parameters(TextParser *parser, External *external) {
    ExternalParameter *parameters =
        arena_array(parser->arena, EXTERNAL_MAX_PARAMETERS, sizeof *parameters);
    external->parameters = parameters;
    if (!token_expect(parser, '('))
        return false;
    if (token_accept(parser, ')'))
        return true;
    do {
        token_skip_space(parser);
        if (external->parameter_count == EXTERNAL_MAX_PARAMETERS)
            return token_fail(parser, parser->at, "more than %d parameters",
                              EXTERNAL_MAX_PARAMETERS);
        ExternalParameter *parameter = &parameters[external->parameter_count++];
        if (!token_name(parser, "a parameter", &parameter->name) || !token_expect(parser, ':') ||
            !parse_type(parser, &parameter->type))
            return false;
    } while (token_accept(parser, ','));
    return token_expect(parser, ')');
}

static bool parse_signature(TextParser *parser, External *external) {
    if (!token_expect(parser, '=') || !token_string(parser, &external->name) ||
        !parse_parameters(parser, external))
        return false;
    if (!token_expect(parser, '-') || !token_expect(parser, '>') ||
        !parse_type(parser, &external->result))
        return false;
    if (!token_accept_word(parser, "from"))
        return token_fail(parser, parser->at, "expected 'from'");
    if (!token_string(parser, &external->library))
        return false;
    if (token_accept_word(parser, "grad") && !token_string(parser, &external->gradient))
        return false;
    return !token_accept(parser, '@') || token_span(parser, &external->place);
}

bool text_parse_external(TextParser *parser) {
    const char *name;
    External *external = arena_alloc(parser->arena, sizeof *external);
    token_skip_space(parser);
    const char *place = parser->at;
    if (!token_expect(parser, '@') || !token_name(parser, "a function's name", &name) ||
        !parse_signature(parser, external))
        return false;
    const char *fault = external_check(external, parser->arena);
    if (fault)
        return token_fail(parser, place, "%s: %s", name, fault);
    if (!name_table_add(parser->external_names, name, parser->external_count))
        return token_fail(parser, place, "there are two external functions %s", name);
    if (parser->external_count == parser->external_capacity) {
        const uint32_t larger = parser->external_capacity * 2 + 4;
        parser->externals =
            arena_grow(parser->arena, parser->externals,
                       parser->external_count * sizeof(External *), larger * sizeof(External *));
        parser->external_capacity = larger;
    }
    parser->externals[parser->external_count++] = external;
    return true;
}

bool text_parse_external_name(TextParser *parser, const External **external) {
    const char *name;
    if (!token_expect(parser, '@'))
        return false;
    const char *place = parser->at;
    if (!token_name(parser, "an external function's name", &name))
        return false;
    const uint32_t found = name_table_find(parser->external_names, name);
    if (found == NAME_ABSENT)
        return token_fail(parser, place, "there is no external function %s before", name);
    *external = parser->externals[found];
    return true;
}
