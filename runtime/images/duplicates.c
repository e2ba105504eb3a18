#include "runtime/images/duplicates.h"

#include "runtime/images/resample.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

static const int64_t most_bytes_at_start = INT64_C(512) << 20;

typedef struct Entry {
    XXH128_hash_t hash;
    int32_t image;
    uint8_t split;
} Entry;

static int compare(const void *a, const void *b) {
    const Entry *x = a, *y = b;
    const int order = XXH128_cmp(&x->hash, &y->hash);
    if (order)
        return order;
    if (x->split != y->split)
        return x->split < y->split ? -1 : 1;
    return x->image < y->image ? -1 : x->image > y->image;
}

/* Of an image as it is: with its size, which the pixels do not say. */
static XXH128_hash_t hash_whole(ImageView image) {
    return XXH3_128bits_withSeed(image.pixels, (size_t)image_bytes(image),
                                 (XXH64_hash_t)(image.height << 32 | image.width));
}

/* Of its centre, made small; `pixels` [resolution, resolution, channels] is for that. */
static XXH128_hash_t hash_small(ImageView image, int64_t resolution, uint8_t *pixels) {
    const ResampleBox box = resample_centre(image.height, image.width);
    const size_t row_bytes = (size_t)(resolution * image.channels);
    Resample resample;
    if (image.height == resolution && image.width == resolution)
        return XXH3_128bits(image.pixels, (size_t)image_bytes(image));
    if (!resample_begin(&resample, image, &box, resolution, resolution))
        return hash_whole(image);
    for (int64_t row = 0; row < resolution; row++)
        resample_row(&resample, row, pixels + (size_t)row * row_bytes);
    return XXH3_128bits(pixels, (size_t)resolution * row_bytes);
}

static Entry *make_entries(const ImageFile *file, int64_t resolution, int threads) {
    const int64_t count = image_file_count(file);
    const size_t small = (size_t)(resolution * resolution * image_file_channels(file)) + 1;
    Entry *entries = malloc((size_t)count * sizeof *entries);
    bool memory = entries != NULL;
#pragma omp parallel num_threads(threads)
    {
        uint8_t *pixels = memory ? malloc(small) : NULL;
        if (!pixels) {
#pragma omp atomic write
            memory = false;
        }
#pragma omp for schedule(static)
        for (int64_t i = 0; i < count; i++) {
            if (!pixels)
                continue;
            const ImageView image = image_file_image(file, i);
            entries[i] =
                (Entry){resolution ? hash_small(image, resolution, pixels) : hash_whole(image),
                        (int32_t)i, (uint8_t)image_file_split(file, i)};
        }
        free(pixels);
    }
    if (memory)
        return entries;
    free(entries);
    return NULL;
}

/* One image of a group of the same ones, of which `earlier` is the first of an earlier split. */
static void count_across(const ImageFile *file, const Entry *entry, const Entry *earlier,
                         Duplicates *found) {
    if (entry->split == IMAGE_VALIDATION)
        found->validation_in_train++;
    else if (earlier->split == IMAGE_TRAIN)
        found->test_in_train++;
    else
        found->test_in_validation++;
    if (image_file_label(file, entry->image) != image_file_label(file, earlier->image))
        found->labels++;
    if (found->first_count < DUPLICATES_FIRST)
        found->first[found->first_count++] = (Duplicate){entry->image, earlier->image};
}

static int compare_first(const void *a, const void *b) {
    const Duplicate *x = a, *y = b;
    return x->image < y->image ? -1 : x->image > y->image;
}

bool duplicates_find(const ImageFile *file, int64_t resolution, int threads, Duplicates *found) {
    const int64_t count = image_file_count(file);
    *found = (Duplicates){0};
    Entry *entries = make_entries(file, resolution, threads);
    if (!entries)
        return false;
    qsort(entries, (size_t)count, sizeof *entries, compare);
    for (int64_t first = 0, i = 1; i < count; i++) {
        if (!XXH128_isEqual(entries[i].hash, entries[first].hash)) {
            first = i;
            continue;
        }
        if (entries[i].split == entries[i - 1].split)
            found->within++;
        if (entries[i].split != entries[first].split)
            count_across(file, &entries[i], &entries[first], found);
    }
    qsort(found->first, (size_t)found->first_count, sizeof *found->first, compare_first);
    free(entries);
    return true;
}

/* --- between two files --- */

/* Leaves those for training, or else those that are held out; answers how many. */
static int64_t keep(Entry *entries, int64_t count, bool training) {
    int64_t kept = 0;
    for (int64_t i = 0; i < count; i++)
        if ((entries[i].split == IMAGE_TRAIN) == training)
            entries[kept++] = entries[i];
    return kept;
}

static int compare_hash(const void *a, const void *b) {
    return XXH128_cmp(&((const Entry *)a)->hash, &((const Entry *)b)->hash);
}

