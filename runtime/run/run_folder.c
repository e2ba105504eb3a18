#include "runtime/run/run_folder.h"

#include "runtime/files/folder.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { NAME_LENGTH = 80, RECORD_BYTES = 64 * 1024 * 1024 };

__attribute__((format(printf, 2, 3))) static void *fail(FileError *error, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(error->text, sizeof error->text, format, arguments);
    va_end(arguments);
    return NULL;
}

const char *runs_root(void) {
    const char *given = getenv("SCANLINE_RUNS");
    return given && *given ? given : "runs";
}

/* --- names --- */

static void name_append(char *name, const char *text) {
    size_t length = strlen(name);
    for (; *text && length < NAME_LENGTH; text++)
        if (isalnum((unsigned char)*text) || strchr("._", *text))
            name[length++] = *text;
    name[length] = 0;
}

char *run_name(const Experiment *experiment) {
    char *name = calloc(1, NAME_LENGTH + 1);
    if (!name)
        return NULL;
    name_append(name, experiment->name);
    if (experiment->train.objective) {
        strncat(name, "-", NAME_LENGTH - strlen(name));
        name_append(name, experiment->train.objective);
    }
    for (uint32_t i = 0; i < experiment->setting_count; i++) {
        const Setting *setting = &experiment->settings[i];
        bool named =
            strcmp(setting->key, "train.objective") == 0 || strcmp(setting->key, "train.seed") == 0;
        if (!setting->changed || named)
            continue;
        const char *dot = strrchr(setting->key, '.');
        strncat(name, "-", NAME_LENGTH - strlen(name));
        name_append(name, dot ? dot + 1 : setting->key);
        name_append(name, setting->value);
    }
    char seed[32];
    snprintf(seed, sizeof seed, "-s%lld", (long long)experiment->train.seed);
    size_t room = NAME_LENGTH - strlen(seed);
    if (strlen(name) > room)
        name[room] = 0;
    strcat(name, seed);
    return name;
}

char *run_checkpoint(const char *folder) {
    char *best = file_path(folder, "checkpoints/best.safetensors");
    if (!best || access(best, F_OK) == 0)
        return best;
    free(best);
    return file_path(folder, "checkpoints/last.safetensors");
}

/* --- listing --- */

static int by_number(const void *left, const void *right) {
    const RunEntry *a = left, *b = right;
    if (a->number != b->number)
        return a->number < b->number ? -1 : 1;
    return strcmp(a->name, b->name);
}

/* The number of "0007-name"; 0 when it is none. */
static int64_t number_of(const char *name) {
    char *end;
    errno = 0;
    long long number = isdigit((unsigned char)*name) ? strtoll(name, &end, 10) : 0;
    return number > 0 && !errno && *end == '-' ? number : 0;
}

static bool entry_add(RunEntry **entries, int64_t *count, const char *name) {
    RunEntry *larger = realloc(*entries, (size_t)(*count + 1) * sizeof **entries);
    char *copy = strdup(name);
    if (larger)
        *entries = larger;
    if (!larger || !copy) {
        free(copy);
        return false;
    }
    (*entries)[(*count)++] = (RunEntry){number_of(name), copy};
    return true;
}

int64_t runs_list(const char *root, RunEntry **entries, FileError *error) {
    int64_t count = 0;
    *entries = NULL;
    DIR *stream = opendir(root);
    if (!stream && errno == ENOENT)
        return 0;
    bool listed = stream != NULL;
    for (struct dirent *found; listed && (found = readdir(stream));)
        if (number_of(found->d_name))
            listed = entry_add(entries, &count, found->d_name);
    if (!listed) {
        fail(error, "cannot list the runs in %s: %s", root, strerror(errno));
        runs_free(*entries, count);
        *entries = NULL;
        count = -1;
    } else if (count) {
        qsort(*entries, (size_t)count, sizeof **entries, by_number);
    }
    if (stream)
        closedir(stream);
    return count;
}

