/* A kernel's other functions lie at fixed distances from it: an object has one section of code. */
#include "passes/perf_map.h"

#include "passes/object_functions.h"
#include "runtime/execution/plan_places.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* --- the file --- */

/* When this process began, by the clock of files; 0: not known. */
static double process_start(void) {
    struct timespec now, up;
    char text[1024];
    FILE *file = fopen("/proc/self/stat", "re");
    size_t length = file ? fread(text, 1, sizeof text - 1, file) : 0;
    if (file)
        fclose(file);
    text[length] = 0;
    const char *at = strrchr(text, ')'); /* a name may have anything in it; it is field 2 */
    for (int field = 2; at && field < 22; field++)
        at = strchr(at + 1, ' ');
    if (!at || clock_gettime(CLOCK_REALTIME, &now) || clock_gettime(CLOCK_BOOTTIME, &up))
        return 0;
    const double boot =
        (double)(now.tv_sec - up.tv_sec) + 1e-9 * (double)(now.tv_nsec - up.tv_nsec);
    return boot + strtod(at, NULL) / (double)sysconf(_SC_CLK_TCK);
}

static int create(const char *path) {
    return open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
}

/* Nobody but this user can have written it, or reads it under another name. */
static bool is_ours(const struct stat *status) {
    return S_ISREG(status->st_mode) && status->st_uid == geteuid() && status->st_nlink == 1 &&
           !(status->st_mode & (S_IWGRP | S_IWOTH));
}

/* Of a file that is there: -1 and errno where it can't be taken. */
static int reopen(const char *path) {
    struct stat status;
    int file = open(path, O_WRONLY | O_APPEND | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (file < 0)
        return -1;
    const bool ours = fstat(file, &status) == 0 && is_ours(&status);
    const double written =
        ours ? (double)status.st_mtim.tv_sec + 1e-9 * (double)status.st_mtim.tv_nsec : 0;
    if (ours && written >= process_start())
        return file;
    close(file);
    if (ours && unlink(path) == 0)
        return create(path);
    errno = EEXIST;
    return -1;
}

static FILE *map_open(const char *path) {
    int file = create(path);
    if (file < 0 && errno == EEXIST)
        file = reopen(path);
    FILE *map = file < 0 ? NULL : fdopen(file, "a");
    if (!map && file >= 0)
        close(file);
    return map;
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
static const char *add_kernel(FILE *map, const CompiledModule *compiled, uint32_t number,
                              KernelFunction kernel) {
    const ObjectCode *object = &compiled->objects[number];
    Adding adding = {.file = map,
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

bool perf_map_add(const CompiledModule *compiled, const KernelFunction *kernels, char *reason,
                  size_t capacity) {
    char path[64];
    snprintf(path, sizeof path, "/tmp/perf-%ld.map", (long)getpid());
    FILE *map = map_open(path);
    const char *fault = map ? NULL : strerror(errno);
    for (uint32_t i = 0; i < compiled->plan->kernel_count && !fault; i++)
        if (kernels[i]) /* no call of a library's function */
            fault = add_kernel(map, compiled, i, kernels[i]);
    if (map && fflush(map) && !fault)
        fault = strerror(errno);
    if (map && (ferror(map) | fclose(map)) && !fault)
        fault = "it cannot be written";
    if (fault)
        snprintf(reason, capacity, "%s: %s", path, fault);
    return !fault;
}
