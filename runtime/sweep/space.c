#include "runtime/sweep/space.h"

#include "ir/philox.h"
#include "runtime/execution/scalar_math.h"
#include "runtime/files/hash.h"
#include "runtime/integer.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* --- reading --- */

/* The length of the value that a text begins with: up to a comma that is in no bracket or quote. */
static size_t value_length(const char *text) {
    int depth = 0;
    bool quoted = false;
    size_t length = 0;
    for (; text[length]; length++) {
        const char c = text[length];
        if (c == '"')
            quoted = !quoted;
        else if (!quoted && strchr("([", c))
            depth++;
        else if (!quoted && strchr(")]", c))
            depth--;
        else if (c == ',' && !quoted && depth <= 0)
            break;
    }
    return length;
}

static bool number_of(const char *text, double *value) {
    char *end;
    *value = strtod(text, &end);
    return *text && strchr("+-.0123456789", *text) && !*end && isfinite(*value);
}

/* "LOW..HIGH" or "LOW..HIGH:log". False: it is no range. */
static bool range_of(Pool *pool, const char *text, SweepKey *range) {
    static const char suffix[] = ":log";
    char *low = pool_copy(pool, text), *high = low ? strstr(low, "..") : NULL;
    if (!high)
        return false;
    *high = 0;
    high += 2;
    char *colon = strchr(high, ':');
    *range = (SweepKey){.low_text = low, .high_text = high, .logarithmic = colon != NULL};
    if (colon && strcmp(colon, suffix) != 0)
        return false;
    if (colon)
        *colon = 0;
    int64_t ends[2];
    range->integer = integer_read(low, -(INT64_C(1) << 52), INT64_C(1) << 52, &ends[0]) &&
                     integer_read(high, -(INT64_C(1) << 52), INT64_C(1) << 52, &ends[1]);
    return number_of(low, &range->low) && number_of(high, &range->high);
}

static bool value_add(Pool *pool, SweepKey *key, const char *value, RunError *error) {
    for (uint32_t i = 0; i < key->value_count; i++)
        if (strcmp(key->values[i], value) == 0)
            return run_fail(error, EXIT_USAGE, "%s has the value %.100s twice", key->key, value);
    if (!*value || key->value_count == SWEEP_MOST_VALUES)
        return run_fail(error, EXIT_USAGE, "%s takes 1 to %d values: %s=0.01,0.003", key->key,
                        SWEEP_MOST_VALUES, key->key);
    const char **values = pool_grow(pool, key->values, key->value_count, sizeof *values);
    if (!values)
        return run_no_memory(error, "the values");
    key->values = values;
    values[key->value_count++] = value;
    return true;
}

static bool integers_add(Pool *pool, SweepKey *key, const SweepKey *range, RunError *error) {
    bool added = true;
    for (double at = range->low; added && at <= range->high; at++) {
        const char *text = pool_print(pool, "%.0f", at);
        added = text ? value_add(pool, key, text, error) : run_no_memory(error, "the values");
    }
    return added;
}

/* A range that is not a list of integers has to be all of the key's values. */
static bool range_add(Pool *pool, SweepKey *key, const SweepKey *range, bool alone,
                      RunError *error) {
    if (range->high < range->low || (range->logarithmic && range->low <= 0))
        return run_fail(error, EXIT_USAGE,
                        "%s: a range goes from a number to one that is not "
                        "smaller, and with :log from one above 0",
                        key->key);
    if (range->integer && !range->logarithmic && range->high - range->low < SWEEP_MOST_VALUES)
        return integers_add(pool, key, range, error);
    if (!alone)
        return run_fail(error, EXIT_USAGE,
                        "%s: only ranges of at most %d integers can stand beside other values",
                        key->key, SWEEP_MOST_VALUES);
    const char *name = key->key;
    *key = *range;
    key->key = name;
    return true;
}

