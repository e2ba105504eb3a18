/* Nothing of a file is believed before it has been checked: first that a header is what was
 * written, then that each section lies in the file and is what was written, then that what it says
 * stays within bounds, as sums are no proof against those who mean harm. */
#include "runtime/images/image_file.h"

#include "runtime/images/image_file_layout.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

struct ImageFile {
    char *path;
    const unsigned char *bytes; /* the whole file, mapped */
    size_t size;
    LayoutHeader header;
    const char **class_names; /* [classes], in the map; NULL: none */
    char hash[HASH_SIZE];
};

static const void *section(const ImageFile *file, LayoutSection which) {
    return file->bytes + file->header.sections[which].offset;
}

static uint64_t section_size(const ImageFile *file, LayoutSection which) {
    return file->header.sections[which].size;
}

/* --- checks --- */

static bool damaged(const ImageFile *file, FileError *error, const char *what) {
    return file_fault(error, file->path, "is damaged: %s", what);
}

static bool check_header(ImageFile *file, FileError *error) {
    const LayoutHeader *header = &file->header;
    if (file->size < LAYOUT_PIXELS ||
        (memcmp(file->bytes, layout_magic, sizeof layout_magic) != 0 &&
         memcmp(file->bytes + LAYOUT_SLOT_BYTES, layout_magic, sizeof layout_magic) != 0))
        return file_fault(error, file->path,
                          "is no data file; `scanline data import' makes one of images");
    if (layout_slot(file->bytes, &file->header) < 0)
        return damaged(file, error, "neither of its two headers is whole; import it again");
    if (header->version != LAYOUT_VERSION || header->section_count != SECTION_COUNT)
        return file_fault(error, file->path,
                          "is of version %u of the format; this program reads version %d",
                          header->version, LAYOUT_VERSION);
    if (header->count < 1 || header->count > INT32_MAX || header->classes < 0 ||
        header->classes > IMAGE_MOST_CLASSES || (header->channels != 1 && header->channels != 3))
        return damaged(file, error, "its header has impossible counts");
    return true;
}

static bool check_sections(const ImageFile *file, FileError *error) {
    static const char *const names[SECTION_COUNT] = {
        [SECTION_PIXELS] = "pixels",   [SECTION_BLOCKS] = "sums of the pixels",
        [SECTION_INDEX] = "index",     [SECTION_LABELS] = "labels",
        [SECTION_SPLITS] = "splits",   [SECTION_CLASSES] = "names of the classes",
        [SECTION_NAMES] = "names",     [SECTION_ORIGIN] = "origin",
        [SECTION_PALETTE] = "palette",
    };
    for (int i = 0; i < SECTION_COUNT; i++) {
        const LayoutRange *range = &file->header.sections[i];
        uint64_t end;
        if (range->offset % LAYOUT_ALIGNMENT || range->offset < LAYOUT_PIXELS ||
            __builtin_add_overflow(range->offset, range->size, &end) || end > file->size)
            return file_fault(error, file->path, "is cut off or damaged: its %s would be outside",
                              names[i]);
        if (i != SECTION_PIXELS &&
            !layout_same(layout_hash(section(file, (LayoutSection)i), range->size), range->hash))
            return file_fault(error, file->path,
                              "is damaged: its %s are not what was written; import it again",
                              names[i]);
    }
    return true;
}

static bool is_side(int64_t side) { return side >= 1 && side <= IMAGE_MOST_SIDE; }

static bool check_sizes(const ImageFile *file, FileError *error) {
    const LayoutHeader *header = &file->header;
    const uint64_t pixels = section_size(file, SECTION_PIXELS),
                   index = section_size(file, SECTION_INDEX);
    if (section_size(file, SECTION_BLOCKS) !=
        (pixels / LAYOUT_BLOCK + (pixels % LAYOUT_BLOCK != 0)) * sizeof(LayoutHash))
        return damaged(file, error, "it has not a sum for each block of pixels");
    if (!index) {
        int64_t bytes;
        const bool sides = is_side(header->height) && is_side(header->width) &&
                           header->height * header->width <= IMAGE_MOST_PIXELS;
        if (!sides ||
            __builtin_mul_overflow(header->height * header->width * header->channels, header->count,
                                   &bytes) ||
            (uint64_t)bytes != pixels)
            return damaged(file, error, "its pixels are not as many as its header says");
        return true;
    }
    if (header->height || header->width || index != (uint64_t)header->count * sizeof(LayoutPlace))
        return damaged(file, error, "its index has not an entry for each image");
    const LayoutPlace *places = section(file, SECTION_INDEX);
    for (int64_t i = 0; i < header->count; i++) {
        const int64_t area = (int64_t)places[i].height * places[i].width;
        if (!is_side(places[i].height) || !is_side(places[i].width) || area > IMAGE_MOST_PIXELS ||
            places[i].offset > pixels ||
            (uint64_t)(area * header->channels) > pixels - places[i].offset)
            return damaged(file, error, "its index points outside of the pixels");
    }
    return true;
}

