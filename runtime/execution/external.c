#include "runtime/execution/external.h"

#include <dlfcn.h>
#include <ffi.h>
#include <link.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MOST_VALUES = PLAN_MAX_CALL_EXTENTS + PLAN_MAX_CALL_ARGUMENTS };

struct ExternalCall {
    const PlanCall *call;
    void *library; /* of dlopen */
    const char *path;
    void (*function)(void);
    ffi_cif interface;
    ffi_type *types[MOST_VALUES];
};

struct Externals {
    ExternalCall **calls; /* by kernel; NULL: it is none */
    uint32_t kernel_count, library_count;
    ExternalLibrary *libraries;
};

__attribute__((format(printf, 4, 5))) static bool
fail(ExternalError *error, ExternalFault fault, const PlanCall *call, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(error->text, sizeof error->text, format, arguments);
    va_end(arguments);
    error->fault = fault;
    error->call = call;
    error->hint[0] = 0;
    return false;
}

__attribute__((format(printf, 2, 3))) static bool advise(ExternalError *error, const char *format,
                                                         ...) {
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(error->hint, sizeof error->hint, format, arguments);
    va_end(arguments);
    return false;
}

static bool no_memory(ExternalError *error) {
    return fail(error, EXTERNAL_MEMORY, NULL, "no memory for the functions of libraries");
}

/* --- finding a library --- */

/* Adds to the list of places that were tried. */
static void note(char *tried, size_t size, const char *path) {
    const size_t length = strlen(tried);
    snprintf(tried + length, size - length, "%s%s", length ? ", " : "", path);
}

/* What is there is what is meant: then it opens or is at fault. False: it is not there. */
static bool open_file(ExternalCall *external, const char *path, char *tried, size_t size) {
    if (access(path, F_OK) != 0) {
        note(tried, size, path);
        return false;
    }
    external->library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    return true;
}

/* A path in a folder; false, as above, or where there is no memory for it. */
static bool open_in_folder(ExternalCall *external, const char *folder, const char *name,
                           char *tried, size_t size) {
    char *path = file_path(folder, name);
    const bool found = path && open_file(external, path, tried, size);
    free(path);
    return found;
}

static bool library_open(ExternalCall *external, const char *folder, ExternalError *error) {
    const char *library = external->call->library, *name = basename(library);
    char tried[512] = "";
    bool found = false;
    if (*library == '/')
        found = open_file(external, library, tried, sizeof tried);
    else if (folder)
        found = open_in_folder(external, folder, library, tried, sizeof tried);
    if (!found && folder && name != library)
        found = open_in_folder(external, folder, name, tried, sizeof tried);
    if (!found && *name) /* the loader's name for this program is "" */
        external->library = dlopen(name, RTLD_NOW | RTLD_LOCAL);
    if (external->library)
        return true;
    const char *reason = dlerror();
    fail(error, EXTERNAL_LIBRARY, external->call, "the library of %s cannot be opened: %s",
         external->call->name, reason ? reason : library);
    return found
               ? false
               : advise(error,
                        "%s%s%sthe loader's search (LD_LIBRARY_PATH) finds no %s: build it there, "
                        "or say where it is",
                        *tried ? "not there: " : "", tried, *tried ? "; " : "", name);
}

/* The path that the loader knows it by. */
static const char *library_path(void *library) {
    struct link_map *map = NULL;
    return dlinfo(library, RTLD_DI_LINKMAP, &map) == 0 && map && map->l_name ? map->l_name : "";
}

/* --- the function --- */

static bool signature_agrees(const ExternalCall *external, ExternalError *error) {
    const PlanCall *call = external->call;
    char symbol[512];
    snprintf(symbol, sizeof symbol, "%s_signature", call->name);
    const char *built_for = dlsym(external->library, symbol);
    if (!built_for || strcmp(built_for, call->signature) == 0)
        return true;
    fail(error, EXTERNAL_SIGNATURE, call, "%s was built for %.300s, and is declared as %.300s",
         external->path, built_for, call->signature);
    return advise(error, "write its header anew (scanline check SPEC --extern-header FILE), and "
                         "build it by that");
}

static bool function_find(ExternalCall *external, ExternalError *error) {
    const PlanCall *call = external->call;
    /* POSIX: a pointer to data can hold one to a function, and the standard has no cast for it. */
    *(void **)&external->function = dlsym(external->library, call->symbol);
    if (external->function)
        return signature_agrees(external, error);
    fail(error, EXTERNAL_SYMBOL, call, "%s has no function %s", external->path, call->symbol);
    return advise(error, "it must not be static; in C++ it is extern \"C\"");
}

static ffi_type *value_type(PlanType type) {
    switch (type) {
    case PLAN_F32:
        return &ffi_type_float;
    case PLAN_I32:
        return &ffi_type_sint32;
    case PLAN_BOOL:
        return &ffi_type_uint8;
    case PLAN_BF16:
        break;
    }
    return &ffi_type_pointer;
}

static bool interface_prepare(ExternalCall *external, ExternalError *error) {
    const PlanCall *call = external->call;
    uint32_t count = 0;
    while (count < call->extent_count)
        external->types[count++] = &ffi_type_sint64;
    for (uint32_t i = 0; i < call->argument_count; i++)
        external->types[count++] =
            call->arguments[i].is_value ? value_type(call->arguments[i].type) : &ffi_type_pointer;
    return ffi_prep_cif(&external->interface, FFI_DEFAULT_ABI, count, &ffi_type_void,
                        external->types) == FFI_OK ||
           fail(error, EXTERNAL_SYMBOL, call, "libffi knows no call of %s", call->signature);
}

