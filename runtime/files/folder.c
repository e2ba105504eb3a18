#include "runtime/files/folder.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILES_OPEN = 16 };

int folder_lock(const char *path, FileError *error) {
    int file = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int locked = file < 0 ? -1 : flock(file, LOCK_EX);
    while (file >= 0 && locked && errno == EINTR)
        locked = flock(file, LOCK_EX);
    if (file >= 0 && !locked)
        return file;
    file_fail(error, "cannot lock the folder", path);
    if (file >= 0)
        close(file);
    return -1;
}

/* Some file systems cannot rename without replacing. There a look must do: those who come by the
 * lock of the folder are kept apart by it, and of all others an empty folder alone is replaced. */
static int rename_fresh(const char *from, const char *to) {
    struct stat status;
    if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0)
        return 0;
    if (errno != EINVAL && errno != ENOSYS)
        return -1;
    if (lstat(to, &status) == 0) {
        errno = EEXIST;
        return -1;
    }
    return rename(from, to);
}

bool folder_publish(const char *draft, const char *path, bool *taken, FileError *error) {
    *taken = false;
    if (rename_fresh(draft, path) == 0)
        return file_sync_directory(path, error);
    *taken = errno == EEXIST || errno == ENOTEMPTY;
    return file_fail(error, "cannot make the folder", path);
}

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *place) {
    (void)status, (void)kind, (void)place;
    return remove(path);
}

bool folder_remove(const char *path, FileError *error) {
    return nftw(path, remove_one, FILES_OPEN, FTW_DEPTH | FTW_PHYS | FTW_MOUNT) == 0 ||
           errno == ENOENT || file_fail(error, "cannot remove", path);
}
