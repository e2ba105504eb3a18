/* What runs have in common, and what tells them apart: their settings side by side, and short names
 * that follow from them. */
#ifndef SCANLINE_RUNTIME_DIFFERENCES_H
#define SCANLINE_RUNTIME_DIFFERENCES_H

#include "runtime/report/findings.h"

typedef struct SettingRow {
    const char *key;
    const char **values; /* of each run; NULL: it has none */
    bool differs;
} SettingRow;

typedef struct SettingTable {
    SettingRow *rows; /* every setting that some run has, in the order in which they come up */
    uint32_t count;
} SettingTable;

/* NULL rows: no memory, as the pool remembers. */
SettingTable settings_compare(const RunFindings *runs, uint32_t count, Pool *pool);

/* A short name for each run: "4: layers=4, train.seed=1", from its address and what differs; of one
 * run its id. NULL: no memory. */
const char **runs_label(const RunFindings *runs, uint32_t count, const SettingTable *table,
                        Pool *pool);

/* Whether two runs are told apart by nothing but their seeds. */
bool runs_alike(const RunFindings *a, const RunFindings *b);

/* The name of all runs like run `which`: "ar: layers=4". NULL: no memory. */
const char *runs_kind_label(const RunFindings *runs, uint32_t which, const SettingTable *table,
                            Pool *pool);

/* Numbers from 0 for runs whose losses can stand on one axis: the same objective, images and split.
 * Answers how many groups there are. NULL groups: no memory. */
uint32_t runs_group(const RunFindings *runs, uint32_t count, bool by_objective, Pool *pool,
                    uint32_t **groups);

#endif
