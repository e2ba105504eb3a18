#include "runtime/study/feature_store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* A file that is gone when it is closed; -1 and errno. */
static int open_nameless(const char *folder) {
    const int file = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (file >= 0 || (errno != EOPNOTSUPP && errno != EISDIR))
        return file;
    char *path = NULL; /* a file system that knows no O_TMPFILE */
    if (asprintf(&path, "%s/.features-XXXXXX", folder) < 0)
        return -1;
    const int named = mkostemp(path, O_CLOEXEC);
    if (named >= 0)
        unlink(path);
    free(path);
    return named;
}

static bool map(FeatureStore *store, const char *folder) {
    const int file = open_nameless(folder);
    if (file < 0)
        return false;
    const int fault = posix_fallocate(file, 0, (off_t)store->size);
    void *bytes =
        fault ? MAP_FAILED : mmap(NULL, store->size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    const int reason = fault ? fault : errno;
    close(file);
    errno = reason;
    store->mapped = bytes != MAP_FAILED;
    store->bytes = store->mapped ? bytes : NULL;
    return store->mapped;
}

bool feature_store_create(FeatureStore *store, size_t size, const char *folder, RunError *error) {
    *store = (FeatureStore){.size = size ? size : 1};
    if (!folder) {
        store->bytes = malloc(store->size);
        return store->bytes || run_no_memory(error, "the features");
    }
    return map(store, folder) ||
           run_fail(error, EXIT_MACHINE, "no room for %zu bytes of features in %s: %s", store->size,
                    folder, strerror(errno));
}

void feature_store_free(FeatureStore *store) {
    if (store->mapped)
        munmap(store->bytes, store->size);
    else
        free(store->bytes);
    *store = (FeatureStore){0};
}
