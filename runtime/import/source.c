#include "runtime/import/source.h"

#include "runtime/import/pack.h"
#include "runtime/import/walk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

struct Source {
    const char *const *paths;
    int64_t count, next;
    Walk *walk;      /* of the path that is a folder */
    Pack *pack;      /* the archive that is being read */
    char *pack_path; /* as faults name it */
    char *prefix;    /* in front of the names of its members; "": nothing */
    int64_t pack_stamp;
    char *path; /* of the plain file that is the member */
    int file;   /* it, once something was read; -1 */
    char *name;
    char fault[512];
    size_t peeked, taken; /* what was looked at, and how much of it has been read */
    bool looked;
    unsigned char peek[SOURCE_PEEK];
};

Source *source_open(const char *const *paths, int64_t count, FileError *error) {
    for (int64_t i = 0; i < count; i++)
        if (access(paths[i], F_OK) != 0) {
            file_fail(error, "cannot read", paths[i]);
            return NULL;
        }
    Source *source = calloc(1, sizeof *source);
    if (!source) {
        snprintf(error->text, sizeof error->text, "no memory to read %s", paths[0]);
        return NULL;
    }
    source->paths = paths;
    source->count = count;
    source->file = -1;
    return source;
}

static void close_pack(Source *source) {
    pack_close(source->pack);
    free(source->pack_path);
    free(source->prefix);
    source->pack = NULL;
    source->pack_path = source->prefix = NULL;
}

static void close_member(Source *source) {
    if (source->file >= 0)
        close(source->file);
    free(source->path);
    free(source->name);
    source->file = -1;
    source->path = source->name = NULL;
    source->peeked = source->taken = 0;
    source->looked = false;
}

void source_close(Source *source) {
    if (!source)
        return;
    close_member(source);
    close_pack(source);
    walk_close(source->walk);
    free(source);
}

const char *source_fault(const Source *source) { return source->fault; }

const char *source_base_name(const char *name) {
    const char *slash = strrchr(name, '/');
    return slash ? slash + 1 : name;
}

static bool broken(Source *source, const char *name, const char *fault, SourceMember *member) {
    snprintf(source->fault, sizeof source->fault, "%s", fault);
    free(source->name);
    source->name = strdup(name);
    *member = (SourceMember){.name = source->name ? source->name : "", .fault = source->fault};
    return true;
}

/* --- archives --- */

/* The length of a name without the last ending, and without ".tar" before it. */
static size_t stem_length(const char *name) {
    const char *dot = strrchr(source_base_name(name), '.');
    size_t length = dot && dot != source_base_name(name) ? (size_t)(dot - name) : strlen(name);
    if (length > 4 && strncasecmp(name + length - 4, ".tar", 4) == 0)
        length -= 4;
    return length;
}

/* A packed file at a path: `name` is how it is called in its folder, NULL for one that is named
 * itself, whose members need no folder of its name. */
static bool open_pack(Source *source, const char *path, const char *name, const struct stat *status,
                      FileError *fault) {
    const char *called = name ? name : source_base_name(path);
    char *stem = strndup(called, stem_length(called));
    source->pack_path = strdup(called);
    source->prefix = name ? stem : strdup("");
    source->pack =
        stem && source->pack_path && source->prefix ? pack_open(path, stem, fault) : NULL;
    source->pack_stamp =
        status->st_mtim.tv_sec * INT64_C(1000000000) + status->st_mtim.tv_nsec + status->st_size;
    if (!name)
        free(stem);
    return source->pack != NULL;
}

/* What a packed file that is no archive holds is called as it is, without the ending. */
static char *member_name(const Source *source, const char *name) {
    if (!*source->prefix || strcmp(source->prefix, name) == 0)
        return strdup(name);
    return file_path(source->prefix, name);
}

/* False: the archive is done. */
static bool next_of_pack(Source *source, SourceMember *member) {
    const char *name;
    int64_t size, stamp;
    switch (pack_next(source->pack, &name, &size, &stamp)) {
    case PACK_MEMBER:
        source->name = member_name(source, name);
        if (!source->name)
            return broken(source, name, "can't be read: no memory", member);
        *member = (SourceMember){source->name, size, stamp ^ source->pack_stamp, NULL, false};
        return true;
    case PACK_FAULT:
        broken(source, name ? name : source->pack_path, pack_fault(source->pack), member);
        member->ends = true;
        return true;
    default:
        close_pack(source);
        return false;
    }
}

