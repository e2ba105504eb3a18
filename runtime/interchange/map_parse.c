/* One line, one statement. */
#include "runtime/interchange/map.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

typedef struct MapParser {
    Map *map;
    const char *at, *end; /* of the line */
    char *pool;           /* in map->text: where the next word goes */
    uint32_t line;
    FileError *error;
} MapParser;

/* --- faults --- */

bool map_fail(const Map *map, uint32_t line, FileError *error, const char *format, ...) {
    char text[400];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    snprintf(error->text, sizeof error->text, "%.100s:%u: %s", map->path, line, text);
    return false;
}

/* What stands in the line, instead of what should. */
static bool fail_at(const MapParser *parser, const char *wanted) {
    char found[32] = "the end of the line";
    if (parser->at < parser->end)
        snprintf(found, sizeof found, "'%.*s'",
                 parser->end - parser->at < 20 ? (int)(parser->end - parser->at) : 20, parser->at);
    return map_fail(parser->map, parser->line, parser->error, "%s is expected, and there is %s",
                    wanted, found);
}

static bool fail_memory(const MapParser *parser) {
    return map_fail(parser->map, parser->line, parser->error, "out of memory");
}

static bool fail_many(const MapParser *parser, const char *what, int most) {
    return map_fail(parser->map, parser->line, parser->error, "more than %d %s", most, what);
}

/* --- words and marks --- */

static void skip_space(MapParser *parser) {
    while (parser->at < parser->end && (*parser->at == ' ' || *parser->at == '\t'))
        parser->at++;
}

static bool is_word(char byte) {
    return (byte & 0x80 || isgraph((unsigned char)byte)) && !strchr("=|,[]()\"#", byte);
}

static size_t word_length(MapParser *parser) {
    const char *end = parser->at;
    while (end < parser->end && is_word(*end))
        end++;
    return (size_t)(end - parser->at);
}

static const char *keep(MapParser *parser, size_t length) {
    char *kept = parser->pool;
    memcpy(kept, parser->at, length);
    kept[length] = 0;
    parser->pool += length + 1;
    parser->at += length;
    return kept;
}

static bool take_word(MapParser *parser, const char *wanted, const char **word) {
    skip_space(parser);
    size_t length = word_length(parser);
    if (!length)
        return fail_at(parser, wanted);
    *word = keep(parser, length);
    return true;
}

static bool accept_word(MapParser *parser, const char *word) {
    skip_space(parser);
    size_t length = word_length(parser);
    bool found = length == strlen(word) && memcmp(parser->at, word, length) == 0;
    parser->at += found ? length : 0;
    return found;
}

static bool accept(MapParser *parser, char mark) {
    skip_space(parser);
    bool found = parser->at < parser->end && *parser->at == mark;
    parser->at += found;
    return found;
}

static bool expect(MapParser *parser, char mark) {
    const char wanted[] = {'\'', mark, '\'', 0};
    return accept(parser, mark) || fail_at(parser, wanted);
}

/* Nothing more, or a comment. */
static bool at_end(MapParser *parser) {
    skip_space(parser);
    return parser->at == parser->end || *parser->at == '#';
}

/* --- lists --- */

/* Room for one more, all zeros. */
static void *add(const MapParser *parser, void **array, uint32_t *count, size_t element) {
    char *larger = realloc(*array, (*count + 1) * element);
    if (!larger) {
        fail_memory(parser);
        return NULL;
    }
    *array = larger;
    return memset(larger + (*count)++ * element, 0, element);
}

/* --- values --- */

/* JSON, or else the name of a dim. */
static bool parse_value(MapParser *parser, MapValue *value) {
    json_error_t reason;
    skip_space(parser);
    value->literal =
        json_loadb(parser->at, (size_t)(parser->end - parser->at),
                   JSON_DECODE_ANY | JSON_DISABLE_EOF_CHECK | JSON_REJECT_DUPLICATES, &reason);
    if (!value->literal)
        return take_word(parser, "a JSON value or the name of a dim", &value->dim);
    parser->at += reason.position;
    return true;
}

static bool parse_dim(MapParser *parser) {
    Map *map = parser->map;
    MapDim *dim = add(parser, (void **)&map->dims, &map->dim_count, sizeof *dim);
    if (!dim || !take_word(parser, "a dim", &dim->dim) || !expect(parser, '=') ||
        !take_word(parser, "a key of config.json", &dim->key))
        return false;
    dim->line = parser->line;
    bool minus = accept_word(parser, "-");
    if (!minus && !accept_word(parser, "+"))
        return true;
    const char *word;
    char *end;
    if (!take_word(parser, "a number", &word))
        return false;
    long number = strtol(word, &end, 10);
    if (*end || number < 0 || number > 1000000)
        return map_fail(map, parser->line, parser->error, "'%.40s' is no number below a million",
                        word);
    dim->added = minus ? number : -number;
    return true;
}

