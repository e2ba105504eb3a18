#include "runtime/run/run_lock.h"

#include "runtime/files/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct flock whole_file = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

/* The holder leaves its number in the file, for others to say. */
static bool fail_held(int file, const char *folder, RunError *error) {
    char text[32] = "";
    ssize_t length = pread(file, text, sizeof text - 1, 0);
    long process = length > 0 ? strtol(text, NULL, 10) : 0;
    char who[64] = "another process";
    if (process > 0)
        snprintf(who, sizeof who, "process %ld", process);
    return run_fail(error, EXIT_MACHINE,
                    "%s is training or reproducing %s: wait until it ends, or stop it", who,
                    folder);
}

static void leave_number(int file) {
    char text[32];
    int length = snprintf(text, sizeof text, "%ld\n", (long)getpid());
    if (ftruncate(file, 0) == 0 && pwrite(file, text, (size_t)length, 0) != length)
        return; /* then others say "another process" */
}

int run_lock(const char *folder, RunError *error) {
    struct flock range = whole_file;
    char *path = file_path(folder, "lock");
    int file = path ? open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666) : -1;
    bool locked = file >= 0 && fcntl(file, F_OFD_SETLK, &range) == 0;
    if (locked)
        leave_number(file);
    else if (file >= 0 && (errno == EAGAIN || errno == EACCES))
        fail_held(file, folder, error);
    else
        run_fail(error, EXIT_MACHINE, "cannot lock %s: %s", folder, strerror(errno));
    free(path);
    if (locked)
        return file;
    if (file >= 0)
        close(file);
    return -1;
}

void run_unlock(int lock) {
    if (lock >= 0)
        close(lock);
}

bool run_is_locked(const char *folder) {
    struct flock range = whole_file;
    char *path = file_path(folder, "lock");
    int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    free(path);
    bool held = file >= 0 && fcntl(file, F_OFD_GETLK, &range) == 0 && range.l_type != F_UNLCK;
    if (file >= 0)
        close(file);
    return held;
}
