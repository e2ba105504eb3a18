#include "runtime/report/earlier.h"

#include "runtime/files/file.h"
#include "runtime/report/page.h"

#include <ctype.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

enum { PAGE_BYTES = 256 * 1024 * 1024, NAME_LENGTH = 100 };

static bool is_name(const char *text) {
    size_t length = 0;
    for (; isalnum((unsigned char)text[length]) || text[length] == '-' || text[length] == '.';)
        length++;
    return length && length <= NAME_LENGTH && !text[length] && *text != '.';
}

/* Of the element that page.c prints. */
static json_t *plots_of(const char *text) {
    const char *begin = strstr(text, PAGE_PLOTS);
    const char *end = begin ? strstr(begin, "</script>") : NULL;
    return end ? json_loadb(begin + strlen(PAGE_PLOTS), (size_t)(end - begin) - strlen(PAGE_PLOTS),
                            0, NULL)
               : NULL;
}

uint32_t earlier_plots(const char *page, Pool *pool, const char ***names) {
    FileError error;
    size_t size;
    char *text = file_read(page, PAGE_BYTES, &size, &error);
    json_t *plots = text ? plots_of(text) : NULL, *plot;
    const char *name;
    uint32_t count = 0;
    *names = NULL;
    json_object_foreach(plots, name, plot) {
        const char **larger = is_name(name) ? pool_grow(pool, *names, count, sizeof **names) : NULL;
        if (!larger)
            continue;
        *names = larger;
        larger[count++] = pool_copy(pool, name);
    }
    json_decref(plots);
    free(text);
    return count;
}
