/* Maps: their language, and that what they leave unsaid or say twice is refused with its line. */
#include "runtime/interchange/map_config.h"
#include "runtime/interchange/map_place.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static Map *parse(const char *text) {
    FileError error = {""};
    Map *map = map_parse("a.map", text, strlen(text), &error);
    cr_assert(map, "%s", error.text);
    return map;
}

static void expect_fault(const char *text, const char *words) {
    FileError error = {""};
    cr_assert_null(map_parse("a.map", text, strlen(text), &error), "%s", text);
    cr_assert(strstr(error.text, words), "'%s' is not in: %s", words, error.text);
}

/* --- the language --- */

Test(map, statements_are_read) {
    Map *map = parse("# a comment\r\n"
                     "spec  some-spec # another\n"
                     "dim v = vocab_size - 1\n\tdim n=n_positions\n"
                     "config inner = null or f or 3e-1\n"
                     "write names = [\"a\", {\"b\": 1}] with wclf\n"
                     "prefix model.\n"
                     "tensor a.{layers}/x [d, (h e) | 1] = q.{layers} | r.{layers} or 0\n"
                     "tensor s [] = s or none\n"
                     "copy b = a\nignore c");
    cr_assert_str_eq(map->spec, "some-spec");
    cr_assert_str_eq(map->prefix, "model.");
    cr_assert(map->dim_count == 2 && map->dims[0].added == 1 && map->dims[1].added == 0);
    cr_assert(map->config_count == 1 && map->configs[0].value_count == 3);
    cr_assert(json_is_null(map->configs[0].values[0].literal));
    cr_assert_str_eq(map->configs[0].values[1].dim, "f");
    cr_assert_eq(json_real_value(map->configs[0].values[2].literal), 0.3);
    cr_assert_str_eq(map->writes[0].with, "wclf");
    cr_assert_eq(json_array_size(map->writes[0].value.literal), 2);
    cr_assert(map->tensor_count == 2 && map->copy_count == 1 && map->ignored_count == 1);
    map_free(map);
}

Test(map, faults_name_their_line) {
    expect_fault("\n\nfoo bar", "a.map:3: spec, dim, config");
    expect_fault("dim v", "'=' is expected, and there is the end of the line");
    expect_fault("dim v = x - y", "'y' is no number");
    expect_fault("dim v = x 3", "the end of the line is expected, and there is '3'");
    expect_fault("config a = ", "a JSON value or the name of a dim is expected");
    expect_fault("config a = \"x", "a JSON value");
    expect_fault("config a = 1 or 2 or 3 or 4 or 5", "more than 4 values");
    expect_fault("tensor a", "'[' is expected");
    expect_fault("tensor a [d = b", "']' is expected");
    expect_fault("tensor a [(d = b", "an axis is expected");
    expect_fault("tensor a [d] b", "'=' is expected");
    expect_fault("tensor a [d | 1] = b", "1 parameters are named for 2 places");
    expect_fault("tensor a [d] = b | c", "more parameters than there are places");
    expect_fault("tensor a [d | d, e | e] = b | c", "along one axis alone");
    expect_fault("tensor a [d] = b or 1", "0 or none is expected");
    expect_fault("tensor a [a,a,a,a,a,a,a,a,a] = b", "more than 8 axes");
    expect_fault("tensor a [d|d|d|d|d|d|d|d|d] = b", "more than 8 parts");
    expect_fault("copy a", "'=' is expected");
    FileError error;
    cr_assert_null(map_parse("a.map", "spec\0a", 6, &error));
    cr_assert(strstr(error.text, "NUL"), "%s", error.text);
}

/* --- places --- */

static Parameter parameters[] = {
    {"wte", 2, {"v", "d"}, {5, 4}, 20},
    {"sos", 1, {"d"}, {4}, 4},
    {"block.0.w", 3, {"d", "h", "e"}, {4, 2, 3}, 24},
    {"block.1.w", 3, {"d", "h", "e"}, {4, 2, 3}, 24},
};
static Setting settings[] = {{"layers", "2", "x", false}, {"train.steps", "3", "x", false}};
static const Experiment experiment = {
    .parameters = parameters, .parameter_count = 4, .settings = settings, .setting_count = 2};

#define SOUND                                                                                      \
    "tensor e [v | 1, d] = wte | sos\n"                                                            \
    "tensor w.{layers} [(e h), d] = block.{layers}.w\n"

