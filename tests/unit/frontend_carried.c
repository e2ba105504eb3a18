/* A carried spec read again: what changes nothing that is compiled, what does, and who is to blame.
 */
#include "frontend/carried_spec.h"

#include "frontend/fingerprint.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char main_text[] =
    "use \"rule.scan\"\n"
    "dim n = 4, v = 3, d = 2\n"
    "const rate = 0.1, weight = 0.5\n"
    "input tokens: int[n] < v\n"
    "param table[v, d] ~ normal(1)\n"
    "objective ar { loss = weight * mean[n](sum[d](table[v = tokens]^2)) }\n"
    "objective other { loss = mean[n](sum[d](table[v = tokens])) }\n"
    "train { objective = ar; batch = 16; chunks = 4; steps = 10; update = sgd(lr = rate * "
    "warmup(5)) }\n";
static const char rule_text[] = "update sgd(w, g, lr) { w = w - lr * g }\n";

static Arena *arena;
static CarriedFile files[2];
static const char *settings[1];
static char hash[HASH_SIZE];
static Carried carried;

static void setup(void) {
    arena = arena_create();
    files[0] = (CarriedFile){"folder/rule.scan", rule_text, sizeof rule_text - 1};
    files[1] = (CarriedFile){"folder/main.scan", main_text, sizeof main_text - 1};
    settings[0] = "train.seed=3";
    carried = (Carried){.fingerprint = hash,
                        .main = "folder/main.scan",
                        .files = files,
                        .file_count = 2,
                        .settings = settings,
                        .setting_count = 1};
    const CarriedSpec read = carried_read(&carried, arena, NULL, 0);
    cr_assert(read.is_sound, "%s", diagnostics_text(read.diagnostics, false));
    fingerprint(arena, read.lowered, &read.experiment, hash);
}

static void teardown(void) { arena_destroy(arena); }

TestSuite(carried, .init = setup, .fini = teardown);

static bool fits(const char *first, const char *second) {
    const char *given[] = {first, second};
    const CarriedSpec read = carried_read(&carried, arena, given, second ? 2 : 1);
    cr_assert(read.is_sound, "%s: %s", first, diagnostics_text(read.diagnostics, false));
    return carried_fits(&carried, arena, read.lowered, &read.experiment);
}

Test(carried, what_runs_are_told_can_be_set) {
    cr_expect(fits("train.steps=20", NULL));
    cr_expect(fits("data.source=other.images", "sample.images=3"));
    cr_expect(fits("rate=0.7", NULL));
    cr_expect(fits("train.update=sgd(lr = 2 * cosine())", NULL));
    cr_expect(fits("train.batch=32", "train.chunks=8"), "chunks as large as before");
}

Test(carried, what_is_computed_cannot) {
    cr_expect_not(fits("d=3", NULL));
    cr_expect_not(fits("weight=0.6", NULL));
    cr_expect_not(fits("train.objective=other", NULL));
    cr_expect_not(fits("train.precision=bf16_emulated", NULL));
    cr_expect_not(fits("train.batch=32", NULL));
    cr_expect_not(fits("train.batch=4", "train.chunks=1"), "one chunk is another program");
    cr_expect_not(fits("train.update=sgd(lr = 0)", NULL));
}

Test(carried, settings_of_the_compilation_are_kept_or_replaced) {
    const char *given[] = {" train.seed = 8"};
    const CarriedSpec own = carried_read(&carried, arena, NULL, 0);
    const CarriedSpec other = carried_read(&carried, arena, given, 1);
    cr_expect_eq(own.experiment.train.seed, 3);
    cr_assert(other.is_sound, "%s", diagnostics_text(other.diagnostics, false));
    cr_expect_eq(other.experiment.train.seed, 8);
}

Test(carried, culprits_are_named) {
    const char *given[] = {"rate=0.2", "d=3", "train.steps=7", "weight=1"};
    cr_expect_str_eq(carried_culprits(&carried, arena, given, 4), "d=3, weight=1");
    const char *together[] = {"train.chunks=2", "train.steps=7"};
    cr_expect_str_eq(carried_culprits(&carried, arena, together, 2), "train.chunks=2");
}

Test(carried, a_flattened_spec_is_the_same_program) {
    const CarriedSpec own = carried_read(&carried, arena, NULL, 0);
    const char *flat = spec_flatten(own.spec);
    CarriedFile file = {"spec.scan", flat, strlen(flat)};
    Carried flattened = {.fingerprint = hash, .main = "spec.scan", .files = &file, .file_count = 1};
    const CarriedSpec read = carried_read(&flattened, arena, NULL, 0);
    cr_assert(read.is_sound, "%s", diagnostics_text(read.diagnostics, false));
    cr_expect(carried_fits(&flattened, arena, read.lowered, &read.experiment));
}

Test(carried, the_disk_is_not_looked_at) {
    char folder[] = "/tmp/scanline-carried-XXXXXX";
    cr_assert(mkdtemp(folder) && chdir(folder) == 0);
    FILE *file = fopen("rule.scan", "w");
    cr_assert(file && fputs(rule_text, file) >= 0 && fclose(file) == 0);
    carried.main = files[1].path = "main.scan";
    const CarriedSpec read = carried_read(&carried, arena, NULL, 0);
    cr_expect_not(read.is_sound, "rule.scan is beside main.scan on the disk, and not carried");
    cr_expect(strstr(diagnostics_text(read.diagnostics, false), "there is no file 'rule.scan'"));
    unlink("rule.scan");
    cr_assert(chdir("/") == 0 && rmdir(folder) == 0);
}
