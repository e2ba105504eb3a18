/* Declarations, by recursive descent. */
#include "frontend/parser.h"

#include "frontend/parse.h"
#include "frontend/suggest.h"

#include <string.h>

enum { MOST_PARAMETERS = 64 };

/* --- lists of formal parameters --- */

static bool check_parameter(Parser *parser, const FormalParameter *parameters, uint32_t count,
                            Name name) {
    if (count >= MOST_PARAMETERS) {
        diagnostics_error(parser->diagnostics, "too-many", name.span,
                          "there are more than %d parameters", MOST_PARAMETERS);
        return false;
    }
    for (uint32_t i = 0; i < count; i++) {
        if (strcmp(parameters[i].name.text, name.text))
            continue;
        Diagnostic *d = diagnostics_error(parser->diagnostics, "duplicate-name", name.span,
                                          "there are two parameters called '%s'", name.text);
        diagnostic_related(d, parameters[i].name.span, "the first");
    }
    return true;
}

static bool parse_parameter(Parser *parser, FormalParameter *parameter) {
    uint32_t start = parser->token.offset;
    *parameter = (FormalParameter){0};
    if (!parser_name(parser, "a parameter", &parameter->name) ||
        !parse_axes(parser, &parameter->axes))
        return false;
    if (parser_accept(parser, TOKEN_ASSIGN) && !(parameter->fallback = parse_plain(parser)))
        return false;
    parameter->span = parser_span_from(parser, start);
    return true;
}

static bool expect_paren(Parser *parser, Token open) {
    if (parser_accept(parser, TOKEN_RIGHT_PAREN))
        return true;
    Diagnostic *d = parser_unexpected(parser, "',' or ')'");
    diagnostic_related(d, parser_token_span(parser, open), "opened here");
    return false;
}

static bool parse_parameters(Parser *parser, FormalParameter **parameters, uint32_t *count) {
    Vector list = {0};
    Token open = parser->token;
    if (!parser_expect(parser, TOKEN_LEFT_PAREN, NULL))
        return false;
    while (!parser_at(parser, TOKEN_RIGHT_PAREN)) {
        FormalParameter parameter;
        if (!parse_parameter(parser, &parameter) ||
            !check_parameter(parser, list.items, list.count, parameter.name))
            return false;
        *(FormalParameter *)vector_add(&list, parser->arena, sizeof parameter) = parameter;
        if (!parser_accept(parser, TOKEN_COMMA))
            break;
    }
    *parameters = list.items;
    *count = list.count;
    return expect_paren(parser, open);
}

/* --- declarations; each is called after the word that begins it --- */

static bool parse_use(Parser *parser, Declaration *declaration) {
    if (!parser_at(parser, TOKEN_STRING)) {
        Diagnostic *d = parser_unexpected(parser, "the name of a file");
        diagnostic_hint(d, "use \"igpt.scan\"");
        return false;
    }
    Token token = parser_take(parser);
    declaration->use = (Name){token.text, parser_token_span(parser, token)};
    return true;
}

static bool parse_values(Parser *parser, Declaration *declaration) {
    bool dim = declaration->kind == DECLARATION_DIM;
    Vector list = {0};
    do {
        uint32_t start = parser->token.offset;
        ValueDecl value = {0};
        if (!parser_name(parser, dim ? "the name of a dim" : "the name of a const", &value.name))
            return false;
        if (parser_accept(parser, TOKEN_ASSIGN)) {
            if (!(value.value = parse_plain(parser)))
                return false;
        } else if (!dim) {
            Diagnostic *d = parser_unexpected(parser, "'='");
            diagnostic_hint(d, "a const has a value: const %s = 0.5", value.name.text);
            return false;
        }
        value.span = parser_span_from(parser, start);
        *(ValueDecl *)vector_add(&list, parser->arena, sizeof value) = value;
    } while (parser_accept(parser, TOKEN_COMMA));
    declaration->values.at = list.items;
    declaration->values.count = list.count;
    return true;
}

