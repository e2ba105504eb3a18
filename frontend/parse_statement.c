/* What stands in the bodies of fn, model, objective and update. */
#include "frontend/parse.h"

#include <string.h>

static void parse_statement(Parser *parser, Vector *statements);

/* --- blocks --- */

static void report_missing_brace(Parser *parser, Token open, const char *before) {
    SourceSpan here = parser_at(parser, TOKEN_END) ? parser_end_span(parser)
                                                   : parser_token_span(parser, parser->token);
    Diagnostic *d = diagnostics_error(parser->diagnostics, "unclosed-brace", here,
                                      "a '}' is missing before %s", before);
    diagnostic_related(d, parser_token_span(parser, open), "this '{' is not closed");
    parser->to_declaration = true;
}

bool parse_at_close(Parser *parser, Token open) {
    parser_skip_newlines(parser);
    if (parser->to_declaration || parser_at(parser, TOKEN_RIGHT_BRACE))
        return true;
    if (parser_at(parser, TOKEN_END)) {
        report_missing_brace(parser, open, "the end of the file");
        return true;
    }
    if (parser_at_declaration(parser)) {
        report_missing_brace(parser, open, "this declaration");
        return true;
    }
    return false;
}

void parse_close(Parser *parser, Token open) {
    if (parse_at_close(parser, open) && !parser->to_declaration)
        parser_take(parser);
}

Block parse_block(Parser *parser) {
    Token open = parser->token;
    Vector statements = {0};
    if (!parser_expect(parser, TOKEN_LEFT_BRACE, NULL))
        return (Block){0};
    if (parser_enter(parser)) {
        while (!parse_at_close(parser, open))
            parse_statement(parser, &statements);
        parse_close(parser, open);
    } else {
        while (!parser_at(parser, TOKEN_END)) /* far too deep to make sense of what follows */
            parser_take(parser);
        parser->to_declaration = true;
    }
    parser_leave(parser);
    return (Block){statements.items, statements.count};
}

/* --- statements --- */

static bool parse_tensor_name(Parser *parser, TensorName *tensor) {
    uint32_t start = parser->token.offset;
    *tensor = (TensorName){0};
    if (!parser_name(parser, "the name of a parameter", &tensor->name) ||
        !parse_axes(parser, &tensor->axes))
        return false;
    tensor->span = parser_span_from(parser, start);
    return true;
}

bool parse_param(Parser *parser, ParamDecl *param, bool *more) {
    uint32_t start = parser->token.offset;
    Vector tensors = {0};
    *more = false;
    do {
        TensorName tensor;
        if (!parse_tensor_name(parser, &tensor))
            return false;
        *(TensorName *)vector_add(&tensors, parser->arena, sizeof tensor) = tensor;
    } while (parser_accept(parser, TOKEN_COMMA));
    param->tensors = tensors.items;
    param->tensor_count = tensors.count;
    param->drawn = parser_accept(parser, TOKEN_TILDE);
    if (!param->drawn && !parser_accept(parser, TOKEN_ASSIGN)) {
        Diagnostic *d = parser_unexpected(parser, "',', '~' or '='");
        diagnostic_hint(d, "a parameter says how it begins: ~ normal(0.02), or = 0");
        return false;
    }
    param->init = parse_plain(parser);
    param->span = parser_span_from(parser, start);
    *more = param->init && parser_accept(parser, TOKEN_COMMA);
    return param->init;
}

/* param a[d] = 1, b[d] = 0: a statement for each initialiser; the last is `statement`. */
static bool parse_params(Parser *parser, Statement *statement, Vector *statements) {
    bool more;
    while (parse_param(parser, &statement->param, &more)) {
        if (!more)
            return true;
        statement->span = statement->param.span;
        *(Statement *)vector_add(statements, parser->arena, sizeof *statement) = *statement;
    }
    return false;
}

