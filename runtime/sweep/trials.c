/* Entering the trials, and having them one at a time. */
#include "runtime/sweep/trials.h"

#include "runtime/sweep/claim.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xxhash.h>

/* --- which there are --- */

static const char *name_of(Pool *pool, const SweepSpace *space, const char *const *values) {
    const char *name = "";
    for (uint32_t i = 0; i < space->key_count && name; i++)
        name = values[i] ? pool_print(pool, "%s%s%s=%s", name, i ? " " : "", space->keys[i].key,
                                      values[i])
                         : NULL;
    return name;
}

static bool grid_each(const SweepPlan *plan, SweepVisit *visit, void *user, RunError *error) {
    const char *values[SWEEP_MOST_KEYS];
    int64_t count;
    bool going = space_count(&plan->space, &count, error);
    for (int64_t i = 0; i < count && going; i++) {
        Pool pool = {0};
        space_grid(&plan->space, i, values);
        const char *name = name_of(&pool, &plan->space, values);
        going = name ? visit(user, values, name, error) : run_no_memory(error, "a trial");
        pool_free(&pool);
    }
    return going;
}

/* Names that were there; a table of their hashes, of twice as many places as there will be names.
 */
typedef struct Seen {
    uint64_t *hashes; /* 0: free */
    uint64_t places;
} Seen;

/* Whether it was not there. Two names of one hash of 64 bits are taken to be one. */
static bool seen_add(Seen *seen, const char *name) {
    const uint64_t hash = XXH3_64bits(name, strlen(name)) | 1;
    uint64_t at = hash % seen->places;
    while (seen->hashes[at] && seen->hashes[at] != hash)
        at = (at + 1) % seen->places;
    const bool fresh = !seen->hashes[at];
    seen->hashes[at] = hash;
    return fresh;
}

static bool few(const SweepPlan *plan, int64_t found, RunError *error) {
    return run_fail(error, EXIT_USAGE,
                    "there are hardly %lld different trials to be drawn (%lld were found): ask for "
                    "fewer, or go through all with --method grid",
                    (long long)plan->count, (long long)found);
}

static bool random_each(const SweepPlan *plan, SweepVisit *visit, void *user, RunError *error) {
    enum { DRAWS_A_TRIAL = 100 };
    const char *values[SWEEP_MOST_KEYS];
    Seen seen = {.places = 2 * (uint64_t)plan->count + 1};
    seen.hashes = calloc(seen.places, sizeof *seen.hashes);
    bool going = seen.hashes || run_no_memory(error, "the trials");
    int64_t found = 0;
    for (int64_t i = 0; i < plan->count * DRAWS_A_TRIAL && found < plan->count && going; i++) {
        Pool pool = {0};
        space_draw(&pool, &plan->space, plan->seed, (uint32_t)i, values);
        const char *name = name_of(&pool, &plan->space, values);
        if (!name || pool.failed)
            going = run_no_memory(error, "a trial");
        else if (seen_add(&seen, name)) {
            found++;
            going = visit(user, values, name, error);
        }
        pool_free(&pool);
    }
    free(seen.hashes);
    return going && (found == plan->count || few(plan, found, error));
}

bool trials_each(const SweepPlan *plan, SweepVisit *visit, void *user, RunError *error) {
    return plan->method == SWEEP_GRID ? grid_each(plan, visit, user, error)
                                      : random_each(plan, visit, user, error);
}

/* --- entered --- */

typedef struct Entering {
    Store *store;
    const SweepPlan *plan;
    int64_t id; /* of the last */
    int64_t there;
} Entering;

static bool enter(void *user, const char *const *values, const char *name, RunError *error) {
    Entering *entering = user;
    Store *store = entering->store;
    const SweepPlan *plan = entering->plan;
    const int64_t id = ++entering->id;
    if (id <= entering->there)
        return true;
    const bool ours = (id - 1) % plan->parts == plan->part;
    bool entered = store_run(store, error, "INSERT INTO trials (id, name, state) VALUES (?, ?, ?)",
                             "itt", id, name, ours ? "waiting" : "elsewhere");
    for (uint32_t i = 0; i < plan->space.key_count && entered; i++)
        entered = store_run(store, error, "INSERT INTO settings VALUES (?, ?, ?, ?)", "iitt", id,
                            (int64_t)i, plan->space.keys[i].key, values[i]);
    return entered;
}

static bool refuse(const Store *store, const SweepPlan *plan, sqlite3_stmt *row, RunError *error) {
    const char *description = store_text(row, 0);
    if (strcmp(description, plan->description) != 0)
        return run_fail(error, EXIT_INPUT,
                        "%s is of another sweep (%.300s; this is %.300s): give another --db",
                        store->path, description, plan->description);
    if (sqlite3_column_int64(row, 3) != plan->parts || sqlite3_column_int64(row, 2) != plan->part)
        return run_fail(error, EXIT_INPUT,
                        "%s is for part %lld of %lld, and this is %lld of %lld: give another --db",
                        store->path, (long long)sqlite3_column_int64(row, 2),
                        (long long)sqlite3_column_int64(row, 3), (long long)plan->part,
                        (long long)plan->parts);
    return run_fail(error, EXIT_INPUT,
                    "%s is of the same sweep of another spec, or with other settings: give another "
                    "--db",
                    store->path);
}

