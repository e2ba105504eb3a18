/* A kernel's other functions lie at fixed distances from it: an object has one section of code. */
#include "passes/perf_map.h"

#include "passes/object_functions.h"
#include "runtime/execution/plan_places.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* --- the file --- */

static int create(const char *path) {
    return open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
}

/* Removes what an earlier process of this user, with this one's number, has left there. */
static bool remove_earlier(const char *path) {
    struct stat status;
    return lstat(path, &status) == 0 && S_ISREG(status.st_mode) && status.st_uid == geteuid() &&
           unlink(path) == 0;
}

static bool map_open(PerfMap *map) {
    snprintf(map->path, sizeof map->path, "/tmp/perf-%ld.map", (long)getpid());
    int file = create(map->path);
    if (file < 0 && errno == EEXIST) {
        if (remove_earlier(map->path))
            file = create(map->path);
        else
            errno = EEXIST;
    }
    if (file < 0)
        return false;
    map->file = fdopen(file, "w");
    if (!map->file)
        close(file);
    return map->file;
}

void perf_map_close(PerfMap *map) {
    if (map->file)
        fclose(map->file);
    *map = (PerfMap){0};
}

/* --- its lines --- */

typedef struct Adding {
    FILE *file;
    const char *symbol; /* of the kernel */
    uint64_t address;   /* that it was loaded at */
    ObjectFunction kernel;
    PlanPlaces places;
    bool found;
} Adding;

static bool find_kernel(void *user, const ObjectFunction *function) {
    Adding *adding = user;
    if (strcmp(function->name, adding->symbol) == 0) {
        adding->kernel = *function;
        adding->found = true;
    }
    return true;
}

/* "contract_dec5098b.tiles": of names that begin with the kernel's, what tells it apart. */
static void print_name(const Adding *adding, const char *name) {
    const size_t whole = strlen(adding->symbol);
    if (strncmp(name, adding->symbol, whole) == 0)
        fprintf(adding->file, "%.*s%s", plan_symbol_length(adding->symbol), adding->symbol,
                name + whole);
    else
        fprintf(adding->file, "%.*s.%s", plan_symbol_length(adding->symbol), adding->symbol, name);
}

static bool print_function(void *user, const ObjectFunction *function) {
    const Adding *adding = user;
    if (function->section != adding->kernel.section)
        return true;
    const uint64_t address = adding->address + (function->offset - adding->kernel.offset);
    fprintf(adding->file, "%llx %llx ", (unsigned long long)address,
            (unsigned long long)function->size);
    print_name(adding, function->name);
    plan_places_print(&adding->places, adding->file);
    fputc('\n', adding->file);
    return true;
}

/* NULL, or what is wrong. */
static const char *add_kernel(PerfMap *map, const CompiledModule *compiled, uint32_t number,
                              KernelFunction kernel) {
    const ObjectCode *object = &compiled->objects[number];
    Adding adding = {.file = map->file,
                     .symbol = compiled->plan->kernels[number].symbol,
                     .address = (uint64_t)(uintptr_t)kernel};
    if (!plan_places(compiled->plan, number, &adding.places))
        return "out of memory";
    const bool good = object_functions(object->bytes, object->size, find_kernel, &adding) &&
                      adding.found &&
                      object_functions(object->bytes, object->size, print_function, &adding);
    free(adding.places.at);
    return good ? NULL : "an object without its kernel";
}

bool perf_map_add(PerfMap *map, const CompiledModule *compiled, const KernelFunction *kernels,
                  char *reason, size_t capacity) {
    if (!map->file && !map_open(map)) {
        snprintf(reason, capacity, "%s: %s", map->path, strerror(errno));
        return false;
    }
    const char *fault = NULL;
    for (uint32_t i = 0; i < compiled->plan->kernel_count && !fault; i++)
        fault = add_kernel(map, compiled, i, kernels[i]);
    errno = 0;
    if (!fault && (fflush(map->file) || ferror(map->file)))
        fault = errno ? strerror(errno) : "it cannot be written";
    if (fault)
        snprintf(reason, capacity, "%s: %s", map->path, fault);
    return !fault;
}
