/* A scanner by hand: a switch on the first byte, and one function for each kind of longer token. */
#include "frontend/lexer.h"

#include "runtime/files/utf8.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char *const token_texts[TOKEN_COUNT] = {
#define TOKEN(ID, text) [TOKEN_##ID] = text,
    LEXER_TOKENS(TOKEN)
#undef TOKEN
};

bool token_is_word(TokenKind kind) { return kind >= TOKEN_AND; }

/* As token_texts, with quotes about what is to be written just so. */
static const char *const token_quoted[TOKEN_COUNT] = {
#define TOKEN(ID, text) [TOKEN_##ID] = TOKEN_##ID >= TOKEN_LEFT_PAREN ? "'" text "'" : text,
    LEXER_TOKENS(TOKEN)
#undef TOKEN
};

const char *token_kind_text(TokenKind kind) { return token_quoted[kind]; }

static bool is_digit(char byte) { return byte >= '0' && byte <= '9'; }
static bool starts_name(char byte) {
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || byte == '_';
}
static bool continues_name(char byte) { return starts_name(byte) || is_digit(byte); }

bool lexer_is_name(const char *text) {
    for (const char *at = text; *at; at++)
        if (!continues_name(*at))
            return false;
    for (int kind = TOKEN_AND; kind < TOKEN_COUNT; kind++)
        if (!strcmp(text, token_texts[kind]))
            return false;
    return starts_name(*text) && strlen(text) <= LEXER_MAX_NAME;
}

static SourceSpan lexer_span(const Lexer *lexer, uint32_t start) {
    return (SourceSpan){lexer->source->index, start, lexer->at - start};
}

static SourceSpan source_byte(const Source *source, size_t offset) {
    return (SourceSpan){source->index, (uint32_t)offset, offset < source->length};
}

/* --- the bytes of the whole source --- */

static void check_encoding(Lexer *lexer) {
    const Source *source = lexer->source;
    const char *nul = memchr(source->text, '\0', source->length);
    if (nul) {
        lexer->bad_bytes = true;
        diagnostics_error(lexer->diagnostics, "nul-byte",
                          source_byte(source, (size_t)(nul - source->text)),
                          "there is a NUL byte in the text");
    }
    for (size_t i = 0; i < source->length;) {
        size_t sequence = utf8_length(source->text + i, source->length - i);
        if (!sequence) {
            lexer->bad_bytes = true;
            diagnostics_error(lexer->diagnostics, "invalid-utf8", source_byte(source, i),
                              "the text is not UTF-8 from here on (byte 0x%02x)",
                              (unsigned char)source->text[i]);
            return;
        }
        i += sequence;
    }
}

static void check_lines(Lexer *lexer) {
    for (uint32_t line = 0; line < lexer->source->line_count; line++) {
        uint32_t length;
        source_line_text(lexer->source, line, &length);
        if (length <= SOURCE_MAX_LINE)
            continue;
        diagnostics_error(lexer->diagnostics, "long-line",
                          source_byte(lexer->source, lexer->source->line_starts[line]),
                          "the line has %u bytes; the most is %d", length, SOURCE_MAX_LINE);
        return;
    }
}

Lexer lexer_create(Arena *arena, const Source *source, Diagnostics *diagnostics) {
    Lexer lexer = {.arena = arena, .source = source, .diagnostics = diagnostics};
    lexer.previous = TOKEN_NEWLINE;
    for (uintptr_t kind = TOKEN_AND; kind < TOKEN_COUNT; kind++)
        names_intern(&lexer.names, arena, token_texts[kind], strlen(token_texts[kind]))->value =
            (void *)kind;
    check_encoding(&lexer);
    check_lines(&lexer);
    if (source->length >= 3 && !memcmp(source->text, "\xef\xbb\xbf", 3))
        lexer.at = 3; /* a byte order mark */
    return lexer;
}

/* --- tokens --- */

/* The byte at `ahead`; NUL at the end, where the text has one. */
static char lexer_peek(const Lexer *lexer, uint32_t ahead) {
    return ahead < lexer->source->length - lexer->at ? lexer->source->text[lexer->at + ahead]
                                                     : '\0';
}

static bool line_goes_on(const Lexer *lexer) {
    if (lexer->depth)
        return true;
    return lexer->previous == TOKEN_COMMA ||
           (lexer->previous > TOKEN_ASSIGN && lexer->previous <= TOKEN_NOT);
}

/* Blanks, comments, and line breaks that do not count. */
static void skip_blanks(Lexer *lexer) {
    const char *text = lexer->source->text;
    for (; lexer->at < lexer->source->length; lexer->at++) {
        char byte = text[lexer->at];
        if (byte == '#') {
            const char *end = memchr(text + lexer->at, '\n', lexer->source->length - lexer->at);
            lexer->at = end ? (uint32_t)(end - text) : lexer->source->length;
            if (!end)
                return;
            byte = '\n';
        }
        bool blank = byte == ' ' || byte == '\t' || byte == '\r' ||
                     (byte == '\0' && lexer->bad_bytes) || (byte == '\n' && line_goes_on(lexer));
        if (!blank)
            return;
    }
}

