#include "runtime/import/scan.h"

#include "runtime/files/printable.h"
#include "runtime/images/image_decode.h"

#include <stdlib.h>
#include <string.h>

/* --- what a source looks like --- */

bool fingerprint_begin(Fingerprint *fingerprint) {
    fingerprint->state = XXH3_createState();
    if (fingerprint->state)
        XXH3_128bits_reset(fingerprint->state);
    return fingerprint->state != NULL;
}

void fingerprint_add(Fingerprint *fingerprint, const SourceMember *member) {
    const int64_t numbers[2] = {member->size, member->stamp};
    XXH3_128bits_update(fingerprint->state, member->name, strlen(member->name) + 1);
    XXH3_128bits_update(fingerprint->state, numbers, sizeof numbers);
}

void fingerprint_end(Fingerprint *fingerprint, char hash[HASH_SIZE]) {
    const XXH128_hash_t value = XXH3_128bits_digest(fingerprint->state);
    snprintf(hash, HASH_SIZE, "%016llx%016llx", (unsigned long long)value.high64,
             (unsigned long long)value.low64);
    XXH3_freeState(fingerprint->state);
    fingerprint->state = NULL;
}

bool scan_is_image(Source *source, const SourceMember *member) {
    const unsigned char *bytes;
    const char *kind;
    size_t size;
    if (image_kind_of_name(member->name) != IMAGE_KIND_UNKNOWN)
        return true;
    if (member->fault || !source_peek(source, &bytes, &size))
        return false;
    const ImageKind found = image_kind(bytes, size, &kind);
    return found == IMAGE_KIND_JPEG || found == IMAGE_KIND_PNG;
}

/* --- lists of names --- */

static int compare_names(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Sorts, and frees what is there twice. */
static int64_t unique(char **names, int64_t count) {
    int64_t kept = 0;
    if (count)
        qsort(names, (size_t)count, sizeof *names, compare_names);
    for (int64_t i = 0; i < count; i++) {
        if (kept && strcmp(names[kept - 1], names[i]) == 0)
            free(names[i]);
        else
            names[kept++] = names[i];
    }
    return kept;
}

static void free_names(char **names, int64_t count) {
    for (int64_t i = 0; i < count; i++)
        free(names[i]);
    free(names);
}

/* The folder of an image; an archive may name them in any order. */
static bool add_folder(Scan *scan, const char *name) {
    const size_t length = (size_t)(source_base_name(name) - name);
    if (scan->folder_count) {
        const char *last = scan->folders[scan->folder_count - 1];
        if (strlen(last) == length && memcmp(last, name, length) == 0)
            return true;
    }
    if (scan->folder_count == scan->folder_capacity) {
        scan->folder_count = unique(scan->folders, scan->folder_count);
        if (2 * scan->folder_count >= scan->folder_capacity) {
            const int64_t capacity = 2 * scan->folder_capacity + 64;
            char **larger = realloc(scan->folders, (size_t)capacity * sizeof *larger);
            if (!larger)
                return false;
            scan->folders = larger;
            scan->folder_capacity = capacity;
        }
    }
    char *copy = strndup(name, length);
    if (copy)
        scan->folders[scan->folder_count++] = copy;
    return copy != NULL;
}

/* --- class folders --- */

typedef struct Word {
    const char *text;
    ImageSplit split;
} Word;

/* The split that the folder at the beginning of a path is called after; NULL: none. */
static const Word *split_word(const char *path) {
    static const Word words[] = {
        {"train", IMAGE_TRAIN},      {"training", IMAGE_TRAIN}, {"val", IMAGE_VALIDATION},
        {"valid", IMAGE_VALIDATION}, {"test", IMAGE_TEST},      {"validation", IMAGE_VALIDATION},
        {"testing", IMAGE_TEST},
    };
    const size_t length = strcspn(path, "/");
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strlen(words[i].text) == length && memcmp(words[i].text, path, length) == 0)
            return &words[i];
    return NULL;
}

/* What all folders begin with, up to and with a '/'; as they are sorted, the first and last do. */
static size_t common_prefix(const Scan *scan) {
    const char *first = scan->folders[0], *last = scan->folders[scan->folder_count - 1];
    size_t common = 0;
    for (size_t i = 0; first[i] && first[i] == last[i]; i++)
        if (first[i] == '/')
            common = i + 1;
    for (size_t at = 0; at < common; at += strcspn(first + at, "/") + 1)
        if (split_word(first + at))
            return at;
    if (!common || strlen(first) > common)
        return common;
    /* there are images in it: its last part is their class */
    const char *end = first + common - 1;
    while (end > first && end[-1] != '/')
        end--;
    return (size_t)(end - first);
}

/* The part of a path that is its class; NULL: there is none. */
static const char *class_part(const Scan *scan, const char *path, size_t *length) {
    const char *part = path + scan->prefix, *slash = strchr(part, '/');
    if (scan->has_splits && slash) {
        part = slash + 1;
        slash = strchr(part, '/');
    }
    *length = slash ? (size_t)(slash - part) : 0;
    return slash ? part : NULL;
}

static bool find_classes(Scan *scan) {
    scan->folder_count = unique(scan->folders, scan->folder_count);
    if (!scan->folder_count)
        return true;
    scan->prefix = common_prefix(scan);
    scan->has_splits = true;
    for (int64_t i = 0; i < scan->folder_count; i++) {
        const Word *word = split_word(scan->folders[i] + scan->prefix);
        scan->has_splits = scan->has_splits && word;
        scan->has_test = scan->has_test || (word && word->split == IMAGE_TEST);
    }
    scan->classes = calloc((size_t)scan->folder_count, sizeof *scan->classes);
    for (int64_t i = 0; scan->classes && i < scan->folder_count; i++) {
        size_t length;
        const char *part = class_part(scan, scan->folders[i], &length);
        if (!part)
            continue;
        scan->classes[scan->class_count] = strndup(part, length);
        if (!scan->classes[scan->class_count++])
            return false;
    }
    if (!scan->classes)
        return false;
    scan->class_count = unique(scan->classes, scan->class_count);
    return true;
}