bool space_read(Pool *pool, const char *text, SweepKey *key, RunError *error) {
    const char *equals = strchr(text, '=');
    if (!equals || equals == text)
        return run_fail(error, EXIT_USAGE,
                        "'%.100s' is no key with values: rate=0.01,0.003, or layers=2..6, or "
                        "rate=1e-4..1e-2:log",
                        text);
    *key = (SweepKey){.key = pool_print(pool, "%.*s", (int)(equals - text), text)};
    bool read = key->key || run_no_memory(error, "a key");
    for (const char *at = equals + 1; read; at++) {
        const size_t length = value_length(at);
        const char *value = pool_print(pool, "%.*s", (int)length, at);
        SweepKey range;
        if (!value)
            read = run_no_memory(error, "the values");
        else if (range_of(pool, value, &range))
            read = range_add(pool, key, &range, at == equals + 1 && !at[length], error);
        else
            read = value_add(pool, key, value, error);
        at += length;
        if (!*at)
            break;
    }
    return read;
}

/* --- one after the other --- */

bool space_count(const SweepSpace *space, int64_t *count, RunError *error) {
    *count = 1;
    for (uint32_t i = 0; i < space->key_count; i++) {
        const SweepKey *key = &space->keys[i];
        if (!key->values)
            return run_fail(error, EXIT_USAGE,
                            "%s=%s..%s%s has no end of values to go through one after the other: "
                            "draw trials with --method random, or list values",
                            key->key, key->low_text, key->high_text,
                            key->logarithmic ? ":log" : "");
        *count *= key->value_count;
        if (*count > SWEEP_MOST_TRIALS)
            return run_fail(error, EXIT_USAGE,
                            "the sweep has more than %d trials: leave values out, or draw some "
                            "with --method random",
                            SWEEP_MOST_TRIALS);
    }
    return true;
}

void space_grid(const SweepSpace *space, int64_t number, const char **values) {
    for (uint32_t i = space->key_count; i-- > 0;) {
        const SweepKey *key = &space->keys[i];
        values[i] = key->values[number % key->value_count];
        number /= key->value_count;
    }
}

/* --- by chance --- */

/* In [0, 1), 53 bits. */
static double unit_of(const char *key, uint32_t seed, uint32_t number) {
    char hash[HASH_SIZE];
    hash_text(key, hash);
    hash[16] = 0;
    const PhiloxBlock block =
        random_block((RandomPlace){.key = strtoull(hash, NULL, 16), .seed = seed, .step = number});
    const uint64_t bits = (uint64_t)block.word[0] << 32 | block.word[1];
    return (double)(bits >> 11) * 0x1p-53;
}

static const char *draw(Pool *pool, const SweepKey *key, double unit) {
    if (key->values)
        return key->values[(uint32_t)(unit * key->value_count)];
    const double high = key->integer ? key->high + 1 : key->high;
    double at = key->low + unit * (high - key->low);
    if (key->logarithmic) {
        const double low = scalar_log(key->low);
        at = scalar_exp(low + unit * (scalar_log(high) - low));
    }
    if (key->integer)
        return pool_print(pool, "%.0f", fmin(fmax(floor(at), key->low), key->high));
    const char *text = pool_print(pool, "%.4g", at);
    const double rounded = text ? strtod(text, NULL) : at;
    return rounded < key->low ? key->low_text : rounded > key->high ? key->high_text : text;
}

void space_draw(Pool *pool, const SweepSpace *space, uint32_t seed, uint32_t number,
                const char **values) {
    for (uint32_t i = 0; i < space->key_count; i++)
        values[i] = draw(pool, &space->keys[i], unit_of(space->keys[i].key, seed, number));
}

/* --- as text --- */

const char *space_text(Pool *pool, const SweepSpace *space) {
    const char *text = "";
    for (uint32_t i = 0; i < space->key_count && text; i++) {
        const SweepKey *key = &space->keys[i];
        text = pool_print(pool, "%s%s%s=", text, i ? " " : "", key->key);
        if (!key->values && text)
            text = pool_print(pool, "%s%s..%s%s", text, key->low_text, key->high_text,
                              key->logarithmic ? ":log" : "");
        for (uint32_t v = 0; v < key->value_count && text; v++)
            text = pool_print(pool, "%s%s%s", text, v ? "," : "", key->values[v]);
    }
    return text;
}