void runs_free(RunEntry *entries, int64_t count) {
    for (int64_t i = 0; i < count; i++)
        free(entries[i].name);
    free(entries);
}

/* --- finding --- */

static char *find_number(const char *root, int64_t number, const RunEntry *entries, int64_t count,
                         FileError *error) {
    for (int64_t i = 0; i < count; i++)
        if (entries[i].number == number)
            return file_path(root, entries[i].name);
    if (!count)
        return fail(error, "there are no runs in %s; `scanline train' makes one", root);
    return fail(error, "there is no run %lld in %s; the last is %lld (`scanline runs' lists them)",
                (long long)number, root, (long long)entries[count - 1].number);
}

static bool is_number(const char *text) {
    size_t digits = strspn(text, "0123456789");
    return digits > 0 && digits < 18 && !text[digits];
}

char *run_find(const char *root, const char *address, FileError *error) {
    struct stat status;
    bool last = strcmp(address, "@last") == 0;
    if (!last && !is_number(address)) {
        char *record = file_path(address, "run.json");
        bool found = record && stat(record, &status) == 0;
        free(record);
        return found ? strdup(address)
                     : fail(error,
                            "%s is not a run: there is no run.json in it (a run is a number, a "
                            "path or @last)",
                            address);
    }
    RunEntry *entries;
    int64_t count = runs_list(root, &entries, error);
    if (count < 0)
        return NULL;
    int64_t number = last ? (count ? entries[count - 1].number : 0) : strtoll(address, NULL, 10);
    char *path = find_number(root, number, entries, count, error);
    runs_free(entries, count);
    return path;
}

/* --- run.json --- */

json_t *run_record_read(const char *folder, FileError *error) {
    char *path = file_path(folder, "run.json");
    size_t size;
    char *text = path ? file_read(path, RECORD_BYTES, &size, error) : NULL;
    json_error_t reason = {0};
    json_t *record = text ? json_loadb(text, size, JSON_REJECT_DUPLICATES, &reason) : NULL;
    if (text && !json_is_object(record)) {
        json_decref(record);
        record = NULL;
        fail(error, "%s is damaged: %s (line %d)", path,
             *reason.text ? reason.text : "not an object", reason.line);
    }
    free(text);
    free(path);
    return record;
}

const char *run_record_text(const json_t *record, const char *key) {
    const char *text = json_string_value(json_object_get(record, key));
    return text ? text : "";
}

bool run_record_write(const char *folder, const json_t *record, FileError *error) {
    char *path = file_path(folder, "run.json");
    char *text = json_dumps(record, JSON_INDENT(2));
    bool written = path && text && file_write(path, text, strlen(text), error);
    if (!path || !text)
        fail(error, "no memory to write run.json of %s", folder);
    free(text);
    free(path);
    return written;
}

bool run_record_change(const char *folder, RunChange *change, void *user, FileError *error) {
    int lock = folder_lock(folder, error);
    json_t *record = lock >= 0 ? run_record_read(folder, error) : NULL;
    if (record)
        change(record, user);
    bool changed = record && run_record_write(folder, record, error);
    json_decref(record);
    if (lock >= 0)
        close(lock);
    return changed;
}

static void add_test_read(json_t *record, void *user) {
    const char *by = user;
    json_t *reads = json_object_get(record, "test_reads");
    if (!json_is_array(reads)) {
        reads = json_array();
        json_object_set_new(record, "test_reads", reads);
    }
    json_array_append_new(reads, json_string(by));
}

bool run_count_test_read(const char *folder, const char *by, FileError *error) {
    char *copy = strdup(by);
    if (!copy)
        snprintf(error->text, sizeof error->text, "no memory to change run.json of %s", folder);
    bool counted = copy && run_record_change(folder, add_test_read, copy, error);
    free(copy);
    return counted;
}