static bool parse_input(Parser *parser, Declaration *declaration) {
    InputDecl *input = &declaration->input;
    Name dtype;
    if (!parser_name(parser, "the name of an input", &input->name) ||
        !parser_expect(parser, TOKEN_COLON, NULL) || !parser_name(parser, "'int'", &dtype))
        return false;
    if (strcmp(dtype.text, "int")) {
        Diagnostic *d = diagnostics_error(parser->diagnostics, "input-type", dtype.span,
                                          "an input is 'int', not '%s'", dtype.text);
        diagnostic_hint(d, "input %s: int[n] < v", input->name.text);
        return false;
    }
    if (!parse_axes(parser, &input->axes))
        return false;
    if (!parser_accept(parser, TOKEN_LESS)) {
        Diagnostic *d = parser_unexpected(parser, "'<'");
        diagnostic_hint(d, "an input says what its values are below: < v");
        return false;
    }
    input->limit = parse_plain(parser);
    return input->limit;
}

/* param a[d] = 1, b[d] = 0: a declaration for each initialiser; the last is `declaration`. */
static bool parse_param_declaration(Parser *parser, Declaration *declaration) {
    bool more;
    while (parse_param(parser, &declaration->param, &more)) {
        if (!more)
            return true;
        declaration->span = declaration->param.span;
        *(Declaration *)vector_add(&parser->declarations, parser->arena, sizeof *declaration) =
            *declaration;
    }
    return false;
}

static bool parse_function(Parser *parser, Declaration *declaration) {
    FunctionDecl *function = &declaration->function;
    bool sound = parser_name(parser, "the name of a function", &function->name) &&
                 parse_parameters(parser, &function->parameters, &function->parameter_count);
    if (sound && parser_accept(parser, TOKEN_ASSIGN)) {
        function->value = parse_plain(parser);
        return function->value;
    }
    if (sound && !parser_at(parser, TOKEN_LEFT_BRACE)) {
        parser_unexpected(parser, "'=' or '{'");
        sound = false;
    }
    if (!sound && !parser_skip_to_body(parser))
        return false;
    function->body = parse_block(parser);
    return sound;
}

static bool parse_model(Parser *parser, Declaration *declaration) {
    declaration->function.model = true;
    return parse_function(parser, declaration);
}

static bool accept_word(Parser *parser, const char *word) {
    bool there = parser_at(parser, TOKEN_NAME) && !strcmp(parser->token.text, word);
    if (there)
        parser_take(parser);
    return there;
}

static bool parse_parents(Parser *parser, NameList *parents) {
    Vector list = {0};
    do {
        Name parent;
        if (!parser_dotted(parser, "the name of an objective", &parent))
            return false;
        *(Name *)vector_add(&list, parser->arena, sizeof parent) = parent;
    } while (parser_accept(parser, TOKEN_COMMA));
    *parents = (NameList){list.items, list.count};
    return true;
}

static bool parse_objective(Parser *parser, Declaration *declaration) {
    ObjectiveDecl *objective = &declaration->objective;
    bool sound = parser_name(parser, "the name of an objective", &objective->name) &&
                 (!accept_word(parser, "extends") || parse_parents(parser, &objective->parents));
    if (sound && !parser_at(parser, TOKEN_LEFT_BRACE)) {
        parser_unexpected(parser, objective->parents.count ? "'{'" : "'extends' or '{'");
        sound = false;
    }
    if (!sound && !parser_skip_to_body(parser))
        return false;
    objective->body = parse_block(parser);
    return sound;
}

static bool parse_update(Parser *parser, Declaration *declaration) {
    UpdateDecl *update = &declaration->update;
    bool sound = parser_name(parser, "the name of an update rule", &update->name) &&
                 parse_parameters(parser, &update->parameters, &update->parameter_count);
    if (sound && !parser_at(parser, TOKEN_LEFT_BRACE)) {
        parser_unexpected(parser, "'{'");
        sound = false;
    }
    if (!sound && !parser_skip_to_body(parser))
        return false;
    update->body = parse_block(parser);
    return sound;
}

static bool parse_extern_type(Parser *parser, ExternParameter *parameter) {
    return parser_name(parser, "f32, i32 or bool", &parameter->dtype) &&
           parse_axes(parser, &parameter->axes);
}

