#include "runtime/import/parts.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

int part_of_name(const char *name) {
    static const struct {
        const char *word;
        int part;
    } words[] = {{"unlabel", PART_UNLABELLED},
                 {"train", PART_TRAIN},
                 {"val", PART_VALIDATION},
                 {"test", PART_TEST},
                 {"t10k", PART_TEST}};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcasestr(source_base_name(name), words[i].word))
            return words[i].part;
    return PART_TRAIN;
}

/* --- images --- */

/* Reads and adds one. */
static bool add_image(Importing *importing, const SourceMember *member, const PartImages *images,
                      int64_t index, uint8_t *record, uint8_t *pixels) {
    static const ImageSplit splits[PART_COUNT] = {IMAGE_TRAIN, IMAGE_VALIDATION, IMAGE_TEST,
                                                  IMAGE_TRAIN};
    const Place place = {splits[images->part], -1};
    bool whole = false;
    if (!importing_read(importing, record, (size_t)images->record_bytes, &whole))
        return importing_fault(importing, member->name, "%s", source_fault(importing->source));
    if (!whole)
        return importing_fault(importing, member->name,
                               "is cut off: it has %lld of the %lld images that it says",
                               (long long)index, (long long)images->count);
    if (importing_skips(importing))
        return true;
    ImageView view = images->image;
    view.pixels = images->make ? pixels : record;
    if (images->make)
        images->make(record, view, pixels);
    return importing_add(importing, view, place, NULL);
}

bool parts_images(Importing *importing, Parts *parts, const SourceMember *member,
                  const PartImages *images) {
    Part *part = &parts->at[images->part];
    if (part->images_name)
        return importing_fault(importing, member->name, "has images of the same split as %s does",
                               part->images_name);
    uint8_t *record = malloc((size_t)images->record_bytes);
    uint8_t *pixels = malloc((size_t)image_bytes(images->image));
    part->images_name = strdup(source_base_name(member->name));
    part->first = importing->position;
    part->count = images->count;
    bool ok = (record && pixels && part->images_name) || run_no_memory(importing->error, "images");
    for (int64_t i = 0; ok && i < images->count; i++)
        ok = add_image(importing, member, images, i, record, pixels);
    if (ok && source_read(importing->source, record, 1) > 0)
        ok = importing_fault(importing, member->name,
                             "is longer than the %lld images that it should have",
                             (long long)images->count);
    free(record);
    free(pixels);
    return ok;
}

/* --- labels --- */

bool parts_labels(Importing *importing, Parts *parts, const SourceMember *member, int part,
                  int32_t *labels, int64_t count) {
    Part *at = &parts->at[part];
    if (!labels)
        return run_no_memory(importing->error, "labels");
    if (at->labels) {
        free(labels);
        return importing_fault(importing, member->name,
                               "has labels of a split that has some already");
    }
    at->labels = labels;
    at->label_count = count;
    return true;
}

static bool check_part(Importing *importing, const Part *part) {
    if (part->label_count != part->count)
        return importing_fault(importing, part->images_name,
                               "has %lld images; there are %lld labels for them",
                               (long long)part->count, (long long)part->label_count);
    const int64_t most = importing->classes ? importing->classes : IMAGE_MOST_CLASSES;
    for (int64_t i = 0; i < part->count; i++)
        if (part->labels[i] < 0 || part->labels[i] >= most)
            return importing_fault(
                importing, part->images_name,
                "has an image, number %lld, of the label %d; 0 to %lld are possible", (long long)i,
                part->labels[i], (long long)most - 1);
    return true;
}

bool parts_finish(Importing *importing, Parts *parts) {
    int64_t classes = 0;
    int32_t *labels = importing->writer ? image_writer_labels(importing->writer) : NULL;
    for (int p = 0; p < PART_COUNT; p++) {
        const Part *part = &parts->at[p];
        if (!part->labels)
            continue;
        if (!part->images_name || p == PART_UNLABELLED)
            return run_fail(importing->error, EXIT_INPUT,
                            "there are labels without the images that they are for");
        if (!check_part(importing, part))
            return false;
        for (int64_t i = 0; i < part->count; i++) {
            labels[part->first + i] = part->labels[i];
            classes = part->labels[i] >= classes ? part->labels[i] + INT64_C(1) : classes;
        }
    }
    if (!importing->classes)
        importing->classes = classes;
    return true;
}

void parts_free(Parts *parts) {
    for (int p = 0; p < PART_COUNT; p++) {
        free(parts->at[p].images_name);
        free(parts->at[p].labels);
    }
}
