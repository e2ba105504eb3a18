/* Inside the parser of the text form: where it is, and its tokens. A function of the parser returns
 * false when it has told an error. */
#ifndef SCANLINE_IR_TEXT_TOKENS_H
#define SCANLINE_IR_TEXT_TOKENS_H

#include "ir/names.h"
#include "ir/text_parse.h"

struct External;

typedef struct TextParser {
    Arena *arena;
    const char *start, *end, *at;
    TextError *error;
    Module *module;
    Function *function;   /* the one being read */
    Function **functions; /* all, bodies too */
    uint32_t function_count, function_capacity;
    NameTable *names; /* of functions */
    const struct External **externals;
    uint32_t external_count, external_capacity;
    NameTable *external_names;
} TextParser;

bool token_fail(TextParser *parser, const char *place, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

bool token_more(const TextParser *parser);
void token_skip_space(TextParser *parser);
/* The next character that is not space; '\0' at the end. */
char token_peek(TextParser *parser);
bool token_accept(TextParser *parser, char c);
bool token_expect(TextParser *parser, char c);
/* Takes the word if it comes next. */
bool token_accept_word(TextParser *parser, const char *word);

bool token_string(TextParser *parser, const char **string);
/* The characters that `is_part` takes; not empty. */
bool token_run(TextParser *parser, bool (*is_part)(char), const char *what, const char **run);
bool token_name(TextParser *parser, const char *what, const char **name);
bool token_real(TextParser *parser, double *value);
bool token_integer(TextParser *parser, int64_t least, int64_t most, int64_t *value);
bool token_key(TextParser *parser, uint64_t *key);
/* A place, after its '@'. */
bool token_span(TextParser *parser, Span *span);

#endif
