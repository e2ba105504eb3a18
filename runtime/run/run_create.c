#include "runtime/run/run_create.h"

#include "runtime/files/folder.h"
#include "runtime/run/run_folder.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Whoever writes it has the lock of the folder that it lies in: one is enough. */
static const char draft_name[] = ".scanline-new";

static bool fail_taken(const char *path, RunError *error) {
    return run_fail(
        error, EXIT_INPUT,
        "%s exists already; a run never replaces another: choose another --out, or remove it",
        path);
}

/* The path of the next run, malloc'ed; NULL and `error`. */
static char *next_path(const char *root, const char *name, RunError *error) {
    RunEntry *entries;
    FileError fault;
    int64_t count = runs_list(root, &entries, &fault);
    if (count < 0) {
        run_fail(error, EXIT_MACHINE, "%s", fault.text);
        return NULL;
    }
    int64_t next = count ? entries[count - 1].number + 1 : 1;
    runs_free(entries, count);
    char *path;
    if (asprintf(&path, "%s/%04lld-%s", root, (long long)next, name) >= 0)
        return path;
    run_no_memory(error, "a path");
    return NULL;
}

static bool draft_begin(const char *draft, RunError *error) {
    FileError fault;
    char *checkpoints = file_path(draft, "checkpoints");
    bool cleared = folder_remove(draft, &fault);
    bool begun = cleared && checkpoints && mkdir(draft, 0777) == 0 && mkdir(checkpoints, 0777) == 0;
    if (!cleared)
        run_fail(error, EXIT_MACHINE, "%s", fault.text);
    else if (!begun)
        run_fail(error, EXIT_MACHINE, "cannot make a folder for the run: %s: %s", draft,
                 strerror(errno));
    free(checkpoints);
    return begun;
}

static bool draft_end(const char *draft, const char *path, RunError *error) {
    FileError fault;
    bool taken = false;
    char *inside = file_path(draft, "checkpoints");
    bool published = inside && file_sync_directory(inside, &fault) &&
                     folder_publish(draft, path, &taken, &fault);
    if (taken)
        fail_taken(path, error);
    else if (!published)
        run_fail(error, EXIT_MACHINE, "%s", inside ? fault.text : "no memory for a path");
    free(inside);
    return published;
}

/* With the lock of `parent`, the folder in which `path` is to be. */
static bool make(const char *parent, const char *path, RunFill *fill, void *user, RunError *error) {
    struct stat status;
    FileError ignored;
    if (lstat(path, &status) == 0)
        return fail_taken(path, error);
    char *draft = file_path(parent, draft_name);
    if (!draft)
        return run_no_memory(error, "a path");
    bool made = draft_begin(draft, error) && (!fill || fill(user, draft, path, error)) &&
                draft_end(draft, path, error);
    if (!made)
        folder_remove(draft, &ignored);
    free(draft);
    return made;
}

static char *make_locked(const char *parent, const char *out, const char *name, RunFill *fill,
                         void *user, RunError *error) {
    FileError fault;
    int lock = folder_lock(parent, &fault);
    if (lock < 0) {
        run_fail(error, EXIT_MACHINE, "%s", fault.text);
        return NULL;
    }
    char *path = out ? strdup(out) : next_path(parent, name, error);
    if (out && !path)
        run_no_memory(error, "a path");
    bool made = path && make(parent, path, fill, user, error);
    close(lock);
    if (made)
        return path;
    free(path);
    return NULL;
}

/* Of "a/b//" the folder is a, and the name b. */
static char *without_slashes(const char *path) {
    size_t length = strlen(path);
    while (length > 1 && path[length - 1] == '/')
        length--;
    return strndup(path, length);
}

char *run_create(const char *root, const char *out, const char *name, RunFill *fill, void *user,
                 RunError *error) {
    if (!out && mkdir(root, 0777) != 0 && errno != EEXIST) {
        run_fail(error, EXIT_MACHINE, "cannot make the folder of runs %s: %s", root,
                 strerror(errno));
        return NULL;
    }
    char *exact = out ? without_slashes(out) : NULL;
    char *parent = exact ? file_directory(exact) : strdup(root);
    char *made = NULL;
    if ((exact || !out) && parent)
        made = make_locked(parent, exact, name, fill, user, error);
    else
        run_no_memory(error, "a path");
    free(exact);
    free(parent);
    return made;
}
