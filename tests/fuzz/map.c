/* Mutated maps: what is refused has a reason; what is accepted and fits the experiment must place
 * every element of every parameter in its tensor, and give a config that it accepts itself. The
 * corpus: the maps of models/.
 *
 *     fuzz_map [ROUNDS [SEED]]                         the same rounds every time */
#include "runtime/interchange/map_config.h"
#include "runtime/interchange/map_place.h"
#include "tests/fuzz/mutate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LONGEST = 8192, DEFAULT_ROUNDS = 50000 };

/* The parameters of igpt.scan with one layer and a classifier. */
static Parameter igpt[] = {
    {"wte", 2, {"v", "d"}, {5, 4}, 20},
    {"wpe", 2, {"n", "d"}, {3, 4}, 12},
    {"sos", 1, {"d"}, {4}, 4},
    {"head", 2, {"v", "d"}, {5, 4}, 20},
    {"wclf", 2, {"k", "d"}, {2, 4}, 8},
    {"ln_f.g", 1, {"d"}, {4}, 4},
    {"block.0.ln_1.g", 1, {"d"}, {4}, 4},
    {"block.0.ln_2.g", 1, {"d"}, {4}, 4},
    {"block.0.attn.wq", 3, {"d", "h", "e"}, {4, 2, 2}, 16},
    {"block.0.attn.wk", 3, {"d", "h", "e"}, {4, 2, 2}, 16},
    {"block.0.attn.wv", 3, {"d", "h", "e"}, {4, 2, 2}, 16},
    {"block.0.attn.wo", 3, {"h", "e", "d"}, {2, 2, 4}, 16},
    {"block.0.mlp.fc", 2, {"d", "f"}, {4, 6}, 24},
    {"block.0.mlp.proj", 2, {"f", "d"}, {6, 4}, 24},
};
static Setting settings[] = {{"layers", "1", "x", false}, {"h", "2", "x", false}};
static const Experiment experiment = {.parameters = igpt,
                                      .parameter_count = sizeof igpt / sizeof *igpt,
                                      .settings = settings,
                                      .setting_count = 2};

_Noreturn static void fail(const char *what, const char *text, size_t length) {
    fprintf(stderr, "%s:\n%.*s\n", what, (int)length, text);
    abort();
}

/* What is given and taken again is the same. */
static bool keeps_values(const PlacedTensor *tensor) {
    float *made = calloc((size_t)tensor->elements, sizeof *made), own[64], again[64];
    bool same = made;
    for (uint32_t i = 0; i < tensor->rule->part_count && same; i++) {
        const PlacedPart *part = &tensor->parts[i];
        if (part->parameter == PLACE_ABSENT)
            continue;
        const Parameter *parameter = &experiment.parameters[part->parameter];
        for (int64_t j = 0; j < parameter->elements; j++)
            own[j] = (float)(j + 1);
        place_give(part, parameter, own, made);
        place_take(part, parameter, made, again);
        same = memcmp(own, again, (size_t)parameter->elements * sizeof *own) == 0;
    }
    free(made);
    return same;
}

static bool check_text(const char *text, size_t length) {
    FileError error = {""};
    PlacedMap placed;
    Map *map = map_parse("fuzz.map", text, length, &error);
    if (!map && strlen(error.text) < 15)
        fail("refused without a reason", text, length);
    bool fits = map && map_place(map, &experiment, &placed, &error);
    if (map && !fits && strlen(error.text) < 15)
        fail("no place, and no reason", text, length);
    for (uint32_t i = 0; fits && i < placed.tensor_count; i++)
        if (placed.tensors[i].elements < 1 << 20 && !keeps_values(&placed.tensors[i]))
            fail("values are lost", text, length);
    if (fits)
        map_unplace(&placed);
    json_t *config = map ? config_make(map, &experiment, &error) : NULL;
    if (config)
        config_check(map, config, &experiment, &error);
    json_decref(config);
    map_free(map);
    return fits;
}

static const char *const words[] = {
    "spec ",     "dim ",     "config ",
    "write ",    "prefix ",  "tensor ",
    "copy ",     "ignore ",  " or ",
    "or 0",      "or none",  " with ",
    "[",         "]",        "(",
    ")",         "|",        ",",
    "=",         "#",        "\n",
    "\"",        "{layers}", "{h}",
    "{",         "}",        "1",
    "v",         "d",        "(h e)",
    "(e h)",     "wte",      "sos",
    "block.0.w", "null",     "[[",
    "\xc3\xa9",  "\xff",     "(v v v v v v v v)",
    " - ",       " + ",      "1e5",
};

static size_t read_original(const char *path, char *bytes) {
    FileError error;
    size_t size;
    char *text = file_read(path, LONGEST, &size, &error);
    if (!text)
        fail(error.text, path, strlen(path));
    memcpy(bytes, text, size);
    free(text);
    return size;
}

int main(int argument_count, char **arguments) {
    const long rounds = argument_count > 1 ? strtol(arguments[1], NULL, 10) : DEFAULT_ROUNDS;
    Mutator mutator = {.state = argument_count > 2 ? strtoull(arguments[2], NULL, 10) : 1,
                       .dictionary = words,
                       .word_count = sizeof words / sizeof words[0]};
    static char original[LONGEST], text[LONGEST];
    const size_t size = read_original(SCANLINE_SOURCE_DIR "/models/igpt-hf.map", original);
    long accepted = 0;
    for (long round = 0; round < rounds; round++) {
        memcpy(text, original, size);
        accepted += check_text(text, mutate(&mutator, text, size, LONGEST));
    }
    printf("%ld maps, %ld accepted\n", rounds, accepted);
    return accepted > 0 && accepted < rounds ? EXIT_SUCCESS : EXIT_FAILURE;
}
