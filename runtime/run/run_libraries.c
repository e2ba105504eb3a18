#include "runtime/run/run_libraries.h"

#include "runtime/run/run_folder.h"

#include <string.h>

json_t *run_libraries(const Program *program) {
    uint32_t count;
    const ExternalLibrary *libraries = externals_libraries(program->externals, &count);
    json_t *list = count ? json_array() : NULL;
    for (uint32_t i = 0; i < count; i++)
        json_array_append_new(list, json_pack("{s:s, s:s, s:s}", "name", libraries[i].name, "path",
                                              libraries[i].path, "hash", libraries[i].hash));
    return list;
}

static const char *text_of(const json_t *object, const char *key) {
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

/* The entry of a record for a library; NULL: none. */
static const json_t *find(const json_t *record, const char *name) {
    const json_t *list = json_object_get(record, "libraries");
    for (size_t i = 0; i < json_array_size(list); i++)
        if (strcmp(text_of(json_array_get(list, i), "name"), name) == 0)
            return json_array_get(list, i);
    return NULL;
}

/* The first library that the record has not, or not with that hash; NULL: there is none. */
static const ExternalLibrary *find_other(const json_t *record, const Program *program) {
    uint32_t count;
    const ExternalLibrary *libraries = externals_libraries(program->externals, &count);
    for (uint32_t i = 0; i < count; i++)
        if (strcmp(text_of(find(record, libraries[i].name), "hash"), libraries[i].hash) != 0)
            return &libraries[i];
    return NULL;
}

bool run_libraries_same(const json_t *record, const Program *program) {
    return !find_other(record, program);
}

bool run_libraries_agree(const json_t *record, const Program *program, const char *purpose,
                         RunError *error) {
    const ExternalLibrary *other = find_other(record, program);
    if (!other)
        return true;
    const json_t *then = find(record, other->name);
    return run_fail(error, EXIT_INPUT,
                    "%.200s is not the library that the run was trained with (its hash was %s, and "
                    "is %s): the bits may be others, so it cannot be %s; put the first back (it "
                    "was %.200s), or begin a new run",
                    other->path, then ? text_of(then, "hash") : "not there", other->hash, purpose,
                    then ? text_of(then, "path") : "not there");
}

void run_libraries_warn(const char *folder, const Program *program, Log *log) {
    FileError error;
    json_t *record = program->externals ? run_record_read(folder, &error) : NULL;
    const ExternalLibrary *other = record ? find_other(record, program) : NULL;
    if (other)
        log_say(log,
                "warning: %s is not the library that the run was trained with: the model computes "
                "something else than it learnt",
                other->path);
    json_decref(record);
}