static bool parse_state(Parser *parser, Statement *statement) {
    Vector variables = {0};
    do {
        StateVariable variable;
        if (!parser_name(parser, "the name of a state", &variable.name) ||
            !parser_expect(parser, TOKEN_ASSIGN, NULL))
            return false;
        variable.init = parse_plain(parser);
        if (!variable.init)
            return false;
        *(StateVariable *)vector_add(&variables, parser->arena, sizeof variable) = variable;
    } while (parser_accept(parser, TOKEN_COMMA));
    statement->state.at = variables.items;
    statement->state.count = variables.count;
    return true;
}

/* The body is read even when the head is faulty. */
static bool parse_repeat(Parser *parser, Statement *statement) {
    bool sound = parser_name(parser, "the dim to repeat over", &statement->repeat.dim);
    statement->repeat.step = statement->repeat.dim;
    if (sound && parser_accept(parser, TOKEN_AS))
        sound = parser_name(parser, "a name for the rounds", &statement->repeat.step);
    if (sound && !parser_at(parser, TOKEN_LEFT_BRACE)) {
        parser_unexpected(parser, "'{'");
        sound = false;
    }
    if (!sound && !parser_skip_to_body(parser))
        return false;
    statement->repeat.body = parse_block(parser);
    return sound;
}

/* [name] = value, after the word that begins the statement. */
static bool parse_assign(Parser *parser, Statement *statement, const char *what) {
    if (!parser_name(parser, what, &statement->assign.name))
        return false;
    if (!parser_accept(parser, TOKEN_ASSIGN)) {
        Diagnostic *d = parser_unexpected(parser, "'='");
        if (statement->kind == STATEMENT_ASSIGN)
            diagnostic_hint(d, "a statement gives a value a name: x = norm(x)");
        return false;
    }
    statement->assign.value = parse_plain(parser);
    return statement->assign.value;
}

static bool parse_statement_of(Parser *parser, Statement *statement, Vector *statements) {
    TokenKind kind = parser->token.kind;
    switch (kind) {
    case TOKEN_TAP:
    case TOKEN_OUTPUT:
    case TOKEN_METRIC:
        statement->kind = kind == TOKEN_TAP      ? STATEMENT_TAP
                          : kind == TOKEN_OUTPUT ? STATEMENT_OUTPUT
                                                 : STATEMENT_METRIC;
        parser_take(parser);
        return parse_assign(parser, statement, "a name");
    case TOKEN_RETURN:
        statement->kind = STATEMENT_RETURN;
        parser_take(parser);
        statement->assign.value = parse_plain(parser);
        return statement->assign.value;
    case TOKEN_PARAM:
        statement->kind = STATEMENT_PARAM;
        parser_take(parser);
        return parse_params(parser, statement, statements);
    case TOKEN_STATE:
        statement->kind = STATEMENT_STATE;
        parser_take(parser);
        return parse_state(parser, statement);
    case TOKEN_REPEAT:
        statement->kind = STATEMENT_REPEAT;
        parser_take(parser);
        return parse_repeat(parser, statement);
    default:
        statement->kind = parser_at(parser, TOKEN_NAME) && !strcmp(parser->token.text, "loss")
                              ? STATEMENT_LOSS
                              : STATEMENT_ASSIGN;
        return parse_assign(parser, statement, "a statement");
    }
}

static void parse_statement(Parser *parser, Vector *statements) {
    uint32_t start = parser->token.offset;
    Statement statement = {0};
    bool sound = parse_statement_of(parser, &statement, statements);
    if (parser->to_declaration)
        return;
    if (sound && !parser_at(parser, TOKEN_NEWLINE) && !parser_at(parser, TOKEN_RIGHT_BRACE) &&
        !parser_at(parser, TOKEN_END)) {
        parser_unexpected(parser, "the end of the statement");
        sound = false;
    }
    if (!sound) {
        parser_skip_statement(parser);
        return;
    }
    statement.span = parser_span_from(parser, start);
    *(Statement *)vector_add(statements, parser->arena, sizeof statement) = statement;
}