static bool check_labels(const ImageFile *file, FileError *error) {
    const LayoutHeader *header = &file->header;
    if (section_size(file, SECTION_LABELS) != (uint64_t)header->count * sizeof(int32_t) ||
        section_size(file, SECTION_SPLITS) != (uint64_t)header->count)
        return damaged(file, error, "it has not a label and a split for each image");
    const int32_t *labels = section(file, SECTION_LABELS);
    const uint8_t *splits = section(file, SECTION_SPLITS);
    for (int64_t i = 0; i < header->count; i++)
        if (labels[i] < -1 || labels[i] >= header->classes || splits[i] >= IMAGE_SPLIT_COUNT)
            return damaged(file, error, "a label or split is out of range");
    return true;
}

static bool check_class_names(ImageFile *file, FileError *error) {
    const char *text = section(file, SECTION_CLASSES);
    const char *const end = text + section_size(file, SECTION_CLASSES);
    const int64_t classes = file->header.classes;
    if (text == end)
        return true;
    if ((uint64_t)classes > section_size(file, SECTION_CLASSES))
        return damaged(file, error, "it has fewer names of classes than classes");
    file->class_names = malloc((size_t)(classes ? classes : 1) * sizeof *file->class_names);
    if (!file->class_names)
        return file_fault(error, file->path, "can't be opened: no memory");
    for (int64_t c = 0; c < classes; c++) {
        const char *stop = memchr(text, 0, (size_t)(end - text));
        if (!stop)
            return damaged(file, error, "it has fewer names of classes than classes");
        for (const char *at = text; at < stop; at++)
            if ((unsigned char)*at < 0x20 || *at == 0x7F)
                return damaged(file, error, "the name of a class has a control character");
        file->class_names[c] = text;
        text = stop + 1;
    }
    return text == end || damaged(file, error, "it has more names of classes than classes");
}

static bool check_names(const ImageFile *file, FileError *error) {
    const uint64_t size = section_size(file, SECTION_NAMES),
                   head = ((uint64_t)file->header.count + 1) * sizeof(uint64_t);
    if (!size)
        return true;
    if (size < head)
        return damaged(file, error, "it has not a name for each image");
    const uint64_t *starts = section(file, SECTION_NAMES);
    for (int64_t i = 0; i < file->header.count; i++)
        if (starts[i] > starts[i + 1])
            return damaged(file, error, "its names overlap");
    return (starts[0] == 0 && starts[file->header.count] == size - head) ||
           damaged(file, error, "its names are not as long as they say");
}

static bool check_rest(const ImageFile *file, FileError *error) {
    const LayoutHeader *header = &file->header;
    const uint64_t origin = section_size(file, SECTION_ORIGIN);
    if (!origin || ((const char *)section(file, SECTION_ORIGIN))[origin - 1] != 0)
        return damaged(file, error, "it does not say where it is from");
    const uint64_t palette = section_size(file, SECTION_PALETTE);
    if (!palette)
        return true;
    if (header->colours < 1 || header->colours > IMAGE_MOST_COLOURS ||
        (header->palette_channels != 1 && header->palette_channels != 3) ||
        palette != (uint64_t)(header->colours * header->palette_channels) * sizeof(float))
        return damaged(file, error, "its palette is not as large as its header says");
    const float *centres = section(file, SECTION_PALETTE);
    for (int64_t i = 0; i < header->colours * header->palette_channels; i++)
        if (!isfinite(centres[i]))
            return damaged(file, error, "a colour of its palette is no number");
    return true;
}

/* The identity: of the sums of what it covers. */
static void make_hash(ImageFile *file) {
    const LayoutHeader *header = &file->header;
    const struct {
        int64_t count, height, width, channels;
        uint64_t pixels;
        LayoutHash blocks, index, labels;
    } content = {header->count,
                 header->height,
                 header->width,
                 header->channels,
                 section_size(file, SECTION_PIXELS),
                 header->sections[SECTION_BLOCKS].hash,
                 header->sections[SECTION_INDEX].hash,
                 header->sections[SECTION_LABELS].hash};
    const LayoutHash hash = layout_hash(&content, sizeof content);
    snprintf(file->hash, sizeof file->hash, "%016llx%016llx", (unsigned long long)hash.high,
             (unsigned long long)hash.low);
}

/* --- opening --- */

static bool map(ImageFile *file, FileError *error) {
    const int descriptor = open(file->path, O_RDONLY | O_CLOEXEC);
    struct stat status;
    if (descriptor < 0)
        return file_fail(error, "cannot read", file->path);
    bool ok = fstat(descriptor, &status) == 0;
    if (ok && !S_ISREG(status.st_mode)) {
        errno = S_ISDIR(status.st_mode) ? EISDIR : EINVAL;
        ok = false;
    }
    if (!ok)
        file_fail(error, "cannot read", file->path);
    if (ok && status.st_size > 0) {
        void *bytes = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_SHARED, descriptor, 0);
        ok = bytes != MAP_FAILED || file_fail(error, "cannot map", file->path);
        if (ok) {
            file->bytes = bytes;
            file->size = (size_t)status.st_size;
        }
    }
    close(descriptor);
    return ok;
}

