/* What the parts of the parser share. Private to parse_*.c and parser.c.
 *
 * Functions that read something return NULL or false after reporting an error; the caller hands
 * that on up to the statement or declaration, which skips to its end and goes on with the next. */
#ifndef SCANLINE_FRONTEND_PARSE_H
#define SCANLINE_FRONTEND_PARSE_H

#include "frontend/lexer.h"
#include "frontend/parser.h"
#include "frontend/vector.h"

typedef struct Parser {
    Arena *arena;
    Diagnostics *diagnostics;
    Lexer lexer;
    Token token, next;   /* where the parser is, and one more */
    uint32_t end;        /* of the last token taken that is no line break */
    uint32_t depth;      /* of nesting */
    bool to_declaration; /* a missing '}' was reported: leave all blocks */
    Vector declarations; /* Declaration */
} Parser;

Parser parser_create(Arena *arena, const Source *source, uint32_t offset, Diagnostics *diagnostics);

/* --- tokens --- */

Token parser_take(Parser *parser);
bool parser_at(const Parser *parser, TokenKind kind);
bool parser_accept(Parser *parser, TokenKind kind); /* takes it if it is there */
/* Takes it, or reports that it was expected: "expected ',' or ')' ..." with `what` in place of the
 * kind where that is not NULL. */
bool parser_expect(Parser *parser, TokenKind kind, const char *what);
/* Reports "expected WHAT, not TOKEN". */
Diagnostic *parser_unexpected(Parser *parser, const char *what);
bool parser_name(Parser *parser, const char *what, Name *name);   /* without dots */
bool parser_dotted(Parser *parser, const char *what, Name *name); /* a.b too */
void parser_skip_newlines(Parser *parser);

SourceSpan parser_token_span(const Parser *parser, Token token);
SourceSpan parser_span_from(const Parser *parser,
                            uint32_t start); /* to the end of the last token taken */

SourceSpan parser_end_span(const Parser *parser); /* the place behind that token */

/* One level deeper; false after reporting that it is too deep. parser_leave undoes it in any case.
 */
bool parser_enter(Parser *parser);
void parser_leave(Parser *parser);

/* --- after an error --- */

/* Skips to the end of the statement: before a line break, a '}' or the end. Braces are skipped in
 * pairs. */
void parser_skip_statement(Parser *parser);
/* Skips to a '{' in this line, so that the body is read in spite of a faulty head. */
bool parser_skip_to_body(Parser *parser);

/* --- the grammar --- */

const Expr *parse_value(Parser *parser); /* an expression, or a range 1..3 */
const Expr *parse_plain(Parser *parser); /* an expression */
bool parse_arguments(Parser *parser, TokenKind close, Argument **arguments, uint32_t *count);
bool parse_axes(Parser *parser, NameList *axes); /* [n, d]; none is fine */

/* a[d], b[d] ~ init, after `param` or the ',' of the group before. *more: another group follows. */
bool parse_param(Parser *parser, ParamDecl *param, bool *more);
/* { statements }; what is wrong inside has been reported. */
Block parse_block(Parser *parser);
/* The '}' of the '{' at `open`; reports when it is missing. */
void parse_close(Parser *parser, Token open);
bool parse_at_close(Parser *parser, Token open);

/* True at a token that can only begin a declaration: a '}' was forgotten. */
bool parser_at_declaration(const Parser *parser);

#endif
