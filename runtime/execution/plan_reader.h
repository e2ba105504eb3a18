/* Inside the file form of plans: values of JSON that are what they must be, or a fault; and the
 * form of calls. */
#ifndef SCANLINE_RUNTIME_PLAN_READER_H
#define SCANLINE_RUNTIME_PLAN_READER_H

#include "runtime/execution/plan_check.h"

#include <jansson.h>

/* Where reading is, for messages; the first fault is kept. */
typedef struct PlanReader {
    PlanError *error;
    bool failed;
} PlanReader;

void plan_reader_fail(PlanReader *reader, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Zeroed; NULL after a fault. */
void *plan_reader_memory(PlanReader *reader, size_t count, size_t size);

/* Each gives something of its type, after a fault too (a string: NULL). `what` is its name in
 * messages. */
int64_t plan_read_integer(PlanReader *reader, const json_t *value, int64_t least, int64_t most,
                          const char *what);
double plan_read_number(PlanReader *reader, const json_t *value, const char *what);
char *plan_read_string(PlanReader *reader, const json_t *value, const char *what);
PlanType plan_read_type(PlanReader *reader, const json_t *value);
/* The member `key`, which must be an array; its length in *count. NULL after a fault. */
const json_t *plan_read_list(PlanReader *reader, const json_t *object, const char *key,
                             uint32_t *count);

const char *plan_type_name(PlanType type);

/* --- plan_file_call.c --- */

/* null where there is no call. */
json_t *plan_write_call(const PlanCall *call);
/* NULL for null or nothing, and after a fault. */
PlanCall *plan_read_call(PlanReader *reader, const json_t *value);

#endif