ImageFile *image_file_open(const char *path, FileError *error) {
    ImageFile *file = calloc(1, sizeof *file);
    if (!file || !(file->path = strdup(path))) {
        file_fault(error, path, "can't be opened: no memory");
        free(file);
        return NULL;
    }
    if (!map(file, error) || !check_header(file, error) || !check_sections(file, error) ||
        !check_sizes(file, error) || !check_labels(file, error) ||
        !check_class_names(file, error) || !check_names(file, error) || !check_rest(file, error)) {
        image_file_close(file);
        return NULL;
    }
    make_hash(file);
    return file;
}

void image_file_close(ImageFile *file) {
    if (!file)
        return;
    if (file->bytes)
        munmap((void *)file->bytes, file->size);
    free(file->class_names);
    free(file->path);
    free(file);
}

bool image_file_is(const char *path) {
    char magic[sizeof layout_magic];
    FILE *stream = fopen(path, "rbe");
    const bool is = stream && fread(magic, 1, sizeof magic, stream) == sizeof magic &&
                    memcmp(magic, layout_magic, sizeof magic) == 0;
    if (stream)
        fclose(stream);
    return is;
}

/* --- what is in it --- */

int64_t image_file_count(const ImageFile *file) { return file->header.count; }
int64_t image_file_channels(const ImageFile *file) { return file->header.channels; }
int64_t image_file_classes(const ImageFile *file) { return file->header.classes; }
const char *image_file_hash(const ImageFile *file) { return file->hash; }

bool image_file_size(const ImageFile *file, int64_t *height, int64_t *width) {
    if (!file->header.height)
        return false;
    *height = file->header.height;
    *width = file->header.width;
    return true;
}

ImageView image_file_image(const ImageFile *file, int64_t index) {
    const LayoutHeader *header = &file->header;
    const uint8_t *pixels = section(file, SECTION_PIXELS);
    assert(index >= 0 && index < header->count);
    ImageView view = {header->height, header->width, header->channels, pixels};
    if (header->height) {
        view.pixels += index * image_bytes(view);
    } else {
        const LayoutPlace *place = (const LayoutPlace *)section(file, SECTION_INDEX) + index;
        view.height = place->height;
        view.width = place->width;
        view.pixels += place->offset;
    }
    return view;
}

const int32_t *image_file_labels(const ImageFile *file) { return section(file, SECTION_LABELS); }

int32_t image_file_label(const ImageFile *file, int64_t index) {
    assert(index >= 0 && index < file->header.count);
    return image_file_labels(file)[index];
}

const uint8_t *image_file_splits(const ImageFile *file) { return section(file, SECTION_SPLITS); }

ImageSplit image_file_split(const ImageFile *file, int64_t index) {
    assert(index >= 0 && index < file->header.count);
    return (ImageSplit)image_file_splits(file)[index];
}

const char *image_file_class_name(const ImageFile *file, int64_t class) {
    assert(class >= 0 && class < file->header.classes);
    return file->class_names ? file->class_names[class] : NULL;
}

const char *image_file_name(const ImageFile *file, int64_t index, size_t *length) {
    assert(index >= 0 && index < file->header.count);
    if (!section_size(file, SECTION_NAMES))
        return NULL;
    const uint64_t *starts = section(file, SECTION_NAMES);
    const char *text = (const char *)(starts + file->header.count + 1);
    *length = (size_t)(starts[index + 1] - starts[index]);
    return *length ? text + starts[index] : NULL;
}

const char *image_file_origin(const ImageFile *file) { return section(file, SECTION_ORIGIN); }

const float *image_file_palette(const ImageFile *file, int64_t *colours, int64_t *channels) {
    if (!section_size(file, SECTION_PALETTE))
        return NULL;
    *colours = file->header.colours;
    *channels = file->header.palette_channels;
    return section(file, SECTION_PALETTE);
}

/* --- blocks of pixels --- */

int64_t image_file_blocks(const ImageFile *file) {
    return (int64_t)(section_size(file, SECTION_BLOCKS) / sizeof(LayoutHash));
}

bool image_file_block_intact(const ImageFile *file, int64_t block) {
    assert(block >= 0 && block < image_file_blocks(file));
    const uint64_t start = (uint64_t)block * LAYOUT_BLOCK,
                   left = section_size(file, SECTION_PIXELS) - start;
    const uint8_t *pixels = section(file, SECTION_PIXELS);
    const LayoutHash *sums = section(file, SECTION_BLOCKS);
    return layout_same(layout_hash(pixels + start, left < LAYOUT_BLOCK ? left : LAYOUT_BLOCK),
                       sums[block]);
}

void image_file_advise(const ImageFile *file, ImageAccess access) {
    madvise((void *)file->bytes, file->size,
            access == IMAGE_ACCESS_RANDOM ? MADV_RANDOM : MADV_SEQUENTIAL);
}
