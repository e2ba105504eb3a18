#include "frontend/lexer.h"

#include <criterion/criterion.h>
#include <string.h>

typedef struct Tokens {
    Token at[64];
    size_t count; /* without the END */
    uint32_t errors;
    Arena *arena;
} Tokens;

static Tokens lex(const char *text) {
    Tokens tokens = {.arena = arena_create()};
    cr_assert(tokens.arena);
    Sources *sources = sources_create(tokens.arena, NULL, 0);
    Diagnostics *diagnostics = diagnostics_create(tokens.arena, sources);
    Lexer lexer =
        lexer_create(tokens.arena, sources_add(sources, "a.scan", text, strlen(text)), diagnostics);
    for (Token token = lexer_next(&lexer); token.kind != TOKEN_END; token = lexer_next(&lexer)) {
        cr_assert_lt(tokens.count, 64);
        tokens.at[tokens.count++] = token;
    }
    tokens.errors = diagnostics_error_count(diagnostics);
    return tokens;
}

static void expect_kinds(const char *text, const TokenKind *kinds, size_t count) {
    Tokens tokens = lex(text);
    cr_expect_eq(tokens.errors, 0, "%s", text);
    cr_assert_eq(tokens.count, count, "%s: %zu tokens", text, tokens.count);
    for (size_t i = 0; i < count; i++)
        cr_expect_eq(tokens.at[i].kind, kinds[i], "%s: token %zu is %s", text, i,
                     token_kind_text(tokens.at[i].kind));
    arena_destroy(tokens.arena);
}

#define EXPECT_KINDS(text, ...)                                                                    \
    expect_kinds(text, (const TokenKind[]){__VA_ARGS__},                                           \
                 sizeof((const TokenKind[]){__VA_ARGS__}) / sizeof(TokenKind))

Test(frontend_lexer, punctuation) {
    EXPECT_KINDS("( ) [ ] { } , : = .. ->", TOKEN_LEFT_PAREN, TOKEN_RIGHT_PAREN, TOKEN_LEFT_BRACKET,
                 TOKEN_RIGHT_BRACKET, TOKEN_LEFT_BRACE, TOKEN_RIGHT_BRACE, TOKEN_COMMA, TOKEN_COLON,
                 TOKEN_ASSIGN, TOKEN_DOTS, TOKEN_ARROW);
    EXPECT_KINDS("+-* / // % ^ < <= > >= == != ~", TOKEN_PLUS, TOKEN_MINUS, TOKEN_STAR, TOKEN_SLASH,
                 TOKEN_DOUBLE_SLASH, TOKEN_PERCENT, TOKEN_CARET, TOKEN_LESS, TOKEN_LESS_EQUAL,
                 TOKEN_GREATER, TOKEN_GREATER_EQUAL, TOKEN_EQUAL, TOKEN_NOT_EQUAL, TOKEN_TILDE);
}

Test(frontend_lexer, words_and_names) {
    EXPECT_KINDS("and android not as a.b.c state _x1", TOKEN_AND, TOKEN_NAME, TOKEN_NOT, TOKEN_AS,
                 TOKEN_NAME, TOKEN_STATE, TOKEN_NAME);
    Tokens tokens = lex("train.steps");
    cr_expect_str_eq(tokens.at[0].text, "train.steps");
    arena_destroy(tokens.arena);
    cr_expect(lexer_is_name("x_1"));
    cr_expect_not(lexer_is_name("and"));
    cr_expect_not(lexer_is_name("1x"));
    cr_expect_not(lexer_is_name("a.b"));
    cr_expect_not(lexer_is_name(""));
}

Test(frontend_lexer, line_breaks_end_statements_where_they_can) {
    EXPECT_KINDS("a\nb", TOKEN_NAME, TOKEN_NEWLINE, TOKEN_NAME);
    EXPECT_KINDS("a;b", TOKEN_NAME, TOKEN_NEWLINE, TOKEN_NAME);
    EXPECT_KINDS("a +\n\n b", TOKEN_NAME, TOKEN_PLUS, TOKEN_NAME);
    EXPECT_KINDS("a, # more\nb", TOKEN_NAME, TOKEN_COMMA, TOKEN_NAME);
    EXPECT_KINDS("(a\nb)\n", TOKEN_LEFT_PAREN, TOKEN_NAME, TOKEN_NAME, TOKEN_RIGHT_PAREN,
                 TOKEN_NEWLINE);
    EXPECT_KINDS("a[\n1\n]", TOKEN_NAME, TOKEN_LEFT_BRACKET, TOKEN_NUMBER, TOKEN_RIGHT_BRACKET);
    EXPECT_KINDS("(a {\nb", TOKEN_LEFT_PAREN, TOKEN_NAME, TOKEN_LEFT_BRACE, TOKEN_NEWLINE,
                 TOKEN_NAME);
    EXPECT_KINDS("a # b\r\n", TOKEN_NAME, TOKEN_NEWLINE);
    EXPECT_KINDS("\xef\xbb\xbf"
                 "a # é",
                 TOKEN_NAME);
}

Test(frontend_lexer, numbers) {
    static const struct {
        const char *text;
        double value;
        bool integer;
    } numbers[] = {
        {"0", 0, true},         {"64", 64, true},
        {"3e-3", 3e-3, false},  {"0.15", 0.15, false},
        {".5", 0.5, false},     {"3.", 3, false},
        {"1E+2", 100, false},   {"10%", 0.1, false},
        {"2.5%", 0.025, false}, {"9007199254740992", 0x1p53, true},
    };
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        Tokens tokens = lex(numbers[i].text);
        cr_assert_eq(tokens.count, 1, "%s", numbers[i].text);
        cr_expect_eq(tokens.errors, 0, "%s", numbers[i].text);
        cr_expect_eq(tokens.at[0].number, numbers[i].value, "%s", numbers[i].text);
        cr_expect_eq(tokens.at[0].integer, numbers[i].integer, "%s", numbers[i].text);
        arena_destroy(tokens.arena);
    }
    EXPECT_KINDS("1..3", TOKEN_NUMBER, TOKEN_DOTS, TOKEN_NUMBER);
    EXPECT_KINDS("10%3 10 % 3", TOKEN_NUMBER, TOKEN_PERCENT, TOKEN_NUMBER, TOKEN_NUMBER,
                 TOKEN_PERCENT, TOKEN_NUMBER);
    EXPECT_KINDS("10%;", TOKEN_NUMBER, TOKEN_NEWLINE);
    static const char *const bad[] = {"1x", "1e", "1e999", "9007199254740993000", "0x10"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        Tokens tokens = lex(bad[i]);
        cr_expect_eq(tokens.errors, 1, "%s", bad[i]);
        cr_expect_eq(tokens.count, 1, "%s", bad[i]);
        arena_destroy(tokens.arena);
    }
}

Test(frontend_lexer, strings) {
    Tokens tokens = lex("\"a\\\"b\\\\\\n\\t # é\"");
    cr_assert_eq(tokens.count, 1);
    cr_expect_eq(tokens.errors, 0);
    cr_expect_str_eq(tokens.at[0].text, "a\"b\\\n\t # é");
    arena_destroy(tokens.arena);
    tokens = lex("\"open\nnext");
    cr_expect_eq(tokens.errors, 1);
    cr_expect_eq(tokens.count, 3, "the line break is not part of it");
    arena_destroy(tokens.arena);
}
