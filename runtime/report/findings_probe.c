/* Shares are worked out again from what was counted, so a file cannot say other than it does. */
#include "runtime/files/file.h"
#include "runtime/integer.h"
#include "runtime/report/findings_read.h"
#include "runtime/report/listing.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MOST_LAYERS = 4096, MOST_PROBES = 4096, JSON_BYTES = 64 * 1024 * 1024 };

/* --- files --- */

bool findings_have(const RunFindings *run, const char *name) {
    char *path = file_path(run->folder, name);
    const bool have = path && access(path, F_OK) == 0;
    free(path);
    return have;
}

json_t *findings_read_json(RunFindings *run, const char *name, Pool *pool) {
    FileError error = {"no memory"};
    size_t size;
    if (!findings_have(run, name))
        return NULL;
    char *path = file_path(run->folder, name);
    char *text = path ? file_read(path, JSON_BYTES, &size, &error) : NULL;
    json_t *json = text ? json_loadb(text, size, JSON_REJECT_DUPLICATES, NULL) : NULL;
    if (!text)
        findings_note(run, pool, "%s", error.text);
    else if (!json_is_object(json))
        findings_note(run, pool, "%s is damaged, and left out", name);
    if (!json_is_object(json)) {
        json_decref(json);
        json = NULL;
    }
    free(text);
    free(path);
    return json;
}

/* --- shares --- */

/* {"n": 360, "correct": 340} */
static bool read_share(const json_t *json, Share *share) {
    const json_t *n = json_object_get(json, "n"), *correct = json_object_get(json, "correct");
    const int64_t count = json_integer_value(n), hits = json_integer_value(correct);
    if (!json_is_integer(n) || !json_is_integer(correct) || count < 1 || hits < 0 || hits > count)
        return false;
    *share = (Share){(double)hits / (double)count, interval_of_share(hits, count), count};
    return true;
}

/* --- probes --- */

/* The 3 of "feature[3]". */
static int64_t number_of(const char *name, int64_t otherwise) {
    const char *bracket = strrchr(name, '[');
    const char *at = bracket ? bracket + 1 : "";
    int64_t number;
    return integer_take(&at, &number) && number >= 0 && number < INT32_MAX && strcmp(at, "]") == 0
               ? number
               : otherwise;
}

static bool read_layer(const json_t *json, int64_t place, Pool *pool, ProbedLayer *layer) {
    const char *name = json_string_value(json_object_get(json, "features"));
    const json_t *test = json_object_get(json_object_get(json, "all_labels"), "test");
    if (!name || !read_share(test, &layer->test))
        return false;
    layer->number = number_of(name, place);
    layer->name = pool_copy_clean(pool, name);
    return layer->name != NULL;
}

static bool read_probe(const json_t *json, Pool *pool, ProbeFindings *probe) {
    const json_t *step = json_object_get(json, "step"), *layers = json_object_get(json, "layers");
    const size_t count = json_array_size(layers);
    *probe = (ProbeFindings){.step = json_integer_value(step)};
    if (!json_is_integer(step) || probe->step < 0 || !count || count > MOST_LAYERS)
        return false;
    probe->layers = pool_array(pool, count, sizeof *probe->layers);
    for (size_t i = 0; probe->layers && i < count; i++)
        if (!read_layer(json_array_get(layers, i), (int64_t)i, pool, &probe->layers[i]))
            return false;
    probe->count = (uint32_t)count;
    probe->has_pixels = read_layer(json_object_get(json, "pixels"), 0, pool, &probe->pixels);
    return probe->layers && read_layer(json_object_get(json, "best"), 0, pool, &probe->best);
}

static void probe_add(RunFindings *run, const char *name, Pool *pool) {
    ProbeFindings probe;
    json_t *json = findings_read_json(run, name, pool);
    const bool sound = json && read_probe(json, pool, &probe);
    if (json && !sound)
        findings_note(run, pool, "%s is not what `probe' writes, and left out", name);
    json_decref(json);
    ProbeFindings *larger =
        sound ? pool_grow(pool, run->probes, run->probe_count, sizeof *run->probes) : NULL;
    if (!larger)
        return;
    run->probes = larger;
    larger[run->probe_count++] = probe;
}

static bool is_step(const char *name) { return strncmp(name, "step-", 5) == 0; }

static int by_step(const void *left, const void *right) {
    const ProbeFindings *a = left, *b = right;
    return (a->step > b->step) - (a->step < b->step);
}

/* The probe that the run is known by is kept for itself as well. */
static void keep(RunFindings *run, uint32_t which, Pool *pool) {
    ProbeFindings *probe = which < run->probe_count ? pool_array(pool, 1, sizeof *probe) : NULL;
    if (probe)
        *probe = run->probes[which];
    run->probe = probe;
}

/* One probe a step. */
static void drop_repeated(RunFindings *run) {
    uint32_t kept = 0;
    for (uint32_t i = 0; i < run->probe_count; i++)
        if (!kept || run->probes[kept - 1].step != run->probes[i].step)
            run->probes[kept++] = run->probes[i];
    run->probe_count = kept;
}

void findings_read_probes(RunFindings *run, bool all, Pool *pool) {
    const char **names;
    probe_add(run, "probe/probe.json", pool);
    keep(run, 0, pool);
    const bool steps = all || !run->probe;
    const char *folder = steps ? pool_print(pool, "%s/probe", run->folder) : NULL;
    const uint32_t count = folder ? listing_read(folder, is_step, MOST_PROBES, pool, &names) : 0;
    for (uint32_t i = 0; i < count; i++) {
        const char *name = pool_print(pool, "probe/%s/probe.json", names[i]);
        if (name)
            probe_add(run, name, pool);
    }
    if (run->probe_count)
        qsort(run->probes, run->probe_count, sizeof *run->probes, by_step);
    drop_repeated(run);
    if (!run->probe && run->probe_count)
        keep(run, run->probe_count - 1, pool); /* of the last step */
}

/* --- the test split --- */

void findings_read_test(RunFindings *run, Pool *pool) {
    json_t *json = findings_read_json(run, "eval/test.json", pool);
    TestFindings *test = json ? pool_array(pool, 1, sizeof *test) : NULL;
    if (test) {
        const json_t *loss = json_object_get(json, "loss");
        *test = (TestFindings){.step = json_integer_value(json_object_get(json, "step")),
                               .images = json_integer_value(json_object_get(json, "images")),
                               .loss = json_is_number(loss) ? json_number_value(loss) : NAN};
        read_share(json_object_get(json, "classes"), &test->accuracy);
    }
    run->test = test;
    json_decref(json);
}