/* --- files and folders --- */

/* A file at a path. False: an archive has been opened. */
static bool take_file(Source *source, const char *path, const char *name, const struct stat *status,
                      SourceMember *member) {
    FileError fault = {"can't be read: no memory"};
    if (pack_is(path, name == NULL)) {
        if (open_pack(source, path, name, status, &fault))
            return false;
        close_pack(source);
        return broken(source, name ? name : path, fault.text, member);
    }
    source->path = strdup(path);
    source->name = strdup(name ? name : source_base_name(path));
    if (!source->path || !source->name)
        return broken(source, path, fault.text, member);
    *member = (SourceMember){.name = source->name,
                             .size = status->st_size,
                             .stamp = status->st_mtim.tv_sec * INT64_C(1000000000) +
                                      status->st_mtim.tv_nsec};
    return true;
}

/* False: the folder is done. */
static bool next_of_walk(Source *source, SourceMember *member) {
    WalkStep step;
    while (!source->pack && walk_next(source->walk, &step)) {
        if (*step.fault)
            return broken(source, step.name, step.fault, member);
        if (take_file(source, step.path, step.name, &step.status, member))
            return true;
    }
    if (source->pack)
        return false;
    walk_close(source->walk);
    source->walk = NULL;
    return false;
}

/* The next of the paths: false if it has been opened, and nothing has been found yet. */
static bool next_path(Source *source, SourceMember *member) {
    const char *path = source->paths[source->next++];
    struct stat status;
    if (stat(path, &status) != 0)
        return broken(source, path, strerror(errno), member);
    if (!S_ISDIR(status.st_mode))
        return take_file(source, path, NULL, &status, member);
    source->walk = walk_open(path);
    return source->walk ? false : broken(source, path, strerror(errno), member);
}

bool source_next(Source *source, SourceMember *member) {
    close_member(source);
    for (;;) {
        if (source->pack && next_of_pack(source, member))
            return true;
        if (source->pack)
            continue;
        if (source->walk && next_of_walk(source, member))
            return true;
        if (source->pack || source->walk)
            continue;
        if (source->next == source->count)
            return false;
        if (next_path(source, member))
            return true;
    }
}

/* --- reading --- */

static ssize_t read_plain(Source *source, void *to, size_t size) {
    if (source->file < 0)
        source->file = open(source->path, O_RDONLY | O_CLOEXEC);
    ssize_t got = source->file < 0 ? -1 : read(source->file, to, size);
    while (got < 0 && source->file >= 0 && errno == EINTR)
        got = read(source->file, to, size);
    if (got < 0)
        snprintf(source->fault, sizeof source->fault, "can't be read: %s", strerror(errno));
    return got;
}

static ssize_t read_on(Source *source, void *to, size_t size) {
    if (!source->pack)
        return read_plain(source, to, size);
    const ssize_t got = pack_read(source->pack, to, size);
    if (got < 0)
        snprintf(source->fault, sizeof source->fault, "%s", pack_fault(source->pack));
    return got;
}

ssize_t source_read(Source *source, void *to, size_t size) {
    const size_t left = source->peeked - source->taken, part = left < size ? left : size;
    if (!part)
        return read_on(source, to, size);
    memcpy(to, source->peek + source->taken, part);
    source->taken += part;
    return (ssize_t)part;
}

bool source_peek(Source *source, const unsigned char **bytes, size_t *size) {
    while (!source->looked && source->peeked < SOURCE_PEEK) {
        const ssize_t got =
            read_on(source, source->peek + source->peeked, SOURCE_PEEK - source->peeked);
        if (got < 0)
            return false;
        if (got == 0)
            break;
        source->peeked += (size_t)got;
    }
    source->looked = true;
    *bytes = source->peek;
    *size = source->peeked;
    return true;
}

bool source_read_all(Source *source, void *to, size_t size, size_t *got) {
    char *bytes = to;
    for (*got = 0; *got < size;) {
        const ssize_t more = source_read(source, bytes + *got, size - *got);
        if (more < 0)
            return false;
        if (more == 0)
            return true;
        *got += (size_t)more;
    }
    return true;
}
