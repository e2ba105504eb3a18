/* The file form of a kernel that is a function of a shared library:
 *
 *   {"library": "/home/me/libblur.so", "name": "blur", "symbol": "blur_grad",
 *    "signature": "blur(x: f32[n, d], s: f32) -> f32[n, d]", "place": ["custom.scan", 3],
 *    "extents": [64, 32], "carried": [8],
 *    "arguments": [[0, "f32", 2048, [2048]], [1, "f32", 0, [0]], ...]}
 *
 * An argument is its operand (-1: none), its type, the elements of a block (0: it is a value, given
 * as such), and its strides along the carried axes. */
#include "runtime/execution/plan_reader.h"

#include <stdlib.h>

static json_t *write_integers(const int64_t *values, uint32_t count) {
    json_t *list = json_array();
    for (uint32_t i = 0; i < count; i++)
        json_array_append_new(list, json_integer(values[i]));
    return list;
}

json_t *plan_write_call(const PlanCall *call) {
    if (!call)
        return json_null();
    json_t *arguments = json_array();
    for (uint32_t i = 0; i < call->argument_count; i++) {
        const PlanCallArgument *argument = &call->arguments[i];
        json_array_append_new(arguments,
                              json_pack("[I, s, I, o]", (json_int_t)argument->operand,
                                        plan_type_name(argument->type),
                                        (json_int_t)(argument->is_value ? 0 : argument->elements),
                                        write_integers(argument->strides, call->carried_count)));
    }
    return json_pack("{s:s, s:s, s:s, s:s, s:[s, I], s:o, s:o, s:o}", "library", call->library,
                     "name", call->name, "symbol", call->symbol, "signature", call->signature,
                     "place", call->place.file, (json_int_t)call->place.line, "extents",
                     write_integers(call->extents, call->extent_count), "carried",
                     write_integers(call->carried, call->carried_count), "arguments", arguments);
}

/* A list of at most `most` numbers; how many. */
static uint32_t read_integers(PlanReader *reader, const json_t *list, const char *what,
                              int64_t least, uint32_t most, int64_t *values) {
    if (!json_is_array(list) || json_array_size(list) > most) {
        plan_reader_fail(reader, "plan: \"%s\" is not a list of at most %u", what, most);
        return 0;
    }
    const uint32_t count = (uint32_t)json_array_size(list);
    for (uint32_t i = 0; i < count; i++)
        values[i] = plan_read_integer(reader, json_array_get(list, i), least, PLAN_MAX_BYTES, what);
    return count;
}

static void read_argument(PlanReader *reader, const json_t *list, const PlanCall *call,
                          PlanCallArgument *argument) {
    argument->operand =
        plan_read_integer(reader, json_array_get(list, 0), -1, PLAN_MAX_ENTRIES, "arguments");
    argument->type = plan_read_type(reader, json_array_get(list, 1));
    argument->elements =
        plan_read_integer(reader, json_array_get(list, 2), 0, PLAN_MAX_BYTES, "arguments");
    argument->is_value = argument->elements == 0;
    argument->elements += argument->is_value;
    if (read_integers(reader, json_array_get(list, 3), "arguments", 0, PLAN_MAX_AXES,
                      argument->strides) != call->carried_count)
        plan_reader_fail(reader, "plan: an argument has not a stride for each carried axis");
}

static void read_call(PlanReader *reader, const json_t *object, PlanCall *call) {
    call->library = plan_read_string(reader, json_object_get(object, "library"), "library");
    call->name = plan_read_string(reader, json_object_get(object, "name"), "name");
    call->symbol = plan_read_string(reader, json_object_get(object, "symbol"), "symbol");
    call->signature = plan_read_string(reader, json_object_get(object, "signature"), "signature");
    const json_t *place = json_object_get(object, "place");
    call->place.file = plan_read_string(reader, json_array_get(place, 0), "place");
    call->place.line = plan_read_integer(reader, json_array_get(place, 1), 0, UINT32_MAX, "place");
    call->extent_count = read_integers(reader, json_object_get(object, "extents"), "extents", 1,
                                       PLAN_MAX_CALL_EXTENTS, call->extents);
    call->carried_count = read_integers(reader, json_object_get(object, "carried"), "carried", 1,
                                        PLAN_MAX_AXES, call->carried);
    uint32_t count;
    const json_t *list = plan_read_list(reader, object, "arguments", &count);
    if (count > PLAN_MAX_CALL_ARGUMENTS)
        plan_reader_fail(reader, "plan: \"arguments\" is not a list of at most %d",
                         PLAN_MAX_CALL_ARGUMENTS);
    call->arguments = plan_reader_memory(reader, count, sizeof *call->arguments);
    for (uint32_t i = 0; i < count && !reader->failed; i++) {
        read_argument(reader, json_array_get(list, i), call, &call->arguments[i]);
        call->argument_count = i + 1;
    }
}

PlanCall *plan_read_call(PlanReader *reader, const json_t *value) {
    if (!value || json_is_null(value) || reader->failed)
        return NULL;
    PlanCall *call = plan_reader_memory(reader, 1, sizeof *call);
    if (call)
        read_call(reader, value, call);
    return call;
}