static bool parse_config(MapParser *parser) {
    Map *map = parser->map;
    MapConfig *config = add(parser, (void **)&map->configs, &map->config_count, sizeof *config);
    if (!config || !take_word(parser, "a key of config.json", &config->key) || !expect(parser, '='))
        return false;
    config->line = parser->line;
    do {
        if (config->value_count == MAP_MAX_VALUES)
            return fail_many(parser, "values", MAP_MAX_VALUES);
        if (!parse_value(parser, &config->values[config->value_count++]))
            return false;
    } while (accept_word(parser, "or"));
    return true;
}

static bool parse_write(MapParser *parser, MapWrite **writes, uint32_t *count) {
    MapWrite *write = add(parser, (void **)writes, count, sizeof *write);
    if (!write || !take_word(parser, "a key of the JSON file", &write->key) ||
        !expect(parser, '=') || !parse_value(parser, &write->value))
        return false;
    write->line = parser->line;
    return !accept_word(parser, "with") || take_word(parser, "a parameter", &write->with);
}

/* --- tensors --- */

static bool add_axis_name(MapParser *parser, MapAxis *axis) {
    if (axis->count == SAFETENSORS_MAX_RANK)
        return fail_many(parser, "axes in one", SAFETENSORS_MAX_RANK);
    return take_word(parser, "an axis", &axis->names[axis->count++]);
}

/* d, (h e), or 1. */
static bool parse_axis(MapParser *parser, MapAxis *axis) {
    if (accept_word(parser, "1"))
        return true;
    if (!accept(parser, '('))
        return add_axis_name(parser, axis);
    while (!accept(parser, ')'))
        if (!add_axis_name(parser, axis))
            return false;
    return true;
}

/* The other pieces of the axis that was just read. */
static bool parse_pieces(MapParser *parser, MapTensor *tensor) {
    if (tensor->part_count)
        return map_fail(parser->map, parser->line, parser->error,
                        "parts lie side by side along one axis alone");
    tensor->cut = tensor->rank;
    tensor->pieces[tensor->part_count++] = tensor->axes[tensor->rank];
    do {
        if (tensor->part_count == MAP_MAX_PARTS)
            return fail_many(parser, "parts", MAP_MAX_PARTS);
        if (!parse_axis(parser, &tensor->pieces[tensor->part_count++]))
            return false;
    } while (accept(parser, '|'));
    return true;
}

static bool parse_axes(MapParser *parser, MapTensor *tensor) {
    const uint32_t none = SAFETENSORS_MAX_RANK;
    tensor->cut = none;
    if (!expect(parser, '['))
        return false;
    if (accept(parser, ']')) {
        tensor->cut = 0;
        return true;
    }
    do {
        if (tensor->rank == SAFETENSORS_MAX_RANK)
            return fail_many(parser, "axes", SAFETENSORS_MAX_RANK);
        if (!parse_axis(parser, &tensor->axes[tensor->rank]) ||
            (accept(parser, '|') && !parse_pieces(parser, tensor)))
            return false;
        tensor->rank++;
    } while (accept(parser, ','));
    if (tensor->cut == none)
        tensor->cut = tensor->rank;
    return expect(parser, ']');
}

static bool parse_parts(MapParser *parser, MapTensor *tensor) {
    uint32_t pieces = tensor->part_count ? tensor->part_count : 1, count = 0;
    do {
        if (count == pieces)
            return map_fail(parser->map, parser->line, parser->error,
                            "more parameters than there are places between the brackets");
        if (!take_word(parser, "a parameter", &tensor->parts[count++]))
            return false;
    } while (accept(parser, '|'));
    tensor->part_count = count;
    return count == pieces || map_fail(parser->map, parser->line, parser->error,
                                       "%u parameters are named for %u places", count, pieces);
}

