#include "passes/emit/choices_file.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

enum { NAME_COLUMN = -1, NUMBER_DIGITS = 12, COLUMN_WIDTH = 14, MOST_WORDS = CHOICE_COUNT + 2 };

/* Bytes of the text. */
typedef struct Word {
    size_t offset, length;
} Word;

typedef struct Reader {
    const char *text;
    size_t length, at;
    Word words[MOST_WORDS]; /* of the line at hand; if there are more, one too many */
    uint32_t count;
    int columns[MOST_WORDS - 1]; /* by word after the first */
    bool named;                  /* the line of names was there */
    ChoicesTable *table;
    ChoicesFault *fault;
    void *user;
    bool failed;
} Reader;

__attribute__((format(printf, 3, 4))) static void fail(Reader *reader, Word word,
                                                       const char *format, ...) {
    char what[256];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(what, sizeof what, format, arguments);
    va_end(arguments);
    reader->failed = true;
    reader->fault(reader->user, word.offset, word.length, what);
}

/* --- lines and words --- */

static bool is_blank(char byte) { return byte == ' ' || byte == '\t' || byte == '\r'; }

/* The words up to the line's end, or to a comment. */
static void read_words(Reader *reader) {
    reader->count = 0;
    bool comment = false;
    while (reader->at < reader->length && reader->text[reader->at] != '\n') {
        size_t start = reader->at;
        comment = comment || reader->text[start] == '#';
        if (comment || is_blank(reader->text[start])) {
            reader->at++;
            continue;
        }
        while (reader->at < reader->length && reader->text[reader->at] != '\n' &&
               reader->text[reader->at] != '#' && !is_blank(reader->text[reader->at]))
            reader->at++;
        if (reader->count < MOST_WORDS)
            reader->words[reader->count++] = (Word){start, reader->at - start};
    }
    reader->at++; /* the line's end */
}

static bool word_is(const Reader *reader, Word word, const char *name) {
    return word.length == strlen(name) &&
           memcmp(reader->text + word.offset, name, word.length) == 0;
}

/* Digits alone; of more than any choice has, -1. */
static int64_t word_number(const Reader *reader, Word word) {
    int64_t number = 0;
    for (size_t i = 0; i < word.length; i++) {
        char digit = reader->text[word.offset + i];
        if (digit < '0' || digit > '9' || word.length > NUMBER_DIGITS)
            return -1;
        number = 10 * number + (digit - '0');
    }
    return number;
}

/* --- the line of names --- */

static int column_of(const Reader *reader, Word word) {
    for (int i = 0; i < CHOICE_COUNT; i++)
        if (word_is(reader, word, choice_columns[i].name))
            return i;
    return NAME_COLUMN;
}

static void take_name(Reader *reader, uint32_t which, bool seen[CHOICE_COUNT]) {
    const Word word = reader->words[which];
    const int column = column_of(reader, word);
    if (column == NAME_COLUMN)
        fail(reader, word, "there is no choice of that name");
    else if (seen[column])
        fail(reader, word, "%s is there already", choice_columns[column].name);
    else
        reader->columns[which - 1] = column;
    if (column != NAME_COLUMN)
        seen[column] = true;
}

static bool take_names(Reader *reader) {
    bool seen[CHOICE_COUNT] = {false};
    reader->named = true;
    if (!word_is(reader, reader->words[0], "target"))
        fail(reader, reader->words[0], "the first line begins with 'target' and names the choices");
    for (uint32_t i = 1; i < reader->count; i++)
        take_name(reader, i, seen);
    for (int i = 0; i < CHOICE_COUNT; i++)
        if (!seen[i])
            fail(reader, reader->words[0], "the choice %s is missing: %s", choice_columns[i].name,
                 choice_columns[i].doc);
    return !reader->failed;
}

/* --- a target's line --- */

static bool take_target(Reader *reader, Word word, char name[CHOICES_NAME]) {
    bool plain = word.length < CHOICES_NAME;
    for (size_t i = 0; plain && i < word.length; i++)
        plain = reader->text[word.offset + i] > ' ' && reader->text[word.offset + i] < 127;
    if (!plain) {
        fail(reader, word, "no name of a target");
        return false;
    }
    memcpy(name, reader->text + word.offset, word.length);
    name[word.length] = 0;
    if (choices_find(reader->table, name))
        fail(reader, word, "%s has a line already", name);
    else if (reader->table->count == CHOICES_LINES)
        fail(reader, word, "a table has at most %d targets", CHOICES_LINES);
    else
        return true;
    return false;
}

static bool take_numbers(Reader *reader, Choices *choices) {
    char what[192];
    bool good = true;
    for (uint32_t i = 1; i <= CHOICE_COUNT; i++) {
        const int column = reader->columns[i - 1];
        const int64_t value = word_number(reader, reader->words[i]);
        if (choice_fault(column, value, what, sizeof what)) {
            fail(reader, reader->words[i], "%s", what);
            good = false;
        }
        *choices_at(choices, column) = value;
    }
    if (good && choices_fault(choices, what, sizeof what)) {
        fail(reader, reader->words[0], "%s", what);
        good = false;
    }
    return good;
}

static void take_line(Reader *reader) {
    ChoicesLine line = {.target = ""};
    if (reader->count != CHOICE_COUNT + 1) {
        fail(reader, reader->words[0], "a line has a target and %d numbers; this one has %s",
             CHOICE_COUNT, reader->count > CHOICE_COUNT ? "more" : "fewer");
        return;
    }
    const bool named = take_target(reader, reader->words[0], line.target);
    if (take_numbers(reader, &line.choices) && named)
        reader->table->lines[reader->table->count++] = line;
}

bool choices_read(const char *text, size_t length, ChoicesTable *table, ChoicesFault *fault,
                  void *user) {
    Reader reader = {.text = text, .length = length, .table = table, .fault = fault, .user = user};
    *table = (ChoicesTable){0};
    if (length > CHOICES_FILE_BYTES) {
        fail(&reader, (Word){0, 0}, "a table of choices has at most %d bytes", CHOICES_FILE_BYTES);
        return false;
    }
    while (reader.at < length) {
        read_words(&reader);
        if (!reader.count)
            continue;
        if (reader.named)
            take_line(&reader);
        else if (!take_names(&reader))
            return false; /* without names the numbers mean nothing */
    }
    if (!table->count && !reader.failed)
        fail(&reader, (Word){length, 0}, "there is no line of a target");
    return !reader.failed;
}

/* --- writing --- */

void choices_write_names(FILE *stream) {
    fprintf(stream, "%-*s", COLUMN_WIDTH, "target");
    for (int i = 0; i < CHOICE_COUNT; i++)
        fprintf(stream, " %*s", COLUMN_WIDTH, choice_columns[i].name);
    fputc('\n', stream);
}

void choices_write(FILE *stream, const char *target, const Choices *choices) {
    fprintf(stream, "%-*s", COLUMN_WIDTH, target);
    for (int i = 0; i < CHOICE_COUNT; i++)
        fprintf(stream, " %*" PRId64, COLUMN_WIDTH, choices_get(choices, i));
    fputc('\n', stream);
}
