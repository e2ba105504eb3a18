/* Characters to tokens: what comes next is always told by the next character. */
#include "ir/text_tokens.h"

#include "ir/text_form.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LONGEST_NUMBER = 64 };

/* --- errors --- */

bool token_fail(TextParser *parser, const char *place, const char *format, ...) {
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

bool token_more(const TextParser *parser) { return parser->at < parser->end; }

void token_skip_space(TextParser *parser) {
    for (; token_more(parser); parser->at++) {
        if (*parser->at == '#')
            while (parser->at + 1 < parser->end && parser->at[1] != '\n')
                parser->at++;
        else if (!strchr(" \t\r\n", *parser->at) || !*parser->at)
            return;
    }
}

/* The next character that is not space; '\0' at the end. */
char token_peek(TextParser *parser) {
    token_skip_space(parser);
    return token_more(parser) ? *parser->at : '\0';
}

bool token_accept(TextParser *parser, char c) {
    if (token_peek(parser) != c || !token_more(parser))
        return false;
    parser->at++;
    return true;
}

bool token_expect(TextParser *parser, char c) {
    return token_accept(parser, c) || token_fail(parser, parser->at, "expected '%c'", c);
}

/* Takes the word if it comes next. */
bool token_accept_word(TextParser *parser, const char *word) {
    size_t length = strlen(word);
    token_skip_space(parser);
    if ((size_t)(parser->end - parser->at) < length || memcmp(parser->at, word, length) != 0)
        return false;
    const char *after = parser->at + length;
    if (after < parser->end && text_is_name_part(*after))
        return false;
    parser->at = after;
    return true;
}

/* One character of a string, after a backslash. */
static bool parse_escape(TextParser *parser, char *c) {
    const char *place = parser->at - 1;
    char kind = token_more(parser) ? *parser->at++ : '\0';
    if (kind == 'n' || kind == '"' || kind == '\\') {
        *c = kind == 'n' ? '\n' : kind;
        return true;
    }
    unsigned value = 0;
    for (int i = 0; i < 2 && kind == 'x'; i++) {
        char digit = token_more(parser) ? *parser->at++ : '\0';
        if (digit >= '0' && digit <= '9')
            value = value * 16 + (unsigned)(digit - '0');
        else if (digit >= 'a' && digit <= 'f')
            value = value * 16 + (unsigned)(digit - 'a') + 10;
        else
            kind = '\0';
    }
    *c = (char)value;
    return (kind == 'x' && value) || token_fail(parser, place, "unknown escape in a string");
}

bool token_string(TextParser *parser, const char **string) {
    if (!token_expect(parser, '"'))
        return false;
    const char *place = parser->at - 1;
    const char *close = parser->at;
    while (close < parser->end && *close != '"' && *close != '\n')
        close += *close == '\\' && close + 1 < parser->end ? 2 : 1;
    if (close >= parser->end || *close != '"')
        return token_fail(parser, place, "the string does not end on its line");
    char *text = arena_alloc(parser->arena, (size_t)(close - parser->at) + 1);
    size_t length = 0;
    while (parser->at < close) {
        char c = *parser->at++;
        if ((unsigned char)c < ' ' || c == 0x7f)
            return token_fail(parser, parser->at - 1, "control character in a string");
        if (c == '\\' && !parse_escape(parser, &c))
            return false;
        text[length++] = c;
    }
    parser->at = close + 1;
    *string = text;
    return true;
}

/* The characters that `is_part` takes; not empty. */
bool token_run(TextParser *parser, bool (*is_part)(char), const char *what, const char **run) {
    const char *first = parser->at;
    while (token_more(parser) && is_part(*parser->at))
        parser->at++;
    if (parser->at == first)
        return token_fail(parser, first, "expected %s", what);
    *run = arena_string(parser->arena, first, (size_t)(parser->at - first));
    return true;
}

bool token_name(TextParser *parser, const char *what, const char **name) {
    char next = token_peek(parser);
    if (next == '"')
        return token_string(parser, name);
    if (!text_is_name_start(next))
        return token_fail(parser, parser->at, "expected %s", what);
    return token_run(parser, text_is_name_part, what, name);
}

static bool is_number_part(char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.' ||
           c == '+' || c == '-';
}

/* Copies the next number's characters, as those of strtod and strtoll; *place: where it begins. */
static bool parse_digits(TextParser *parser, char digits[LONGEST_NUMBER], const char **place) {
    token_skip_space(parser);
    const char *first = *place = parser->at;
    while (token_more(parser) && is_number_part(*parser->at))
        parser->at++;
    size_t length = (size_t)(parser->at - first);
    if (length == 0 || length >= LONGEST_NUMBER)
        return token_fail(parser, first, "expected a number");
    memcpy(digits, first, length);
    digits[length] = '\0';
    return true;
}

bool token_real(TextParser *parser, double *value) {
    char digits[LONGEST_NUMBER], *rest;
    const char *place;
    if (!parse_digits(parser, digits, &place))
        return false;
    *value = strtod(digits, &rest);
    return *rest == '\0' || token_fail(parser, place, "%s is not a number", digits);
}

bool token_integer(TextParser *parser, int64_t least, int64_t most, int64_t *value) {
    char digits[LONGEST_NUMBER], *rest;
    const char *place;
    if (!parse_digits(parser, digits, &place))
        return false;
    errno = 0;
    *value = strtoll(digits, &rest, 10);
    if (*rest != '\0')
        return token_fail(parser, place, "%s is not an integer", digits);
    if (errno || *value < least || *value > most)
        return token_fail(parser, place, "%s is not in %lld to %lld", digits, (long long)least,
                          (long long)most);
    return true;
}

bool token_key(TextParser *parser, uint64_t *key) {
    char digits[LONGEST_NUMBER], *rest;
    const char *place;
    if (!parse_digits(parser, digits, &place))
        return false;
    errno = 0;
    *key = strtoull(digits, &rest, 16);
    return (digits[0] == '0' && digits[1] == 'x' && *rest == '\0' && !errno) ||
           token_fail(parser, place, "%s is not a key: 0x and up to 16 digits", digits);
}

bool token_span(TextParser *parser, Span *span) {
    int64_t line, column;
    bool is_file = token_peek(parser) == '"'
                       ? token_string(parser, &span->file)
                       : token_run(parser, text_is_file_part, "a file", &span->file);
    if (!is_file || !token_expect(parser, ':') || !token_integer(parser, 0, UINT32_MAX, &line) ||
        !token_expect(parser, ':') || !token_integer(parser, 0, UINT32_MAX, &column))
        return false;
    span->line = (uint32_t)line;
    span->column = (uint32_t)column;
    return true;
}
