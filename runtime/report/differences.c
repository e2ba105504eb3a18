#include "runtime/report/differences.h"

#include <string.h>

enum { LABEL_SETTINGS = 4, LABEL_LENGTH = 72 };

/* --- settings --- */

static SettingRow *row_find(const SettingTable *table, const char *key) {
    for (uint32_t i = 0; i < table->count; i++)
        if (strcmp(table->rows[i].key, key) == 0)
            return &table->rows[i];
    return NULL;
}

static void row_add(SettingTable *table, const char *key, uint32_t runs, Pool *pool) {
    SettingRow *larger = pool_grow(pool, table->rows, table->count, sizeof *table->rows);
    const char **values = larger ? pool_array(pool, runs, sizeof *values) : NULL;
    if (!values)
        return;
    table->rows = larger;
    larger[table->count++] = (SettingRow){.key = key, .values = values};
}

static bool differs(const SettingRow *row, uint32_t runs) {
    for (uint32_t r = 1; r < runs; r++) {
        const char *first = row->values[0], *other = row->values[r];
        if (!first != !other || (first && strcmp(first, other) != 0))
            return true;
    }
    return false;
}

SettingTable settings_compare(const RunFindings *runs, uint32_t count, Pool *pool) {
    SettingTable table = {0};
    for (uint32_t r = 0; r < count; r++)
        for (uint32_t i = 0; i < runs[r].setting_count && !pool->failed; i++) {
            const Setting *setting = &runs[r].settings[i];
            if (!row_find(&table, setting->key))
                row_add(&table, setting->key, count, pool);
            SettingRow *row = row_find(&table, setting->key);
            if (row)
                row->values[r] = setting->value;
        }
    for (uint32_t i = 0; i < table.count; i++)
        table.rows[i].differs = differs(&table.rows[i], count);
    return table;
}

/* --- likeness --- */

static bool is_seed(const char *key) {
    return strcmp(key, "train.seed") == 0 || strcmp(key, "sample.seed") == 0;
}

/* Whether b has every setting of a, and the same. */
static bool has_settings_of(const RunFindings *a, const RunFindings *b) {
    for (uint32_t i = 0; i < a->setting_count; i++) {
        const char *other = findings_setting(b, a->settings[i].key);
        if (!is_seed(a->settings[i].key) && (!other || strcmp(other, a->settings[i].value) != 0))
            return false;
    }
    return true;
}

static bool same(const RunFindings *a, const RunFindings *b, bool by_objective) {
    return strcmp(a->data, b->data) == 0 && strcmp(a->split, b->split) == 0 &&
           (!by_objective || strcmp(a->objective, b->objective) == 0);
}

bool runs_alike(const RunFindings *a, const RunFindings *b) {
    return same(a, b, true) && has_settings_of(a, b) && has_settings_of(b, a);
}

/* --- names --- */

static const char *with_setting(const char *label, bool first, const SettingRow *row,
                                uint32_t which, Pool *pool) {
    const char *key = strncmp(row->key, "train.", 6) == 0 ? row->key + 6 : row->key;
    return pool_print(pool, "%s%s%s=%s", label, first ? ": " : ", ", key, row->values[which]);
}

/* `label`, and behind it the settings that differ: as many as there is room for, and at last the
 * seed. Of a kind neither objective nor seed. */
static const char *with_settings(const char *label, uint32_t which, bool kind,
                                 const SettingTable *table, Pool *pool) {
    uint32_t named = 0;
    for (int seeds = 0; seeds < (kind ? 1 : 2); seeds++)
        for (uint32_t i = 0; i < table->count && label; i++) {
            const SettingRow *row = &table->rows[i];
            const bool said = kind && strcmp(row->key, "train.objective") == 0;
            if (!row->differs || !row->values[which] || said || is_seed(row->key) != (seeds == 1))
                continue;
            const char *longer = with_setting(label, !named, row, which, pool);
            if (!longer || (!seeds && (named == LABEL_SETTINGS || strlen(longer) > LABEL_LENGTH)))
                continue;
            label = longer;
            named++;
        }
    return label;
}

const char **runs_label(const RunFindings *runs, uint32_t count, const SettingTable *table,
                        Pool *pool) {
    const char **labels = pool_array(pool, count, sizeof *labels);
    for (uint32_t r = 0; labels && r < count; r++)
        labels[r] = count == 1 ? runs[r].id : with_settings(runs[r].address, r, false, table, pool);
    return labels;
}

const char *runs_kind_label(const RunFindings *runs, uint32_t which, const SettingTable *table,
                            Pool *pool) {
    return with_settings(runs[which].objective, which, true, table, pool);
}

/* --- groups --- */

uint32_t runs_group(const RunFindings *runs, uint32_t count, bool by_objective, Pool *pool,
                    uint32_t **groups) {
    uint32_t found = 0;
    uint32_t *numbers = pool_array(pool, count, sizeof *numbers);
    *groups = numbers;
    for (uint32_t r = 0; numbers && r < count; r++) {
        uint32_t first = 0;
        while (first < r && !same(&runs[first], &runs[r], by_objective))
            first++;
        numbers[r] = first < r ? numbers[first] : found++;
    }
    return numbers ? found : 0;
}
