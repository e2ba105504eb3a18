#include "runtime/commands/protocol.h"

#include "runtime/files/hash.h"
#include "runtime/run/run_folder.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { SHORT_HASH = 8 };

char *protocol_folder(const char *kind, const char *name, const char *identity, RunError *error) {
    const char *root = runs_root();
    char hash[HASH_SIZE], *folder;
    hash_text(identity, hash);
    if (asprintf(&folder, "%s/%s-%s-%.*s", root, kind, name, SHORT_HASH, hash) < 0) {
        run_no_memory(error, "a path");
        return NULL;
    }
    if ((mkdir(root, 0777) == 0 || errno == EEXIST) &&
        (mkdir(folder, 0777) == 0 || errno == EEXIST))
        return folder;
    run_fail(error, EXIT_MACHINE, "cannot make the folder %s: %s", folder, strerror(errno));
    free(folder);
    return NULL;
}
