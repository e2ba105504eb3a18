/* Palettes beside checkpoints: .npy and JSON give the same; what is no palette is refused. */
#include "runtime/interchange/clusters.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FOLDER SCANLINE_SOURCE_DIR "/tests/parity/interchange/"

Test(clusters, arrays_and_json_are_the_same_palette) {
    FileError error;
    Palette array, json, again;
    cr_assert(clusters_find(&array, FOLDER "bias", &error), "%s", error.text);
    cr_assert(clusters_find(&json, FOLDER "half", &error), "%s", error.text);
    cr_assert(array.colours == 24 && array.channels == 3);
    cr_assert(json.colours == 24 && json.channels == 3);
    cr_assert_arr_eq(array.centres, json.centres, 24 * 3 * sizeof(float));
    json_t *text = clusters_to_json(&array);
    cr_assert(clusters_from_json(&again, text, "x", &error), "%s", error.text);
    cr_assert_arr_eq(array.centres, again.centres, 24 * 3 * sizeof(float));
    json_decref(text);
    palette_free(&array);
    palette_free(&json);
    palette_free(&again);
}

Test(clusters, a_folder_without_a_palette_has_none) {
    FileError error;
    Palette clusters;
    cr_assert(clusters_find(&clusters, FOLDER "plain", &error));
    cr_assert_null(clusters.centres);
}

static void expect_refused(const char *text, const char *words) {
    FileError error = {""};
    Palette clusters;
    json_t *json = json_loads(text, JSON_DECODE_ANY, NULL);
    cr_assert(json);
    cr_assert(!clusters_from_json(&clusters, json, "a.json", &error), "%s", text);
    cr_assert_null(clusters.centres);
    cr_assert(strstr(error.text, words), "%s", error.text);
    json_decref(json);
}

Test(clusters, what_is_no_palette_is_refused) {
    FileError error = {""};
    Palette clusters;
    expect_refused("[]", "a.json");
    expect_refused("7", "a.json");
    expect_refused("[[1, 2]]", "a.json");
    expect_refused("[[0, 0, 0], [0, 0]]", "no list of colours");
    expect_refused("[[0, 0, 0], [0, \"a\", 0]]", "no list of colours");
    cr_assert(!clusters_read(&clusters, FOLDER "losses.txt", &error));
    cr_assert(!clusters_read(&clusters, "/nowhere.npy", &error));
    cr_assert(clusters_read(&clusters, FOLDER "bias/config.json", &error));
    cr_assert_null(clusters.centres);
}
