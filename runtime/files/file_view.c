#include "runtime/files/file_view.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

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
