/* The parser's hold on the tokens: taking, expecting, and finding a place to go on after an error.
 */
#include "frontend/parse.h"

#include <string.h>

Parser parser_create(Arena *arena, const Source *source, uint32_t offset,
                     Diagnostics *diagnostics) {
    Parser parser = {.arena = arena, .diagnostics = diagnostics, .end = offset};
    parser.lexer = lexer_create(arena, source, diagnostics);
    if (parser.lexer.at < offset)
        parser.lexer.at = offset;
    parser.token = lexer_next(&parser.lexer);
    parser.next = lexer_next(&parser.lexer);
    return parser;
}

Token parser_take(Parser *parser) {
    Token taken = parser->token;
    if (taken.kind != TOKEN_NEWLINE)
        parser->end = taken.offset + taken.length;
    parser->token = parser->next;
    parser->next = lexer_next(&parser->lexer);
    return taken;
}

bool parser_at(const Parser *parser, TokenKind kind) { return parser->token.kind == kind; }

bool parser_accept(Parser *parser, TokenKind kind) {
    bool there = parser_at(parser, kind);
    if (there)
        parser_take(parser);
    return there;
}

SourceSpan parser_token_span(const Parser *parser, Token token) {
    return (SourceSpan){parser->lexer.source->index, token.offset, token.length};
}

SourceSpan parser_span_from(const Parser *parser, uint32_t start) {
    return (SourceSpan){parser->lexer.source->index, start,
                        parser->end > start ? parser->end - start : 0};
}

SourceSpan parser_end_span(const Parser *parser) {
    return (SourceSpan){parser->lexer.source->index, parser->end, 0};
}

Diagnostic *parser_unexpected(Parser *parser, const char *what) {
    const Token *token = &parser->token;
    SourceSpan span = parser_token_span(parser, *token);
    bool semicolon =
        token->kind == TOKEN_NEWLINE && parser->lexer.source->text[token->offset] == ';';
    if (semicolon)
        return diagnostics_error(parser->diagnostics, "syntax", span, "expected %s, not ';'", what);
    if (token->kind == TOKEN_NEWLINE || token->kind == TOKEN_END)
        span = parser_end_span(parser);
    if (token->kind == TOKEN_NAME)
        return diagnostics_error(parser->diagnostics, "syntax", span, "expected %s, not '%s'", what,
                                 token->text);
    Diagnostic *d = diagnostics_error(parser->diagnostics, "syntax", span, "expected %s, not %s",
                                      what, token_kind_text(token->kind));
    if (token_is_word(token->kind) && token->kind != TOKEN_AS)
        diagnostic_label(d, "%s is a word of the language", token_kind_text(token->kind));
    return d;
}

bool parser_expect(Parser *parser, TokenKind kind, const char *what) {
    if (parser_accept(parser, kind))
        return true;
    parser_unexpected(parser, what ? what : token_kind_text(kind));
    return false;
}

bool parser_dotted(Parser *parser, const char *what, Name *name) {
    if (!parser_at(parser, TOKEN_NAME)) {
        parser_unexpected(parser, what);
        return false;
    }
    Token token = parser_take(parser);
    *name = (Name){token.text, parser_token_span(parser, token)};
    return true;
}

bool parser_name(Parser *parser, const char *what, Name *name) {
    if (!parser_dotted(parser, what, name))
        return false;
    if (!strchr(name->text, '.'))
        return true;
    diagnostics_error(parser->diagnostics, "syntax", name->span, "expected %s, not '%s'", what,
                      name->text);
    return false;
}

void parser_skip_newlines(Parser *parser) {
    while (parser_accept(parser, TOKEN_NEWLINE))
        continue;
}

bool parser_enter(Parser *parser) {
    if (parser->depth++ < SYNTAX_MAX_DEPTH)
        return true;
    diagnostics_error(parser->diagnostics, "too-deep", parser_token_span(parser, parser->token),
                      "this is nested more than %d levels deep", SYNTAX_MAX_DEPTH);
    return false;
}

void parser_leave(Parser *parser) { parser->depth--; }

/* Line breaks count again, though parentheses were left open. The token after next has been read by
 * the old rule, so at most one line break is missed. */
static void parser_forget_parentheses(Parser *parser) { parser->lexer.depth = 0; }

void parser_skip_statement(Parser *parser) {
    parser_forget_parentheses(parser);
    uint64_t braces = 0;
    for (;; parser_take(parser)) {
        TokenKind kind = parser->token.kind;
        if (kind == TOKEN_END || (!braces && (kind == TOKEN_NEWLINE || kind == TOKEN_RIGHT_BRACE)))
            return;
        if (kind == TOKEN_LEFT_PAREN || kind == TOKEN_LEFT_BRACKET)
            parser_forget_parentheses(parser);
        braces += kind == TOKEN_LEFT_BRACE;
        braces -= kind == TOKEN_RIGHT_BRACE;
    }
}

bool parser_skip_to_body(Parser *parser) {
    parser_forget_parentheses(parser);
    for (;; parser_take(parser)) {
        TokenKind kind = parser->token.kind;
        if (kind == TOKEN_LEFT_BRACE)
            return true;
        if (kind == TOKEN_END || kind == TOKEN_NEWLINE || kind == TOKEN_RIGHT_BRACE)
            return false;
    }
}

bool parser_at_declaration(const Parser *parser) {
    static const char *const heads[] = {"fn",    "model", "objective", "update", "extern",
                                        "dim",   "const", "input",     "use",    "data",
                                        "train", "probe", "sample",    "sweep"};
    if (!parser_at(parser, TOKEN_NAME))
        return false;
    TokenKind next = parser->next.kind;
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++)
        if (!strcmp(parser->token.text, heads[i]))
            return next == TOKEN_NAME || next == TOKEN_STRING || next == TOKEN_LEFT_BRACE;
    return false;
}
