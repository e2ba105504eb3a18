/* From text to tokens, one at a time.
 *
 * A line break is a token only where it can end a statement: not inside ( ) or [ ], and not after a
 * comma or an operator, which go on in the next line. ';' is the same token. */
#ifndef SCANLINE_FRONTEND_LEXER_H
#define SCANLINE_FRONTEND_LEXER_H

#include "frontend/diagnostic.h"
#include "frontend/names.h"
#include "frontend/source.h"

/* TOKEN(ID, text): punctuation and reserved words are written as their text. */
#define LEXER_TOKENS(TOKEN)                                                                        \
    TOKEN(END, "the end of the text")                                                              \
    TOKEN(NEWLINE, "the end of the line")                                                          \
    TOKEN(NAME, "a name")                                                                          \
    TOKEN(NUMBER, "a number")                                                                      \
    TOKEN(STRING, "a string")                                                                      \
    TOKEN(LEFT_PAREN, "(")                                                                         \
    TOKEN(RIGHT_PAREN, ")")                                                                        \
    TOKEN(LEFT_BRACKET, "[")                                                                       \
    TOKEN(RIGHT_BRACKET, "]")                                                                      \
    TOKEN(LEFT_BRACE, "{")                                                                         \
    TOKEN(RIGHT_BRACE, "}")                                                                        \
    TOKEN(COMMA, ",")                                                                              \
    TOKEN(COLON, ":")                                                                              \
    TOKEN(ASSIGN, "=")                                                                             \
    TOKEN(DOTS, "..")                                                                              \
    TOKEN(ARROW, "->")                                                                             \
    TOKEN(PLUS, "+")                                                                               \
    TOKEN(MINUS, "-")                                                                              \
    TOKEN(STAR, "*")                                                                               \
    TOKEN(SLASH, "/")                                                                              \
    TOKEN(DOUBLE_SLASH, "//")                                                                      \
    TOKEN(PERCENT, "%")                                                                            \
    TOKEN(CARET, "^")                                                                              \
    TOKEN(LESS, "<")                                                                               \
    TOKEN(LESS_EQUAL, "<=")                                                                        \
    TOKEN(GREATER, ">")                                                                            \
    TOKEN(GREATER_EQUAL, ">=")                                                                     \
    TOKEN(EQUAL, "==")                                                                             \
    TOKEN(NOT_EQUAL, "!=")                                                                         \
    TOKEN(TILDE, "~")                                                                              \
    TOKEN(AND, "and")                                                                              \
    TOKEN(OR, "or")                                                                                \
    TOKEN(NOT, "not")                                                                              \
    TOKEN(AS, "as")                                                                                \
    TOKEN(PARAM, "param")                                                                          \
    TOKEN(TAP, "tap")                                                                              \
    TOKEN(OUTPUT, "output")                                                                        \
    TOKEN(METRIC, "metric")                                                                        \
    TOKEN(RETURN, "return")                                                                        \
    TOKEN(REPEAT, "repeat")                                                                        \
    TOKEN(STATE, "state")

typedef enum TokenKind {
#define TOKEN(ID, text) TOKEN_##ID,
    LEXER_TOKENS(TOKEN)
#undef TOKEN
        TOKEN_COUNT
} TokenKind;

enum { LEXER_MAX_NAME = 255, LEXER_MAX_STRING = 4096 }; /* bytes */

typedef struct Token {
    TokenKind kind;
    uint32_t offset, length;
    const char *text; /* NAME: with its dots; STRING: without quotes, escapes resolved */
    double number;    /* NUMBER */
    bool integer;     /* NUMBER without '.', exponent or '%' */
} Token;

typedef struct Lexer {
    Arena *arena;
    const Source *source;
    Diagnostics *diagnostics;
    Names names; /* text -> TokenKind of reserved words, NULL of names */
    uint32_t at;
    uint32_t depth;     /* of open ( and [ */
    TokenKind previous; /* decides whether a line break counts */
    bool bad_bytes; /* there are NULs or there is invalid UTF-8: reported, no word more on them */
} Lexer;

/* Checks the bytes of the whole source at once: NUL, UTF-8, lines of absurd length. */
Lexer lexer_create(Arena *arena, const Source *source, Diagnostics *diagnostics);
/* The next token; END again and again at the end. What is no token is reported and skipped. */
Token lexer_next(Lexer *lexer);

/* "'+'", "a name": for messages. */
const char *token_kind_text(TokenKind kind);
bool token_is_word(TokenKind kind); /* a reserved word */

/* True when the text can stand for a plain name: letters, digits, _, not a reserved word. */
bool lexer_is_name(const char *text);

#endif
