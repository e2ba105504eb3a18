#include "runtime/integer.h"

#include <errno.h>
#include <stdlib.h>

bool integer_take(const char **text, int64_t *value) {
    char *end;
    errno = 0;
    *value = strtoll(*text, &end, 10);
    const bool taken = end != *text && !errno;
    *text = end;
    return taken;
}

bool integer_read(const char *text, int64_t least, int64_t most, int64_t *value) {
    return text && integer_take(&text, value) && !*text && *value >= least && *value <= most;
}