static Token lex_name(Lexer *lexer) {
    uint32_t start = lexer->at;
    while (continues_name(lexer_peek(lexer, 0)) ||
           (lexer_peek(lexer, 0) == '.' && starts_name(lexer_peek(lexer, 1))))
        lexer->at++;
    uint32_t length = lexer->at - start;
    if (length > LEXER_MAX_NAME) {
        diagnostics_error(lexer->diagnostics, "long-name", lexer_span(lexer, start),
                          "the name has %u bytes; the most is %d", length, LEXER_MAX_NAME);
        length = LEXER_MAX_NAME;
    }
    const NamesSlot *slot =
        names_intern(&lexer->names, lexer->arena, lexer->source->text + start, length);
    return (Token){.kind = slot->value ? (TokenKind)(uintptr_t)slot->value : TOKEN_NAME,
                   .text = slot->name};
}

/* 10% is a tenth; 10 % n and 10%n are remainders. */
static bool percent_follows(const Lexer *lexer) {
    char after = lexer_peek(lexer, 1);
    return lexer_peek(lexer, 0) == '%' && !continues_name(after) && after != '(' && after != '.';
}

static void skip_digits(Lexer *lexer) {
    while (is_digit(lexer_peek(lexer, 0)))
        lexer->at++;
}

/* The number is then 1, which is fit for most places: one error is enough. */
static void bad_number(Lexer *lexer, uint32_t start, const char *why, Token *token) {
    Diagnostic *d =
        diagnostics_error(lexer->diagnostics, "bad-number", lexer_span(lexer, start), "%s", why);
    diagnostic_hint(d, "numbers look like 64, 0.15, 3e-3 or 10%%");
    token->number = 1;
    token->integer = true;
}

static Token lex_number(Lexer *lexer) {
    uint32_t start = lexer->at;
    bool integer = true;
    skip_digits(lexer);
    if (lexer_peek(lexer, 0) == '.' && lexer_peek(lexer, 1) != '.') {
        integer = false;
        lexer->at++;
        skip_digits(lexer);
    }
    char sign = lexer_peek(lexer, 1);
    if ((lexer_peek(lexer, 0) == 'e' || lexer_peek(lexer, 0) == 'E') &&
        (is_digit(sign) || ((sign == '+' || sign == '-') && is_digit(lexer_peek(lexer, 2))))) {
        integer = false;
        lexer->at += 2;
        skip_digits(lexer);
    }
    Token token = {.kind = TOKEN_NUMBER, .integer = integer};
    if (lexer->at - start > LEXER_MAX_NAME) {
        bad_number(lexer, start, "the number has too many digits", &token);
    } else if (continues_name(lexer_peek(lexer, 0))) {
        while (continues_name(lexer_peek(lexer, 0)))
            lexer->at++;
        bad_number(lexer, start, "this is neither a number nor a name", &token);
    } else {
        /* strtod stops where the scan did: what follows is no part of any number */
        token.number = strtod(lexer->source->text + start, NULL);
        if (!isfinite(token.number) || (integer && token.number > 0x1p53))
            bad_number(lexer, start, "the number is too large", &token);
    }
    if (percent_follows(lexer)) {
        lexer->at++;
        token.integer = false;
        token.number /= 100;
    }
    return token;
}

/* The character that \x stands for; NUL when there is none. */
static char escaped(char byte) {
    return byte == 'n' ? '\n' : byte == 't' ? '\t' : byte == '"' || byte == '\\' ? byte : '\0';
}

static Token lex_string(Lexer *lexer) {
    uint32_t start = lexer->at++;
    char bytes[LEXER_MAX_STRING];
    size_t length = 0, all = 0;
    for (; lexer_peek(lexer, 0) != '"'; lexer->at++) {
        char byte = lexer_peek(lexer, 0);
        if (lexer->at >= lexer->source->length || byte == '\n') {
            Diagnostic *d = diagnostics_error(lexer->diagnostics, "unterminated-string",
                                              lexer_span(lexer, start), "the string is not closed");
            diagnostic_hint(d, "a string ends with '\"' in the same line");
            break;
        }
        if (byte == '\\') {
            lexer->at++;
            byte = escaped(lexer_peek(lexer, 0));
            if (!byte) {
                lexer->at--;
                diagnostics_error(lexer->diagnostics, "bad-escape",
                                  (SourceSpan){lexer->source->index, lexer->at, 2},
                                  "the escapes are \\\", \\\\, \\n and \\t");
                byte = '\\';
            }
        }
        if (all++ < LEXER_MAX_STRING && byte)
            bytes[length++] = byte;
    }
    if (all > LEXER_MAX_STRING)
        diagnostics_error(lexer->diagnostics, "long-string", lexer_span(lexer, start),
                          "the string has %zu bytes; the most is %d", all, LEXER_MAX_STRING);
    if (lexer_peek(lexer, 0) == '"')
        lexer->at++;
    return (Token){.kind = TOKEN_STRING, .text = arena_string(lexer->arena, bytes, length)};
}

