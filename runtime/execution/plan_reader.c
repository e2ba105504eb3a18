#include "runtime/execution/plan_reader.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const type_names[] = {
    [PLAN_F32] = "f32", [PLAN_BF16] = "bf16", [PLAN_I32] = "i32", [PLAN_BOOL] = "bool"};
enum { TYPE_COUNT = sizeof type_names / sizeof type_names[0] };

const char *plan_type_name(PlanType type) { return type_names[type]; }

void plan_reader_fail(PlanReader *reader, const char *format, ...) {
    if (reader->failed)
        return;
    reader->failed = true;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(reader->error->text, sizeof reader->error->text, format, arguments);
    va_end(arguments);
}

void *plan_reader_memory(PlanReader *reader, size_t count, size_t size) {
    void *memory = calloc(count ? count : 1, size);
    if (!memory)
        plan_reader_fail(reader, "no memory for the plan");
    return memory;
}

int64_t plan_read_integer(PlanReader *reader, const json_t *value, int64_t least, int64_t most,
                          const char *what) {
    int64_t number = json_integer_value(value);
    if (json_is_integer(value) && number >= least && number <= most)
        return number;
    plan_reader_fail(reader, "plan: \"%s\" is not an integer from %lld to %lld", what,
                     (long long)least, (long long)most);
    return least;
}

double plan_read_number(PlanReader *reader, const json_t *value, const char *what) {
    if (!json_is_number(value))
        plan_reader_fail(reader, "plan: \"%s\" is not a number", what);
    return json_number_value(value);
}

char *plan_read_string(PlanReader *reader, const json_t *value, const char *what) {
    if (!json_is_string(value) || strlen(json_string_value(value)) != json_string_length(value)) {
        plan_reader_fail(reader, "plan: \"%s\" is not a string without NUL", what);
        return NULL;
    }
    char *copy = strdup(json_string_value(value));
    if (!copy)
        plan_reader_fail(reader, "no memory for the plan");
    return copy;
}

PlanType plan_read_type(PlanReader *reader, const json_t *value) {
    const char *name = json_string_value(value);
    for (int i = 0; name && i < TYPE_COUNT; i++)
        if (strcmp(type_names[i], name) == 0)
            return (PlanType)i;
    plan_reader_fail(reader, "plan: unknown type \"%.40s\"", name ? name : "");
    return PLAN_F32;
}

const json_t *plan_read_list(PlanReader *reader, const json_t *object, const char *key,
                             uint32_t *count) {
    const json_t *list = json_object_get(object, key);
    *count = 0;
    if (!json_is_array(list) || json_array_size(list) > PLAN_MAX_ENTRIES) {
        plan_reader_fail(reader, "plan: \"%s\" is not a list of at most %d", key, PLAN_MAX_ENTRIES);
        return NULL;
    }
    *count = (uint32_t)json_array_size(list);
    return list;
}