/* Whether what the database is of is this plan; `fresh`: it is of none yet. */
static bool same_plan(Store *store, const SweepPlan *plan, bool *fresh, RunError *error) {
    RunError fault = {0};
    sqlite3_stmt *row =
        store_query(store, &fault, "SELECT description, identity, part, parts FROM sweep", "");
    *fresh = !store_next(store, &row, &fault);
    if (*fault.text)
        *error = fault;
    const bool same = row && strcmp(store_text(row, 1), plan->identity) == 0 &&
                      sqlite3_column_int64(row, 2) == plan->part &&
                      sqlite3_column_int64(row, 3) == plan->parts;
    if (row && !same)
        refuse(store, plan, row, error);
    sqlite3_finalize(row);
    return *fresh ? !*fault.text : same;
}

bool trials_enter(Store *store, const SweepPlan *plan, RunError *error) {
    Entering entering = {.store = store, .plan = plan};
    bool fresh;
    if (!store_begin(store, error))
        return false;
    bool entered = same_plan(store, plan, &fresh, error);
    if (entered && fresh)
        entered = store_run(store, error, "INSERT INTO sweep VALUES (1, ?, ?, ?, ?, ?, ?, ?)",
                            "ttttiit", plan->name, plan->description, plan->identity, plan->figure,
                            plan->part, plan->parts, plan->runs);
    entered = entered &&
              store_integer(store, error, &entering.there, "SELECT count(*) FROM trials", "") &&
              trials_each(plan, enter, &entering, error);
    return store_end(store, entered, error);
}

bool trials_retry(Store *store, RunError *error) {
    return store_run(store, error,
                     "UPDATE trials SET state = 'waiting', code = NULL, reason = NULL, tries = 0 "
                     "WHERE state = 'failed'",
                     "");
}

/* --- claimed --- */

/* The first that nobody has, of those that may be had: of the highest rung, of those the one that
 * was begun least often. */
static bool find(Store *store, SweepTrial *trial, RunError *error) {
    RunError fault = {0};
    sqlite3_stmt *row = store_query(store, &fault,
                                    "SELECT id, rung, name FROM trials "
                                    "WHERE state IN ('waiting', 'running') "
                                    "ORDER BY rung DESC, tries, id",
                                    "");
    while (trial->claim < 0 && store_next(store, &row, &fault)) {
        const int64_t id = sqlite3_column_int64(row, 0);
        trial->claim = claim_take(store->path, id, &fault);
        if (trial->claim == CLAIM_FAILED)
            break;
        if (trial->claim == CLAIM_HELD)
            continue;
        trial->id = id;
        trial->rung = (uint32_t)sqlite3_column_int64(row, 1);
        trial->name = pool_copy(&trial->pool, store_text(row, 2));
    }
    sqlite3_finalize(row);
    if (*fault.text)
        *error = fault;
    return !*fault.text;
}

static bool read_settings(Store *store, SweepTrial *trial, RunError *error) {
    RunError fault = {0};
    Pool *pool = &trial->pool;
    sqlite3_stmt *row = store_query(
        store, &fault, "SELECT key, value FROM settings WHERE trial = ? ORDER BY position", "i",
        trial->id);
    while (store_next(store, &row, &fault)) {
        const char **settings =
            pool_grow(pool, trial->settings, trial->setting_count, sizeof *settings);
        if (!settings)
            break;
        trial->settings = settings;
        settings[trial->setting_count++] =
            pool_print(pool, "%s=%s", store_text(row, 0), store_text(row, 1));
    }
    sqlite3_finalize(row);
    if (!*fault.text && pool->failed)
        run_no_memory(&fault, "a trial");
    if (*fault.text)
        *error = fault;
    return !*fault.text;
}

static bool take(Store *store, const SweepTrial *trial, RunError *error) {
    char host[65] = "";
    gethostname(host, sizeof host - 1);
    return store_run(store, error,
                     "UPDATE trials SET state = 'running', tries = tries + 1, process = ?, "
                     "host = ? WHERE id = ?",
                     "iti", (int64_t)getpid(), host, trial->id);
}

bool trials_claim(Store *store, SweepTrial *trial, RunError *error) {
    *trial = (SweepTrial){.claim = CLAIM_HELD};
    if (!store_begin(store, error))
        return false;
    bool claimed = find(store, trial, error);
    if (claimed && trial->id)
        claimed = read_settings(store, trial, error) && take(store, trial, error);
    claimed = store_end(store, claimed, error);
    if (!claimed)
        trials_release(trial);
    return claimed;
}

void trials_release(SweepTrial *trial) {
    if (trial->claim >= 0)
        close(trial->claim);
    pool_free(&trial->pool);
    *trial = (SweepTrial){.claim = CLAIM_HELD};
}

bool trials_progress(Store *store, const SweepTrial *trial, int64_t step, double loss,
                     RunError *error) {
    return store_run(store, error, "UPDATE trials SET step = ?, loss = ? WHERE id = ?", "idi", step,
                     loss, trial->id);
}
