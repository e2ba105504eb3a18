#include "runtime/study/printed.h"

#include <stdbool.h>
#include <stdlib.h>

char *printed(void (*print)(FILE *out, const void *what), const void *what) {
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    if (!out)
        return NULL;
    print(out, what);
    const bool failed = ferror(out) != 0;
    if (fclose(out) != 0 || failed) {
        free(text);
        return NULL;
    }
    return text;
}
