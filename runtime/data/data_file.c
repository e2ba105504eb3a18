#include "runtime/data/data_file.h"

#include "runtime/data/data_gzip.h"
#include "runtime/data/data_idx.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* What is unpacked is in memory, and not only where it is read, as a mapped file is. */
static const int64_t MOST_UNPACKED = INT64_C(8) << 30;

bool file_view_open(const char *path, FileView *view) {
    const int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return false;
    struct stat status;
    bool ok = fstat(file, &status) == 0;
    if (ok && !S_ISREG(status.st_mode)) {
        errno = S_ISDIR(status.st_mode) ? EISDIR : EINVAL;
        ok = false;
    }
    if (ok && status.st_size > 0) {
        void *bytes = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, file, 0);
        ok = bytes != MAP_FAILED;
        if (ok)
            *view = (FileView){bytes, (size_t)status.st_size, FILE_MAPPED};
    } else if (ok) {
        *view = (FileView){(const unsigned char *)"", 0, FILE_STATIC};
    }
    const int reason = errno;
    close(file);
    errno = reason;
    return ok;
}

void file_view_close(FileView *view) {
    if (view->memory == FILE_MAPPED)
        munmap((void *)view->bytes, view->size);
    else if (view->memory == FILE_ALLOCATED)
        free((void *)view->bytes);
    *view = (FileView){0};
}

bool file_view_unpack(FileView *view, const char **fault) {
    unsigned char header[IDX_MAX_HEADER];
    size_t got;
    int64_t size;
    if (!gzip_begins(view->bytes, view->size))
        return true;
    if (!gzip_peek(view->bytes, view->size, header, sizeof header, &got, fault) ||
        !idx_file_size(header, got, &size, fault))
        return false;
    *fault = NULL;
    if (size / GZIP_LARGEST_RATIO > (int64_t)view->size)
        *fault = "unpacks to less than its IDX header says";
    else if (size > MOST_UNPACKED)
        *fault = "unpacks to more than 8 GiB: gunzip it, then it is not held in memory";
    unsigned char *bytes = *fault ? NULL : malloc((size_t)size);
    if (!*fault && !bytes)
        *fault = "can't be unpacked: no memory";
    if (*fault || !gzip_unpack(view->bytes, view->size, bytes, (size_t)size, fault)) {
        free(bytes);
        return false;
    }
    file_view_close(view);
    *view = (FileView){bytes, (size_t)size, FILE_ALLOCATED};
    return true;
}