static bool call_open(ExternalCall *external, const char *folder, ExternalError *error) {
    if (!library_open(external, folder, error))
        return false;
    external->path = library_path(external->library);
    return function_find(external, error) && interface_prepare(external, error);
}

ExternalCall *external_call_open(const PlanCall *call, const char *folder, ExternalError *error) {
    ExternalCall *external = calloc(1, sizeof *external);
    if (!external) {
        no_memory(error);
        return NULL;
    }
    external->call = call;
    if (call_open(external, folder, error))
        return external;
    external_call_close(external);
    return NULL;
}

void external_call_close(ExternalCall *external) {
    if (external && external->library)
        dlclose(external->library);
    free(external);
}

/* --- calling --- */

/* Where the block of an argument lies that belongs to a tile. */
static int64_t block_offset(const PlanCall *call, const PlanCallArgument *argument, int64_t tile) {
    int64_t offset = 0;
    for (uint32_t i = call->carried_count; i-- > 0; tile /= call->carried[i])
        offset += tile % call->carried[i] * argument->strides[i];
    return offset * (int64_t)plan_type_size(argument->type);
}

/* The places of results that nobody reads, one after the other in scratch; NULL: of others. */
static void scratch_share(const PlanCall *call, char *scratch,
                          char *places[PLAN_MAX_CALL_ARGUMENTS]) {
    for (uint32_t i = 0; i < call->argument_count; i++) {
        const PlanCallArgument *argument = &call->arguments[i];
        const int64_t bytes = argument->elements * (int64_t)plan_type_size(argument->type);
        places[i] = argument->operand < 0 ? scratch : NULL;
        if (argument->operand < 0)
            scratch += (bytes + PLAN_ALIGNMENT - 1) / PLAN_ALIGNMENT * PLAN_ALIGNMENT;
    }
}

void external_call_run(const ExternalCall *external, char *const *operands, char *scratch,
                       int64_t first, int64_t last) {
    const PlanCall *call = external->call;
    char *unread[PLAN_MAX_CALL_ARGUMENTS], *blocks[PLAN_MAX_CALL_ARGUMENTS];
    void *values[MOST_VALUES];
    scratch_share(call, scratch, unread);
    for (uint32_t i = 0; i < call->extent_count; i++)
        values[i] = (void *)&call->extents[i];
    for (int64_t tile = first; tile < last; tile++) {
        for (uint32_t i = 0; i < call->argument_count; i++) {
            const PlanCallArgument *argument = &call->arguments[i];
            blocks[i] = unread[i]
                            ? unread[i]
                            : operands[argument->operand] + block_offset(call, argument, tile);
            values[call->extent_count + i] =
                argument->is_value ? (void *)blocks[i] : (void *)&blocks[i];
        }
        ffi_call((ffi_cif *)&external->interface, external->function, NULL, values);
    }
}

/* --- those of a plan --- */

/* Adds the library of a call, if it is new. */
static bool library_add(Externals *externals, const ExternalCall *external, ExternalError *error) {
    for (uint32_t i = 0; i < externals->library_count; i++)
        if (strcmp(externals->libraries[i].path, external->path) == 0)
            return true;
    ExternalLibrary *library = &externals->libraries[externals->library_count];
    FileError file_error;
    library->path = external->path;
    library->name = basename(external->path);
    if (!hash_file(library->path, library->hash, &file_error))
        return fail(error, EXTERNAL_LIBRARY, external->call, "%s", file_error.text);
    externals->library_count++;
    return true;
}

static bool open_all(Externals *externals, const Plan *plan, const char *folder,
                     ExternalError *error) {
    externals->calls = calloc(plan->kernel_count + 1, sizeof(ExternalCall *));
    externals->libraries = calloc(plan->kernel_count + 1, sizeof(ExternalLibrary));
    if (!externals->calls || !externals->libraries)
        return no_memory(error);
    externals->kernel_count = plan->kernel_count;
    for (uint32_t i = 0; i < plan->kernel_count; i++) {
        if (!plan->kernels[i].call)
            continue;
        externals->calls[i] = external_call_open(plan->kernels[i].call, folder, error);
        if (!externals->calls[i] || !library_add(externals, externals->calls[i], error))
            return false;
    }
    return true;
}

Externals *externals_open(const Plan *plan, const char *folder, ExternalError *error) {
    Externals *externals = calloc(1, sizeof *externals);
    if (!externals) {
        no_memory(error);
        return NULL;
    }
    if (open_all(externals, plan, folder, error))
        return externals;
    externals_close(externals);
    return NULL;
}

void externals_close(Externals *externals) {
    if (!externals)
        return;
    for (uint32_t i = 0; i < externals->kernel_count; i++)
        external_call_close(externals->calls[i]);
    free(externals->calls);
    free(externals->libraries);
    free(externals);
}

const ExternalCall *externals_call(const Externals *externals, uint32_t kernel) {
    return externals->calls[kernel];
}

const ExternalLibrary *externals_libraries(const Externals *externals, uint32_t *count) {
    *count = externals ? externals->library_count : 0;
    return externals ? externals->libraries : NULL;
}