Place scan_place(const Scan *scan, const char *name) {
    Place place = {IMAGE_TRAIN, -1};
    size_t length;
    if (!scan->folder_count || strncmp(name, scan->folders[0], scan->prefix) != 0)
        return place; /* something with a fault, of another place */
    const char *part = class_part(scan, name, &length);
    if (scan->has_splits) {
        const Word *word = split_word(name + scan->prefix);
        place.split = word ? word->split : IMAGE_TRAIN;
        /* ImageNet is tested on what it calls val */
        if (place.split == IMAGE_VALIDATION && !scan->has_test && scan->format == &format_imagenet)
            place.split = IMAGE_TEST;
    }
    for (int64_t low = 0, high = scan->class_count; part && low < high;) {
        const int64_t middle = (low + high) / 2;
        const char *class = scan->classes[middle];
        int order = strncmp(part, class, length);
        if (order == 0 && class[length])
            order = -1;
        if (order == 0)
            return (Place){place.split, (int32_t)middle};
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return place;
}

/* --- the format --- */

static bool no_format(const char *asked, const char *first, const char *fault, RunError *error) {
    char *shown = first ? printable(first, strlen(first)) : NULL;
    if (first && fault)
        run_fail(error, EXIT_INPUT, "%s %s", shown ? shown : "it", fault);
    else if (asked)
        run_fail(error, EXIT_INPUT, "no file of the format %s is there: it has %s", asked,
                 import_format_find(asked)->files);
    else if (!first)
        run_fail(error, EXIT_INPUT, "there is no file in it");
    else
        run_fail(error, EXIT_INPUT,
                 "nothing that can be imported is there (the first file is %s): CIFAR, STL-10, IDX "
                 "and .npy files are known by their names, and JPEG and PNG files in folders of "
                 "their classes; see `scanline data import --help'",
                 shown ? shown : "?");
    free(shown);
    return false;
}

static bool choose_format(Scan *scan, const char *asked, const bool seen[IMPORT_FORMAT_COUNT],
                          const char *first, const char *fault, RunError *error) {
    for (int i = 0; i < IMPORT_FORMAT_COUNT; i++) {
        if (!seen[i])
            continue;
        if (scan->format)
            return run_fail(error, EXIT_INPUT,
                            "there are files of the format %s and of %s: say which is meant with "
                            "--format",
                            scan->format->name, import_format_table[i]->name);
        scan->format = import_format_table[i];
    }
    if (!scan->format)
        return no_format(asked, first, fault, error);
    if (!asked && scan->format == &format_folder && scan->class_count >= 1000)
        scan->format = &format_imagenet;
    return true;
}

/* Marks the formats that a member is of. */
static bool look(Source *source, const SourceMember *member, const ImportFormat *asked, Scan *scan,
                 bool seen[IMPORT_FORMAT_COUNT]) {
    bool is_beside = false;
    for (int i = 0; i < IMPORT_FORMAT_COUNT; i++) {
        const ImportFormat *format = import_format_table[i];
        if (!format->claim || member->fault || (asked && asked != format))
            continue;
        const Claim claim = format->claim(member->name);
        seen[i] = seen[i] || claim == CLAIM_IMAGES;
        is_beside = is_beside || claim != CLAIM_NONE;
    }
    if (is_beside || (asked && asked->claim) || !scan_is_image(source, member))
        return true;
    for (int i = 0; i < IMPORT_FORMAT_COUNT; i++)
        if (import_format_table[i] == (asked ? asked : &format_folder))
            seen[i] = true;
    return add_folder(scan, member->name);
}

static bool unknown_format(const char *format, RunError *error) {
    char known[128] = "";
    for (int i = 0; i < IMPORT_FORMAT_COUNT; i++) {
        const size_t length = strlen(known);
        snprintf(known + length, sizeof known - length, "%s%s", i ? ", " : "",
                 import_format_table[i]->name);
    }
    return run_fail(error, EXIT_USAGE, "there is no format %s; there are %s", format, known);
}

bool scan_source(Source *source, const char *format, const ImportListener *listener, Scan *scan,
                 RunError *error) {
    const ImportFormat *asked = format ? import_format_find(format) : NULL;
    bool seen[IMPORT_FORMAT_COUNT] = {0}, memory;
    char *first = NULL, *fault = NULL; /* of the first file */
    SourceMember member;
    Fingerprint fingerprint;
    *scan = (Scan){0};
    if (format && !asked)
        return unknown_format(format, error);
    memory = fingerprint_begin(&fingerprint);
    for (int64_t files = 1; memory && source_next(source, &member); files++) {
        if (listener->looking)
            listener->looking(listener->user, files);
        fingerprint_add(&fingerprint, &member);
        scan->bytes += member.size > 0 ? member.size : 0;
        if (!first && member.fault)
            fault = strdup(member.fault);
        first = first ? first : strdup(member.name);
        memory = look(source, &member, asked, scan, seen);
    }
    memory = memory && find_classes(scan);
    const bool ok = memory ? choose_format(scan, format, seen, first, fault, error)
                           : run_no_memory(error, "names");
    if (fingerprint.state)
        fingerprint_end(&fingerprint, scan->fingerprint);
    free(first);
    free(fault);
    return ok;
}

void scan_free(Scan *scan) {
    free_names(scan->folders, scan->folder_count);
    free_names(scan->classes, scan->class_count);
    *scan = (Scan){0};
}