bool duplicates_between(const ImageFile *trained, const ImageFile *judged, int64_t resolution,
                        int threads, DuplicatesBetween *found) {
    *found = (DuplicatesBetween){0};
    Entry *seen = make_entries(trained, resolution, threads);
    Entry *held = seen ? make_entries(judged, resolution, threads) : NULL;
    int64_t seen_count = 0, held_count = 0;
    if (held) {
        seen_count = keep(seen, image_file_count(trained), true);
        held_count = keep(held, image_file_count(judged), false);
        qsort(seen, (size_t)seen_count, sizeof *seen, compare);
    }
    for (int64_t i = 0; i < held_count; i++) {
        const Entry *same = bsearch(&held[i], seen, (size_t)seen_count, sizeof *seen, compare_hash);
        if (!same)
            continue;
        if (!found->validation && !found->test)
            found->first = (Duplicate){held[i].image, same->image};
        *(held[i].split == IMAGE_VALIDATION ? &found->validation : &found->test) += 1;
    }
    const bool made = held != NULL;
    free(held);
    free(seen);
    return made;
}

/* --- what is said --- */

int64_t duplicates_across(const Duplicates *found) {
    return found->validation_in_train + found->test_in_train + found->test_in_validation;
}

enum { NAME_SIZE = 96, WHERE_SIZE = 64 };

/* What an image is called: its name, or its number. */
static void call(const ImageFile *file, int32_t image, char name[NAME_SIZE]) {
    size_t length;
    const char *bytes = image_file_name(file, image, &length);
    if (bytes)
        snprintf(name, NAME_SIZE, "%.*s", (int)(length < NAME_SIZE ? length : NAME_SIZE), bytes);
    else
        snprintf(name, NAME_SIZE, "image %d", image);
}

/* "at 16 x 16 pixels" */
static void describe_resolution(int64_t resolution, char where[WHERE_SIZE]) {
    *where = 0;
    if (resolution)
        snprintf(where, WHERE_SIZE, " at %lld x %lld pixels", (long long)resolution,
                 (long long)resolution);
}

static void describe(const ImageFile *file, const Duplicates *found, int64_t resolution, char *text,
                     size_t size) {
    char where[WHERE_SIZE], image[NAME_SIZE], other[NAME_SIZE];
    describe_resolution(resolution, where);
    call(file, found->first[0].image, image);
    call(file, found->first[0].other, other);
    snprintf(
        text, size,
        "%lld images for validation and %lld for testing are also among those to train on, and "
        "%lld for testing among those for validation%s (%s is %s)%s",
        (long long)found->validation_in_train, (long long)found->test_in_train,
        (long long)found->test_in_validation, where, image, other,
        found->labels ? "; some of them have another label there" : "");
}

static bool is_large(const ImageFile *file) {
    const int64_t count = image_file_count(file);
    const ImageView first = image_file_image(file, 0), last = image_file_image(file, count - 1);
    return last.pixels + image_bytes(last) - first.pixels > most_bytes_at_start;
}

bool duplicates_warning(const ImageFile *file, const char *path, int64_t resolution, int threads,
                        char *text, size_t size) {
    Duplicates found;
    *text = 0;
    if (is_large(file)) {
        snprintf(text, size,
                 "whether images are in two splits has not been looked at, as the set is large: "
                 "scanline data inspect %s --resolution %lld does",
                 path, (long long)resolution);
        return true;
    }
    if (!duplicates_find(file, 0, threads, &found))
        return false;
    if (!duplicates_across(&found) && resolution &&
        !duplicates_find(file, resolution, threads, &found))
        return false;
    if (duplicates_across(&found))
        describe(file, &found, resolution, text, size);
    return true;
}

static void describe_between(const DuplicatesFile *trained, const DuplicatesFile *judged,
                             const DuplicatesBetween *found, int64_t resolution, char *text,
                             size_t size) {
    char where[WHERE_SIZE], image[NAME_SIZE], other[NAME_SIZE];
    describe_resolution(resolution, where);
    call(judged->file, found->first.image, image);
    call(trained->file, found->first.other, other);
    snprintf(text, size,
             "%lld images for validation and %lld for testing of %.120s are also among those for "
             "training of %.120s, which the model has seen%s (%s is %s there)",
             (long long)found->validation, (long long)found->test, judged->name, trained->name,
             where, image, other);
}

bool duplicates_warning_between(const DuplicatesFile *trained, const DuplicatesFile *judged,
                                int64_t resolution, int threads, char *text, size_t size) {
    DuplicatesBetween found;
    *text = 0;
    if (is_large(trained->file) || is_large(judged->file)) {
        snprintf(text, size,
                 "whether images that %.120s holds out are among those for training of %.120s has "
                 "not been looked at, as the sets are large",
                 judged->name, trained->name);
        return true;
    }
    const int64_t sizes[] = {0, resolution};
    for (int i = 0; i < (resolution ? 2 : 1); i++) {
        if (!duplicates_between(trained->file, judged->file, sizes[i], threads, &found))
            return false;
        if (!found.validation && !found.test)
            continue;
        describe_between(trained, judged, &found, sizes[i], text, size);
        return true;
    }
    return true;
}