static bool parse_extern_parameters(Parser *parser, ExternDecl *external) {
    Vector list = {0};
    Token open = parser->token;
    if (!parser_expect(parser, TOKEN_LEFT_PAREN, NULL))
        return false;
    while (!parser_at(parser, TOKEN_RIGHT_PAREN)) {
        ExternParameter parameter = {0};
        if (!parser_name(parser, "a parameter", &parameter.name) ||
            !parser_expect(parser, TOKEN_COLON, NULL) || !parse_extern_type(parser, &parameter))
            return false;
        if (list.count >= MOST_PARAMETERS) {
            diagnostics_error(parser->diagnostics, "too-many", parameter.name.span,
                              "there are more than %d parameters", MOST_PARAMETERS);
            return false;
        }
        *(ExternParameter *)vector_add(&list, parser->arena, sizeof parameter) = parameter;
        if (!parser_accept(parser, TOKEN_COMMA))
            break;
    }
    external->parameters = list.items;
    external->parameter_count = list.count;
    return expect_paren(parser, open);
}

static bool parse_extern(Parser *parser, Declaration *declaration) {
    ExternDecl *external = &declaration->external;
    if (!accept_word(parser, "fn")) {
        parser_unexpected(parser, "'fn'");
        return false;
    }
    if (!parser_name(parser, "the name of a function", &external->name) ||
        !parse_extern_parameters(parser, external) || !parser_expect(parser, TOKEN_ARROW, NULL) ||
        !parse_extern_type(parser, &external->result))
        return false;
    if (!accept_word(parser, "from")) {
        Diagnostic *d = parser_unexpected(parser, "'from'");
        diagnostic_hint(d, "an extern function says which library it is in: from \"libblur.so\"");
        return false;
    }
    if (!parser_at(parser, TOKEN_STRING)) {
        parser_unexpected(parser, "the name of a library");
        return false;
    }
    Token library = parser_take(parser);
    external->library = (Name){library.text, parser_token_span(parser, library)};
    return !accept_word(parser, "grad") ||
           parser_name(parser, "the function that gives the gradient", &external->gradient);
}

static bool parse_entry(Parser *parser, SettingEntry *entry) {
    if (!parser_dotted(parser, "a setting", &entry->key) ||
        !parser_expect(parser, TOKEN_ASSIGN, NULL))
        return false;
    entry->value = parse_value(parser);
    if (!entry->value)
        return false;
    if (parser_at(parser, TOKEN_NEWLINE) || parser_at(parser, TOKEN_RIGHT_BRACE) ||
        parser_at(parser, TOKEN_END))
        return true;
    parser_unexpected(parser, "';' or the end of the line");
    return false;
}

static bool parse_section(Parser *parser, Declaration *declaration) {
    Token open = parser->token;
    Vector entries = {0};
    if (!parser_expect(parser, TOKEN_LEFT_BRACE, NULL))
        return false;
    while (!parse_at_close(parser, open)) {
        SettingEntry entry;
        if (parse_entry(parser, &entry))
            *(SettingEntry *)vector_add(&entries, parser->arena, sizeof entry) = entry;
        else
            parser_skip_statement(parser);
    }
    parse_close(parser, open);
    declaration->section.entries = entries.items;
    declaration->section.entry_count = entries.count;
    return true;
}

/* --- the file --- */

typedef bool (*DeclarationParser)(Parser *parser, Declaration *declaration);

typedef struct DeclarationRule {
    const char *head;
    DeclarationKind kind;
    DeclarationParser parse;
} DeclarationRule;

static const DeclarationRule declaration_rules[] = {
    {"use", DECLARATION_USE, parse_use},
    {"dim", DECLARATION_DIM, parse_values},
    {"const", DECLARATION_CONST, parse_values},
    {"input", DECLARATION_INPUT, parse_input},
    {"param", DECLARATION_PARAM, parse_param_declaration},
    {"fn", DECLARATION_FUNCTION, parse_function},
    {"model", DECLARATION_FUNCTION, parse_model},
    {"extern", DECLARATION_EXTERN, parse_extern},
    {"objective", DECLARATION_OBJECTIVE, parse_objective},
    {"update", DECLARATION_UPDATE, parse_update},
    {"data", DECLARATION_SECTION, parse_section},
    {"train", DECLARATION_SECTION, parse_section},
    {"probe", DECLARATION_SECTION, parse_section},
    {"sample", DECLARATION_SECTION, parse_section},
    {"sweep", DECLARATION_SECTION, parse_section},
};

enum { RULE_COUNT = sizeof declaration_rules / sizeof *declaration_rules };