/* Two bytes where the second is `second`, else one. */
static TokenKind either(Lexer *lexer, char second, TokenKind both, TokenKind one) {
    bool two = lexer_peek(lexer, 1) == second;
    lexer->at += two ? 2 : 1;
    return two ? both : one;
}

/* END: no punctuation starts here. */
static TokenKind lex_punctuation(Lexer *lexer) {
    static const char single[] = "()[]{},:+*%^~;\n";
    static const TokenKind kinds[] = {
        TOKEN_LEFT_PAREN, TOKEN_RIGHT_PAREN, TOKEN_LEFT_BRACKET, TOKEN_RIGHT_BRACKET,
        TOKEN_LEFT_BRACE, TOKEN_RIGHT_BRACE, TOKEN_COMMA,        TOKEN_COLON,
        TOKEN_PLUS,       TOKEN_STAR,        TOKEN_PERCENT,      TOKEN_CARET,
        TOKEN_TILDE,      TOKEN_NEWLINE,     TOKEN_NEWLINE,
    };
    char byte = lexer_peek(lexer, 0);
    const char *found = byte ? strchr(single, byte) : NULL;
    if (found) {
        lexer->at++;
        return kinds[found - single];
    }
    switch (byte) {
    case '-':
        return either(lexer, '>', TOKEN_ARROW, TOKEN_MINUS);
    case '/':
        return either(lexer, '/', TOKEN_DOUBLE_SLASH, TOKEN_SLASH);
    case '<':
        return either(lexer, '=', TOKEN_LESS_EQUAL, TOKEN_LESS);
    case '>':
        return either(lexer, '=', TOKEN_GREATER_EQUAL, TOKEN_GREATER);
    case '=':
        return either(lexer, '=', TOKEN_EQUAL, TOKEN_ASSIGN);
    default:
        break;
    }
    if ((byte == '!' && lexer_peek(lexer, 1) == '=') ||
        (byte == '.' && lexer_peek(lexer, 1) == '.')) {
        lexer->at += 2;
        return byte == '!' ? TOKEN_NOT_EQUAL : TOKEN_DOTS;
    }
    return TOKEN_END;
}

/* Reports a run of bytes that no token starts with, and skips it. */
static void skip_unexpected(Lexer *lexer) {
    uint32_t start = lexer->at;
    char byte = lexer_peek(lexer, 0);
    do
        lexer->at++;
    while (lexer_peek(lexer, 0) == byte ||
           ((unsigned char)lexer_peek(lexer, 0) >= 0x80 && (unsigned char)byte >= 0x80));
    if (lexer->bad_bytes && (unsigned char)byte >= 0x80)
        return;
    Diagnostic *d =
        diagnostics_error(lexer->diagnostics, "unexpected-character", lexer_span(lexer, start),
                          "this character means nothing here");
    if (byte == '!' || byte == '&' || byte == '|')
        diagnostic_hint(d, "write '%s'", byte == '!' ? "not" : byte == '&' ? "and" : "or");
    if (byte == '\'')
        diagnostic_hint(d, "strings are in double quotes");
}

static void count_depth(Lexer *lexer, TokenKind kind) {
    if (kind == TOKEN_LEFT_PAREN || kind == TOKEN_LEFT_BRACKET)
        lexer->depth++;
    else if (lexer->depth && (kind == TOKEN_RIGHT_PAREN || kind == TOKEN_RIGHT_BRACKET))
        lexer->depth--;
    else if (kind == TOKEN_LEFT_BRACE || kind == TOKEN_RIGHT_BRACE)
        lexer->depth = 0; /* no brace is inside parentheses: one was not closed */
}

Token lexer_next(Lexer *lexer) {
    for (;;) {
        skip_blanks(lexer);
        uint32_t start = lexer->at;
        char byte = lexer_peek(lexer, 0);
        Token token = {.kind = TOKEN_END};
        if (start >= lexer->source->length) {
            token.offset = start;
            return token;
        }
        if (starts_name(byte))
            token = lex_name(lexer);
        else if (is_digit(byte) || (byte == '.' && is_digit(lexer_peek(lexer, 1))))
            token = lex_number(lexer);
        else if (byte == '"')
            token = lex_string(lexer);
        else
            token.kind = lex_punctuation(lexer);
        if (token.kind == TOKEN_END) {
            skip_unexpected(lexer);
            continue;
        }
        token.offset = start;
        token.length = lexer->at - start;
        count_depth(lexer, token.kind);
        lexer->previous = token.kind;
        return token;
    }
}
