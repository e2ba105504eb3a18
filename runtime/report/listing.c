#include "runtime/report/listing.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>

static int by_name(const void *left, const void *right) {
    return strcmp(*(const char *const *)left, *(const char *const *)right);
}

uint32_t listing_read(const char *folder, bool (*wanted)(const char *name), uint32_t most,
                      Pool *pool, const char ***names) {
    uint32_t count = 0;
    DIR *stream = opendir(folder);
    *names = NULL;
    for (struct dirent *found; stream && count < most && (found = readdir(stream));) {
        if (!wanted(found->d_name))
            continue;
        const char **larger = pool_grow(pool, *names, count, sizeof **names);
        const char *name = larger ? pool_copy(pool, found->d_name) : NULL;
        if (!name)
            break;
        *names = larger;
        larger[count++] = name;
    }
    if (stream)
        closedir(stream);
    if (count)
        qsort(*names, count, sizeof **names, by_name);
    return count;
}
