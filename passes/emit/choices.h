/* The choices that measuring is worth for, as numbers (choices.def). Compiling never measures: a
 * target has a line of the table that ships, or of a file that was given in its place. */
#ifndef SCANLINE_PASSES_EMIT_CHOICES_H
#define SCANLINE_PASSES_EMIT_CHOICES_H

#include "runtime/files/hash.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct Choices {
#define CHOICE(name, least, most, multiple, doc) int64_t name;
#include "passes/emit/choices.def"
#undef CHOICE
} Choices;

enum {
#define CHOICE(name, least, most, multiple, doc) CHOICE_##name,
#include "passes/emit/choices.def"
#undef CHOICE
    CHOICE_COUNT,
    CHOICES_TEXT = 512,   /* bytes of choices_text, with its end */
    CHOICES_NAME = 64,    /* of a target's name */
    CHOICES_LINES = 64,   /* of a table, at most */
    CHOICES_MAX_SUMS = 32 /* height * vectors */
};

/* A column. */
typedef struct Choice {
    const char *name;
    int64_t least, most, multiple;
    const char *doc;
} Choice;

extern const Choice choice_columns[CHOICE_COUNT];

/* The number in a column. */
int64_t *choices_at(Choices *choices, int column);
int64_t choices_get(const Choices *choices, int column);

typedef struct ChoicesLine {
    char target[CHOICES_NAME];
    Choices choices;
} ChoicesLine;

typedef struct ChoicesTable {
    uint32_t count;
    ChoicesLine lines[CHOICES_LINES];
} ChoicesTable;

/* The line of that name; NULL: none. `table` NULL is what ships. */
const Choices *choices_find(const ChoicesTable *table, const char *target);

/* The canonical text: "depth_block 256 group_rows 96 ...", without the target's name. Equal numbers
 * are equal texts, wherever they are from. */
void choices_text(const Choices *choices, char text[CHOICES_TEXT]);

/* A hash of that text: what runs and caches know a table by. */
void choices_hash(const Choices *choices, char hash[HASH_SIZE]);

/* What is wrong with a number in a column; false: nothing. */
bool choice_fault(int column, int64_t value, char *fault, size_t size);

/* What is wrong with the numbers together. */
bool choices_fault(const Choices *choices, char *fault, size_t size);

#endif
