/* Where the library of an extern function is: beside the file that declares it, if it is there;
 * else it is as it was written, and whoever opens it looks further. */
#include "frontend/spec.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static bool is_file(const char *path) {
    struct stat status;
    return stat(path, &status) == 0 && !S_ISDIR(status.st_mode);
}

const char *spec_library_beside(const Spec *spec, const ExternDecl *external) {
    const Source *source = sources_at(spec->sources, external->library.span.source);
    if (external->library.text[0] == '/')
        return external->library.text;
    return arena_printf(spec->arena, "%.*s%s", (int)(source->name - source->path), source->path,
                        external->library.text);
}

const char *spec_library(const Spec *spec, const ExternDecl *external) {
    char absolute[PATH_MAX];
    const char *beside = spec_library_beside(spec, external);
    const bool may_be_beside = external->library.text[0] == '/' ||
                               sources_on_disk(spec->sources, external->library.span.source);
    if (may_be_beside && is_file(beside) && realpath(beside, absolute))
        return arena_string(spec->arena, absolute, strlen(absolute));
    return external->library.text;
}
