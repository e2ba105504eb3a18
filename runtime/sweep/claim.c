#include "runtime/sweep/claim.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int claim_take(const char *database, int64_t trial, RunError *error) {
    struct flock range = {
        .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = (off_t)trial, .l_len = 1};
    char *path;
    if (asprintf(&path, "%s-claims", database) < 0) {
        run_no_memory(error, "a path");
        return CLAIM_FAILED;
    }
    int file = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
    const bool locked = file >= 0 && fcntl(file, F_OFD_SETLK, &range) == 0;
    const bool held = file >= 0 && !locked && (errno == EAGAIN || errno == EACCES);
    if (!locked && !held)
        run_fail(error, EXIT_MACHINE, "cannot lock %s: %s", path, strerror(errno));
    free(path);
    if (locked)
        return file;
    if (file >= 0)
        close(file);
    return held ? CLAIM_HELD : CLAIM_FAILED;
}
