#include "passes/emit/choices.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

const Choice choice_columns[CHOICE_COUNT] = {
#define CHOICE(name, least, most, multiple, doc) {#name, least, most, multiple, doc},
#include "passes/emit/choices.def"
#undef CHOICE
};

static const ChoicesLine shipped[] = {
#define CHOICES(target, ...) {target, {__VA_ARGS__}},
#include "passes/emit/choices.def"
#undef CHOICES
};

static const size_t places[CHOICE_COUNT] = {
#define CHOICE(name, least, most, multiple, doc) offsetof(Choices, name),
#include "passes/emit/choices.def"
#undef CHOICE
};

int64_t *choices_at(Choices *choices, int column) {
    return (int64_t *)(void *)((char *)choices + places[column]);
}

int64_t choices_get(const Choices *choices, int column) {
    return *(const int64_t *)(const void *)((const char *)choices + places[column]);
}

const Choices *choices_find(const ChoicesTable *table, const char *target) {
    const ChoicesLine *lines = table ? table->lines : shipped;
    const size_t count = table ? table->count : sizeof shipped / sizeof *shipped;
    for (size_t i = 0; i < count; i++)
        if (strcmp(lines[i].target, target) == 0)
            return &lines[i].choices;
    return NULL;
}

void choices_text(const Choices *choices, char text[CHOICES_TEXT]) {
    size_t used = 0;
    for (int i = 0; i < CHOICE_COUNT; i++)
        used += (size_t)snprintf(text + used, CHOICES_TEXT - used, "%s%s %" PRId64, i ? " " : "",
                                 choice_columns[i].name, choices_get(choices, i));
}

void choices_hash(const Choices *choices, char hash[HASH_SIZE]) {
    char text[CHOICES_TEXT];
    choices_text(choices, text);
    hash_text(text, hash);
}

bool choice_fault(int column, int64_t value, char *fault, size_t size) {
    const Choice *choice = &choice_columns[column];
    if (value >= choice->least && value <= choice->most && value % choice->multiple == 0)
        return false;
    int used = snprintf(fault, size, "%s is a number from %" PRId64 " to %" PRId64, choice->name,
                        choice->least, choice->most);
    if (choice->multiple > 1 && used > 0 && (size_t)used < size)
        snprintf(fault + used, size - (size_t)used, ", a multiple of %" PRId64, choice->multiple);
    return true;
}

bool choices_fault(const Choices *choices, char *fault, size_t size) {
    if (choices->height * choices->vectors <= CHOICES_MAX_SUMS)
        return false;
    snprintf(fault, size, "height times vectors is at most %d: so many sums", CHOICES_MAX_SUMS);
    return true;
}