Test(map, places_are_by_axes) {
    FileError error;
    PlacedMap placed;
    Map *map = parse(SOUND);
    cr_assert(map_place(map, &experiment, &placed, &error), "%s", error.text);
    cr_assert_eq(placed.tensor_count, 3);
    const PlacedTensor *e = &placed.tensors[0], *w = &placed.tensors[2];
    cr_assert(e->rank == 2 && e->extents[0] == 6 && e->extents[1] == 4 && e->elements == 24);
    cr_assert(e->parts[1].base == 20 && e->parts[1].strides[0] == 1);
    cr_assert(!place_is_whole(e, &experiment) && !place_is_whole(w, &experiment));
    cr_assert_str_eq(w->name, "w.1");
    cr_assert_eq(w->parts[0].parameter, 3);
    /* w[d, h, e] lies at [e * 2 + h, d] */
    cr_assert(w->parts[0].strides[0] == 1 && w->parts[0].strides[1] == 4 &&
              w->parts[0].strides[2] == 8);
    float tensor[24], values[24], again[24] = {0};
    for (int i = 0; i < 24; i++)
        tensor[i] = (float)i;
    place_take(&w->parts[0], &parameters[3], tensor, values);
    cr_assert_eq(values[(2 * 2 + 1) * 3 + 2], (2 * 2 + 1) * 4 + 2);
    place_give(&w->parts[0], &parameters[3], values, again);
    cr_assert_arr_eq(tensor, again, sizeof tensor);
    map_unplace(&placed);
    map_free(map);
}

static void expect_misplaced(const char *text, const char *words) {
    FileError error = {""};
    PlacedMap placed;
    Map *map = parse(text);
    cr_assert(!map_place(map, &experiment, &placed, &error), "%s", text);
    cr_assert(strstr(error.text, words), "'%s' is not in: %s", words, error.text);
    map_free(map);
}

Test(map, what_does_not_fit_the_spec_is_refused) {
    expect_misplaced("tensor e [v | 1, d] = wte | sos", "no place for the parameter 'block.0.w'");
    expect_misplaced(SOUND "tensor x [d] = sos", "several places for the parameter 'sos'");
    expect_misplaced("tensor e [v, d] = head", "a.map:1: the spec has no parameter 'head'");
    expect_misplaced("tensor e [v | 1, d] = wte | head or 0", "no parameter 'head'");
    expect_misplaced("tensor e [v, q] = wte", "the spec has no dim or axis 'q'");
    expect_misplaced("tensor e [v, h] = wte", "'wte' has no axis 'h'");
    expect_misplaced("tensor e [v, v] = wte", "'wte' has only one axis 'v'");
    expect_misplaced("tensor e [v] = wte", "the axis 'd' of 'wte' has no place");
    expect_misplaced("tensor w.{blocks} [d] = b.{blocks}", "the spec has no dim 'blocks'");
    expect_misplaced("tensor w.{layers} [d] = sos", "must have the same braces");
    expect_misplaced("tensor w [d] = block.{layers}.w", "must have the same braces");
    expect_misplaced("tensor w.{layers}.{v} [d] = sos", "one dim in one pair of braces");
    expect_misplaced("tensor w.{layers [d] = sos", "one dim in one pair of braces");
    expect_misplaced("ignore x.{blocks}", "no dim 'blocks'");
    expect_misplaced("copy x.{layers} = y", "a copy has no braces");
    expect_misplaced("tensor e [(v v v v v v v v), (v v v v v v v v), (v v v v v v v v), "
                     "(v v v v v v v v)] = wte",
                     "too large a tensor");
}

/* Zeros have a shape though the spec has nothing for them; what is not to be there need not. */
Test(map, parameters_may_be_absent) {
    FileError error;
    PlacedMap placed;
    Map *map = parse(SOUND "tensor b [(h e) | d] = bq | bk or 0\ntensor s [k] = wclf or none");
    cr_assert(map_place(map, &experiment, &placed, &error), "%s", error.text);
    cr_assert_eq(placed.tensors[3].parts[0].parameter, PLACE_ABSENT);
    cr_assert_eq(placed.tensors[3].elements, 10);
    cr_assert_eq(placed.tensors[4].parts[0].parameter, PLACE_ABSENT);
    map_unplace(&placed);
    map_free(map);
}

/* --- config.json --- */

Test(map, config_gives_dims_and_takes_them) {
    FileError error;
    int64_t value;
    Map *map = parse("dim v = size - 1\ndim layers = depth\nconfig act = \"a\"\n"
                     "write kind = [1]\nwrite kind = [2] with sos\nwrite kind = [3] with head\n"
                     "write width = d");
    json_t *config = json_pack("{s:i, s:s}", "size", 6, "depth", "many");
    cr_assert(config_dim(&map->dims[0], config, &value, &error) && value == 5);
    cr_assert(!config_dim(&map->dims[1], config, &value, &error));
    json_object_del(config, "depth");
    cr_assert(config_dim(&map->dims[1], config, &value, &error) && value == 0);
    json_decref(config);
    config = config_make(map, &experiment, &error);
    json_t *wanted = json_pack("{s:i, s:i, s:s, s:[i], s:i}", "size", 6, "depth", 2, "act", "a",
                               "kind", 2, "width", 4);
    cr_assert(json_equal(config, wanted));
    json_decref(config);
    json_decref(wanted);
    map_free(map);
}
