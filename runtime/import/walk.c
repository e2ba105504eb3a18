#include "runtime/import/walk.h"

#include "runtime/images/image_decode.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MOST_LEVELS = 32 };

typedef struct Level {
    struct dirent **entries;
    int count, next;
    size_t path_length; /* of the folder, in the walk's path */
    dev_t device;
    ino_t inode;
} Level;

struct Walk {
    char *path;
    size_t root_length; /* with the '/' */
    Level levels[MOST_LEVELS];
    int depth;
};

/* Files and folders of which the name begins with a dot are none of the set's. */
static int is_visible(const struct dirent *entry) { return entry->d_name[0] != '.'; }

static int compare(const struct dirent **a, const struct dirent **b) {
    return strcmp((*a)->d_name, (*b)->d_name);
}

/* Enters the folder at the walk's path. False with errno set. */
static bool enter(Walk *walk, const struct stat *status) {
    Level *level = &walk->levels[walk->depth];
    *level = (Level){
        .path_length = strlen(walk->path), .device = status->st_dev, .inode = status->st_ino};
    level->count = scandir(walk->path, &level->entries, is_visible, compare);
    if (level->count < 0)
        return false;
    walk->depth++;
    return true;
}

static void leave(Walk *walk) {
    Level *level = &walk->levels[--walk->depth];
    for (int i = level->next; i < level->count; i++)
        free(level->entries[i]);
    free(level->entries);
}

Walk *walk_open(const char *root) {
    Walk *walk = calloc(1, sizeof *walk);
    struct stat status;
    if (walk && asprintf(&walk->path, "%s", root) < 0)
        walk->path = NULL;
    size_t length = walk && walk->path ? strlen(walk->path) : 0;
    while (length > 1 && walk->path[length - 1] == '/')
        walk->path[--length] = 0;
    if (length && stat(walk->path, &status) == 0 && enter(walk, &status)) {
        walk->root_length = length + (walk->path[length - 1] != '/');
        return walk;
    }
    const int reason = errno;
    walk_close(walk);
    errno = reason;
    return NULL;
}

void walk_close(Walk *walk) {
    if (!walk)
        return;
    while (walk->depth)
        leave(walk);
    free(walk->path);
    free(walk);
}

static bool is_within_itself(const Walk *walk, const struct stat *status) {
    for (int i = 0; i < walk->depth; i++)
        if (walk->levels[i].device == status->st_dev && walk->levels[i].inode == status->st_ino)
            return true;
    return false;
}

static void fault(WalkStep *step, const char *text, const char *reason) {
    snprintf(step->fault, sizeof step->fault, "%s%s", text, reason);
}

/* What is at the walk's path. False: a folder that has been entered. */
static bool look(Walk *walk, WalkStep *step) {
    step->name = walk->path + walk->root_length;
    step->path = walk->path;
    *step->fault = 0;
    if (stat(walk->path, &step->status) != 0) {
        step->status = (struct stat){0};
        fault(step, "can't be read: ", strerror(errno));
    } else if (S_ISDIR(step->status.st_mode)) {
        /* below the level of classes a name that ends as an image's is meant for one */
        if (is_within_itself(walk, &step->status))
            fault(step, "is a link to a folder that it lies in", "");
        else if (walk->depth > 1 && image_kind_of_name(walk->path) != IMAGE_KIND_UNKNOWN)
            fault(step, "is a folder, though it is called as an image is", "");
        else if (walk->depth == MOST_LEVELS)
            fault(step, "is a folder in too many folders", "");
        else if (enter(walk, &step->status))
            return false;
        else
            fault(step, "can't be read: ", strerror(errno));
    } else if (!S_ISREG(step->status.st_mode)) {
        fault(step, "is no file: a device, a pipe or a socket", "");
    } else if (access(walk->path, R_OK) != 0) {
        fault(step, "can't be read: ", strerror(errno));
    }
    return true;
}

bool walk_next(Walk *walk, WalkStep *step) {
    while (walk->depth) {
        Level *level = &walk->levels[walk->depth - 1];
        walk->path[level->path_length] = 0;
        if (level->next == level->count) {
            leave(walk);
            continue;
        }
        struct dirent *entry = level->entries[level->next++];
        const size_t length = level->path_length;
        const bool slash = walk->path[length - 1] != '/';
        char *longer = realloc(walk->path, length + strlen(entry->d_name) + 2);
        if (longer) {
            walk->path = longer;
            sprintf(longer + length, "%s%s", slash ? "/" : "", entry->d_name);
        }
        free(entry);
        if (!longer) {
            step->name = step->path = walk->path;
            fault(step, "can't be read: ", strerror(ENOMEM));
            return true;
        }
        if (look(walk, step))
            return true;
    }
    return false;
}
