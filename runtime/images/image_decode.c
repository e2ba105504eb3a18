#include "runtime/images/image_decode.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

typedef struct Signature {
    ImageKind kind;
    uint8_t offset, length;
    const char *bytes, *name;
} Signature;

static const Signature signatures[] = {
    {IMAGE_KIND_JPEG, 0, 3, "\xFF\xD8\xFF", "a JPEG"},
    {IMAGE_KIND_PNG, 0, 8, "\x89PNG\r\n\x1A\n", "a PNG"},
    {IMAGE_KIND_OTHER, 0, 4, "GIF8", "a GIF"},
    {IMAGE_KIND_OTHER, 8, 4, "WEBP", "a WebP"},
    {IMAGE_KIND_OTHER, 0, 2, "BM", "a BMP"},
    {IMAGE_KIND_OTHER, 0, 4, "II*\0", "a TIFF"},
    {IMAGE_KIND_OTHER, 0, 4, "MM\0*", "a TIFF"},
    {IMAGE_KIND_OTHER, 4, 8, "ftypavif", "an AVIF"},
    {IMAGE_KIND_OTHER, 4, 8, "ftypheic", "a HEIC"},
    {IMAGE_KIND_OTHER, 4, 8, "ftypmif1", "a HEIF"},
    {IMAGE_KIND_OTHER, 0, 8, "\0\0\0\x0CjP  ", "a JPEG 2000"},
    {IMAGE_KIND_OTHER, 0, 4, "\xFF\x4F\xFF\x51", "a JPEG 2000"},
    {IMAGE_KIND_OTHER, 0, 8, "\0\0\0\x0CJXL ", "a JPEG XL"},
    {IMAGE_KIND_OTHER, 0, 2, "\xFF\x0A", "a JPEG XL"},
    {IMAGE_KIND_OTHER, 0, 4, "8BPS", "a Photoshop file"},
    {IMAGE_KIND_OTHER, 0, 5, "%PDF-", "a PDF"},
};

static const struct {
    const char *ending;
    ImageKind kind;
} endings[] = {
    {"jpg", IMAGE_KIND_JPEG},   {"jpeg", IMAGE_KIND_JPEG},  {"jpe", IMAGE_KIND_JPEG},
    {"jfif", IMAGE_KIND_JPEG},  {"png", IMAGE_KIND_PNG},    {"apng", IMAGE_KIND_PNG},
    {"gif", IMAGE_KIND_OTHER},  {"webp", IMAGE_KIND_OTHER}, {"bmp", IMAGE_KIND_OTHER},
    {"tif", IMAGE_KIND_OTHER},  {"tiff", IMAGE_KIND_OTHER}, {"heic", IMAGE_KIND_OTHER},
    {"heif", IMAGE_KIND_OTHER}, {"avif", IMAGE_KIND_OTHER}, {"jp2", IMAGE_KIND_OTHER},
    {"jxl", IMAGE_KIND_OTHER},
};

ImageKind image_kind(const uint8_t *bytes, size_t size, const char **name) {
    for (size_t i = 0; i < sizeof signatures / sizeof *signatures; i++) {
        const Signature *s = &signatures[i];
        if (size >= (size_t)s->offset + s->length &&
            memcmp(bytes + s->offset, s->bytes, s->length) == 0) {
            *name = s->name;
            return s->kind;
        }
    }
    *name = "nothing that is known here";
    return IMAGE_KIND_UNKNOWN;
}

ImageKind image_kind_of_name(const char *file_name) {
    const char *slash = strrchr(file_name, '/'), *name = slash ? slash + 1 : file_name;
    const char *dot = strrchr(name, '.');
    for (size_t i = 0; dot && i < sizeof endings / sizeof *endings; i++)
        if (strcasecmp(dot + 1, endings[i].ending) == 0)
            return endings[i].kind;
    return IMAGE_KIND_UNKNOWN;
}

void image_remark(ImageNote *note, const char *text) {
    const size_t length = strlen(note->remark);
    snprintf(note->remark + length, sizeof note->remark - length, "%s%s", length ? "; " : "", text);
}

bool image_allocate(Image *image, int64_t height, int64_t width, int64_t channels,
                    ImageNote *note) {
    if (height < 1 || width < 1 || height > IMAGE_MOST_SIDE || width > IMAGE_MOST_SIDE ||
        height * width > IMAGE_MOST_PIXELS) {
        snprintf(note->reason, sizeof note->reason,
                 "says that it has %lld x %lld pixels; at most %d are read", (long long)height,
                 (long long)width, IMAGE_MOST_PIXELS);
        return false;
    }
    *image = (Image){height, width, channels, malloc((size_t)(height * width * channels))};
    if (!image->pixels)
        snprintf(note->reason, sizeof note->reason, "needs more memory than there is");
    return image->pixels != NULL;
}

void image_grey(const uint8_t *from, int64_t pixels, uint8_t *to) {
    for (int64_t i = 0; i < pixels; i++)
        to[i] = (uint8_t)((19595u * from[3 * i] + 38470u * from[3 * i + 1] +
                           7471u * from[3 * i + 2] + 0x8000u) >>
                          16);
}

bool image_decode(const uint8_t *bytes, size_t size, int64_t channels, Image *image,
                  ImageNote *note) {
    const char *name;
    *image = (Image){0};
    *note = (ImageNote){0};
    switch (image_kind(bytes, size, &name)) {
    case IMAGE_KIND_JPEG:
        return image_decode_jpeg(bytes, size, channels, image, note);
    case IMAGE_KIND_PNG:
        return image_decode_png(bytes, size, channels, image, note);
    case IMAGE_KIND_OTHER:
        snprintf(note->reason, sizeof note->reason, "is %s, and only JPEG and PNG are read", name);
        return false;
    default:
        snprintf(note->reason, sizeof note->reason, "%s",
                 size ? "is no image: it begins as neither JPEG nor PNG do" : "is empty");
        return false;
    }
}