static bool parse_tensor(MapParser *parser) {
    Map *map = parser->map;
    MapTensor *tensor = add(parser, (void **)&map->tensors, &map->tensor_count, sizeof *tensor);
    if (!tensor || !take_word(parser, "the name of a tensor", &tensor->name))
        return false;
    tensor->line = parser->line;
    if (!parse_axes(parser, tensor) || !expect(parser, '=') || !parse_parts(parser, tensor))
        return false;
    if (!accept_word(parser, "or"))
        return true;
    tensor->absent = accept_word(parser, "0")      ? ABSENT_IS_ZERO
                     : accept_word(parser, "none") ? ABSENT_IS_NONE
                                                   : ABSENT_IS_ERROR;
    return tensor->absent != ABSENT_IS_ERROR || fail_at(parser, "0 or none");
}

static bool parse_copy(MapParser *parser) {
    Map *map = parser->map;
    MapName *copy = add(parser, (void **)&map->copies, &map->copy_count, sizeof *copy);
    if (!copy)
        return false;
    copy->line = parser->line;
    return take_word(parser, "the name of a tensor", &copy->name) && expect(parser, '=') &&
           take_word(parser, "the name of a tensor", &copy->of);
}

static bool parse_ignore(MapParser *parser) {
    Map *map = parser->map;
    MapName *ignored = add(parser, (void **)&map->ignored, &map->ignored_count, sizeof *ignored);
    if (!ignored)
        return false;
    ignored->line = parser->line;
    return take_word(parser, "the name of a tensor", &ignored->name);
}

/* --- all --- */

static bool parse_statement(MapParser *parser) {
    Map *map = parser->map;
    if (accept_word(parser, "tensor"))
        return parse_tensor(parser);
    if (accept_word(parser, "dim"))
        return parse_dim(parser);
    if (accept_word(parser, "config"))
        return parse_config(parser);
    if (accept_word(parser, "write"))
        return parse_write(parser, &map->writes, &map->write_count);
    if (accept_word(parser, "preprocessor"))
        return parse_write(parser, &map->preprocessor, &map->preprocessor_count);
    if (accept_word(parser, "copy"))
        return parse_copy(parser);
    if (accept_word(parser, "ignore"))
        return parse_ignore(parser);
    if (accept_word(parser, "prefix"))
        return take_word(parser, "what names begin with", &map->prefix);
    if (accept_word(parser, "spec"))
        return take_word(parser, "a spec", &map->spec);
    return fail_at(parser,
                   "spec, dim, config, write, preprocessor, prefix, tensor, copy or ignore");
}

static bool parse_line(MapParser *parser) {
    if (at_end(parser))
        return true;
    return parse_statement(parser) && (at_end(parser) || fail_at(parser, "the end of the line"));
}

static bool parse_lines(MapParser *parser, const char *text, size_t size) {
    const char *end = text + size;
    while (text < end) {
        const char *stop = memchr(text, '\n', (size_t)(end - text));
        const char *next = stop ? stop + 1 : end;
        parser->at = text;
        parser->end = stop ? stop : end;
        if (parser->end > text && parser->end[-1] == '\r')
            parser->end--;
        parser->line++;
        if (!parse_line(parser))
            return false;
        text = next;
    }
    return true;
}

Map *map_parse(const char *path, const char *text, size_t size, FileError *error) {
    Map *map = calloc(1, sizeof *map);
    if (map) {
        map->prefix = "";
        map->path = strdup(path);
        map->text = size <= MAP_MAX_BYTES ? malloc(2 * size + 1) : NULL; /* each word and a NUL */
    }
    MapParser parser = {.map = map, .error = error};
    bool parsed = false;
    if (map && size > MAP_MAX_BYTES)
        file_fault(error, path, "larger than a map can be");
    else if (memchr(text, 0, size))
        file_fault(error, path, "not a text: there is a NUL in it");
    else if (!map || !map->path || !map->text)
        file_fault(error, path, "out of memory");
    else {
        parser.pool = map->text;
        parsed = parse_lines(&parser, text, size);
    }
    if (parsed)
        return map;
    map_free(map);
    return NULL;
}

void map_free(Map *map) {
    if (!map)
        return;
    for (uint32_t i = 0; i < map->config_count; i++)
        for (uint32_t j = 0; j < map->configs[i].value_count; j++)
            json_decref(map->configs[i].values[j].literal);
    for (uint32_t i = 0; i < map->write_count; i++)
        json_decref(map->writes[i].value.literal);
    for (uint32_t i = 0; i < map->preprocessor_count; i++)
        json_decref(map->preprocessor[i].value.literal);
    free(map->dims);
    free(map->configs);
    free(map->writes);
    free(map->preprocessor);
    free(map->tensors);
    free(map->copies);
    free(map->ignored);
    free(map->text);
    free(map->path);
    free(map);
}
