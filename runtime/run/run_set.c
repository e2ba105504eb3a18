#include "runtime/run/run_set.h"

#include "runtime/run/run_folder.h"

#include <stdlib.h>
#include <string.h>

static bool fail(FileError *error, const char *format, const char *word) {
    snprintf(error->text, sizeof error->text, format, word);
    return false;
}

static bool add_folder(RunSet *set, char *folder, FileError *error) {
    for (uint32_t i = 0; folder && i < set->count; i++)
        if (strcmp(set->folders[i], folder) == 0) {
            free(folder);
            return true;
        }
    if (set->count >= RUN_SET_MOST) {
        free(folder);
        snprintf(error->text, sizeof error->text, "more than %d runs at once", RUN_SET_MOST);
        return false;
    }
    char **larger = folder ? realloc(set->folders, (set->count + 1) * sizeof *larger) : NULL;
    if (!larger) {
        free(folder);
        return false;
    }
    set->folders = larger;
    larger[set->count++] = folder;
    return true;
}

static bool add_run(RunSet *set, const char *root, const char *address, FileError *error) {
    char *folder = run_find(root, address, error);
    if (!folder)
        return false;
    fail(error, "no memory for the runs of %s", root);
    return add_folder(set, folder, error);
}

/* "4..6": every run there is of these numbers. */
static bool add_range(RunSet *set, const char *root, const char *word, FileError *error) {
    long long first, last;
    RunEntry *entries;
    if (sscanf(word, "%18lld..%18lld", &first, &last) != 2 || first > last)
        return fail(error, "%s is no range of runs: the smaller number comes first, as in 4..6",
                    word);
    const int64_t count = runs_list(root, &entries, error);
    const uint32_t before = set->count;
    bool ok = count >= 0;
    for (int64_t i = 0; ok && i < count; i++)
        if (entries[i].number >= first && entries[i].number <= last) {
            char *folder = file_path(root, entries[i].name);
            fail(error, "no memory for the runs of %s", root);
            ok = add_folder(set, folder, error);
        }
    if (ok && set->count == before)
        ok = fail(error, "there are no runs %s; `scanline runs' lists those that there are", word);
    if (count > 0)
        runs_free(entries, count);
    return ok;
}

static bool is_range(const char *word) {
    const size_t first = strspn(word, "0123456789");
    const char *rest = word + first;
    return first && strncmp(rest, "..", 2) == 0 && rest[2] &&
           !rest[2 + strspn(rest + 2, "0123456789")];
}

bool run_set_add(RunSet *set, const char *root, const char *words, FileError *error) {
    FileError none;
    char *whole = strchr(words, ',') ? run_find(root, words, &none) : NULL;
    if (whole) { /* a path with a comma in it */
        fail(error, "no memory for the runs of %s", root);
        return add_folder(set, whole, error);
    }
    char *copy = strdup(words), *rest = copy;
    bool ok = copy != NULL || fail(error, "no memory for the runs of %s", root);
    for (char *word; ok && (word = strsep(&rest, ","));) {
        if (!*word)
            ok = fail(error, "a run is missing in '%s'", words);
        else
            ok = is_range(word) ? add_range(set, root, word, error)
                                : add_run(set, root, word, error);
    }
    free(copy);
    return ok;
}

void run_set_free(RunSet *set) {
    for (uint32_t i = 0; i < set->count; i++)
        free(set->folders[i]);
    free(set->folders);
    *set = (RunSet){0};
}
