#include "tests/fuzz/mutate.h"

#include <string.h>

enum { MOST_PLACES = 3, MOST_MOVED = 40 };

size_t mutate_below(Mutator *mutator, size_t limit) {
    /* SplitMix64 */
    uint64_t word = mutator->state += UINT64_C(0x9E3779B97F4A7C15);
    word = (word ^ word >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    word = (word ^ word >> 27) * UINT64_C(0x94D049BB133111EB);
    return (size_t)((word ^ word >> 31) % limit);
}

/* Puts `count` bytes in place of `dropped` at a place; leaves the text if they do not fit. */
static size_t splice(char *text, size_t length, size_t capacity, size_t place, size_t dropped,
                     const char *bytes, size_t count) {
    if (length - dropped + count > capacity)
        return length;
    memmove(text + place + count, text + place + dropped, length - place - dropped);
    memcpy(text + place, bytes, count);
    return length - dropped + count;
}

/* A run of the text, from a place to at most MOST_MOVED bytes on. */
static size_t choose_run(Mutator *mutator, size_t length, size_t place) {
    size_t most = length - place < MOST_MOVED ? length - place : MOST_MOVED;
    return most ? mutate_below(mutator, most) + 1 : 0;
}

static size_t put_number(Mutator *mutator, char *text, size_t length, size_t capacity,
                         size_t place) {
    static const char *const numbers[] = {
        "0",
        "-1",
        "1",
        "2147483647",
        "2147483648",
        "9223372036854775807",
        "1e400",
        "nan",
        "4294967295",
        "18446744073709551616",
        "0x7fffffffffffffff",
        "-0",
    };
    const char *number = numbers[mutate_below(mutator, sizeof numbers / sizeof numbers[0])];
    while (place < length && !(text[place] >= '0' && text[place] <= '9'))
        place++;
    size_t digits = 0;
    while (place + digits < length && text[place + digits] >= '0' && text[place + digits] <= '9')
        digits++;
    return splice(text, length, capacity, place, digits, number, strlen(number));
}

static size_t put_word(Mutator *mutator, char *text, size_t length, size_t capacity, size_t place) {
    const char *word = mutator->dictionary[mutate_below(mutator, mutator->word_count)];
    size_t dropped = mutate_below(mutator, 2) ? choose_run(mutator, length, place) % 8 : 0;
    return splice(text, length, capacity, place, dropped, word, strlen(word));
}

static size_t copy_run(Mutator *mutator, char *text, size_t length, size_t capacity, size_t place) {
    char run[MOST_MOVED];
    size_t count = choose_run(mutator, length, place);
    memcpy(run, text + place, count);
    size_t to = mutate_below(mutator, length + 1);
    return splice(text, length, capacity, to, 0, run, count);
}

static size_t mutate_once(Mutator *mutator, char *text, size_t length, size_t capacity) {
    size_t place = mutate_below(mutator, length + 1);
    char byte = (char)mutate_below(mutator, 256);
    switch (mutate_below(mutator, 8)) {
    case 0:
        return splice(text, length, capacity, place, place < length, &byte, 1);
    case 1:
        byte = (char)(32 + mutate_below(mutator, 95));
        return splice(text, length, capacity, place, place < length, &byte, 1);
    case 2:
        return splice(text, length, capacity, place, choose_run(mutator, length, place), "", 0);
    case 3:
        return copy_run(mutator, text, length, capacity, place);
    case 4:
    case 5:
        return put_number(mutator, text, length, capacity, place);
    default:
        return put_word(mutator, text, length, capacity, place);
    }
}

size_t mutate(Mutator *mutator, char *text, size_t length, size_t capacity) {
    for (size_t left = 1 + mutate_below(mutator, MOST_PLACES); left; left--)
        length = mutate_once(mutator, text, length, capacity);
    return length;
}