/* The rule for the token, or NULL after reporting that none begins so. */
static const DeclarationRule *declaration_rule(Parser *parser) {
    const char *head = parser_at(parser, TOKEN_PARAM)  ? "param"
                       : parser_at(parser, TOKEN_NAME) ? parser->token.text
                                                       : NULL;
    if (!head) {
        if (parser_at(parser, TOKEN_RIGHT_BRACE))
            diagnostics_error(parser->diagnostics, "stray-brace",
                              parser_token_span(parser, parser->token), "this '}' closes nothing");
        else
            parser_unexpected(parser, "a declaration");
        return NULL;
    }
    Suggestion nearest = suggestion_begin(head);
    for (size_t i = 0; i < RULE_COUNT; i++) {
        if (!strcmp(declaration_rules[i].head, head))
            return &declaration_rules[i];
        suggestion_offer(&nearest, declaration_rules[i].head);
    }
    Diagnostic *d = diagnostics_error(parser->diagnostics, "unknown-declaration",
                                      parser_token_span(parser, parser->token),
                                      "no declaration begins with '%s'", head);
    diagnostic_suggest(d, suggestion_end(&nearest));
    return NULL;
}

static void declaration_set_span(Declaration *declaration, SourceSpan span) {
    declaration->span = span;
    switch (declaration->kind) {
    case DECLARATION_INPUT:
        declaration->input.span = span;
        break;
    case DECLARATION_FUNCTION:
        declaration->function.span = span;
        break;
    case DECLARATION_EXTERN:
        declaration->external.span = span;
        break;
    case DECLARATION_OBJECTIVE:
        declaration->objective.span = span;
        break;
    case DECLARATION_UPDATE:
        declaration->update.span = span;
        break;
    case DECLARATION_SECTION:
        declaration->section.span = span;
        break;
    case DECLARATION_USE:
    case DECLARATION_DIM:
    case DECLARATION_CONST:
    case DECLARATION_PARAM:
        break;
    }
}

/* After a declaration: the line ends. After an error: it is skipped, and a '}' that ends it too. */
static bool finish_declaration(Parser *parser, bool sound) {
    if (sound && !parser_at(parser, TOKEN_NEWLINE) && !parser_at(parser, TOKEN_END)) {
        if (parser_at(parser, TOKEN_RIGHT_BRACE))
            return true; /* reported as a stray one next */
        parser_unexpected(parser, "the end of the declaration");
        sound = false;
    }
    if (!sound) {
        parser_skip_statement(parser);
        parser_accept(parser, TOKEN_RIGHT_BRACE);
    }
    return sound;
}

static void parse_declaration(Parser *parser) {
    const DeclarationRule *rule = declaration_rule(parser);
    if (!rule) {
        finish_declaration(parser, false);
        return;
    }
    uint32_t start = parser->token.offset;
    Declaration declaration = {.kind = rule->kind};
    Token head = parser_take(parser);
    if (rule->kind == DECLARATION_SECTION)
        declaration.section.kind = (Name){rule->head, parser_token_span(parser, head)};
    bool sound = rule->parse(parser, &declaration);
    declaration_set_span(&declaration, parser_span_from(parser, start));
    if (parser->to_declaration)
        parser->to_declaration = false; /* the token begins the next one, or is the end */
    else
        sound = finish_declaration(parser, sound);
    if (sound)
        *(Declaration *)vector_add(&parser->declarations, parser->arena, sizeof declaration) =
            declaration;
}

SyntaxFile *parse_file(Arena *arena, const Source *source, Diagnostics *diagnostics) {
    Parser parser = parser_create(arena, source, 0, diagnostics);
    for (parser_skip_newlines(&parser); !parser_at(&parser, TOKEN_END);
         parser_skip_newlines(&parser))
        parse_declaration(&parser);
    SyntaxFile *file = arena_alloc(arena, sizeof *file);
    *file = (SyntaxFile){source, parser.declarations.items, parser.declarations.count};
    return file;
}

const Expr *parse_expression(Arena *arena, const Source *source, uint32_t offset,
                             Diagnostics *diagnostics) {
    Parser parser = parser_create(arena, source, offset, diagnostics);
    const Expr *expr = parse_value(&parser);
    parser_skip_newlines(&parser);
    if (expr && !parser_at(&parser, TOKEN_END)) {
        parser_unexpected(&parser, "the end of the value");
        return NULL;
    }
    return expr;
}
