/* libpng ends a function by a long jump: all of that is in read_image, which allocates nothing that
 * the jump could lose; image_decode_png owns what there is. */
#include "runtime/images/image_png.h"

#include "runtime/images/image_decode.h"

#include <png.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

enum { SIGNATURE = 8, MOST_CHUNK = 1 << 24, CHUNK_HEAD = 8, CHUNK_REST = 12 };

typedef struct Decoder {
    png_struct *png;
    png_info *info;
    const uint8_t *bytes;
    size_t size, at;
    Image *image;
    Image colour; /* what is to become grey */
    png_byte **rows;
    ImageNote *note;
} Decoder;

static void on_error(png_struct *png, const char *text) {
    Decoder *decoder = png_get_error_ptr(png);
    if (!*decoder->note->reason)
        snprintf(decoder->note->reason, sizeof decoder->note->reason, "is damaged: %.160s", text);
    png_longjmp(png, 1);
}

static void on_warning(png_struct *png, const char *text) { (void)png, (void)text; }

static void on_read(png_struct *png, png_byte *to, size_t size) {
    Decoder *decoder = png_get_io_ptr(png);
    if (size > decoder->size - decoder->at) {
        snprintf(decoder->note->reason, sizeof decoder->note->reason, "is cut off");
        png_error(png, decoder->note->reason);
    }
    memcpy(to, decoder->bytes + decoder->at, size);
    decoder->at += size;
}

/* Whether there is an acTL chunk before the pixels (the APNG specification). */
static bool is_animated(const uint8_t *bytes, size_t size) {
    for (size_t at = SIGNATURE; size - at >= CHUNK_REST;) {
        const uint8_t *head = bytes + at;
        const size_t length =
            (size_t)head[0] << 24 | (size_t)head[1] << 16 | (size_t)head[2] << 8 | head[3];
        if (memcmp(head + 4, "acTL", 4) == 0)
            return true;
        if (memcmp(head + 4, "IDAT", 4) == 0 || length > size - at - CHUNK_REST)
            return false;
        at += length + CHUNK_REST;
    }
    return false;
}

/* Whatever it is becomes 8 bits, of grey or colour. */
static void choose_form(const Decoder *decoder, bool *grey) {
    png_struct *png = decoder->png;
    png_info *info = decoder->info;
    const unsigned type = png_get_color_type(png, info);
    const bool clear = (type & PNG_COLOR_MASK_ALPHA) || png_get_valid(png, info, PNG_INFO_tRNS);
    png_set_expand(png); /* palettes, fewer than 8 bits, transparent colours */
    if (png_get_bit_depth(png, info) == 16) {
        png_set_scale_16(png);
        image_remark(decoder->note, "has 16 bits a channel, of which 8 are kept");
    }
    if (clear) {
        const png_color_16 white = {0, 255, 255, 255, 255};
        png_set_background(png, &white, PNG_BACKGROUND_GAMMA_SCREEN, 0, 1);
        image_remark(decoder->note, "has transparent pixels, put on white");
    }
    *grey = !(type & PNG_COLOR_MASK_COLOR);
    png_set_interlace_handling(png);
}

static bool read_image(Decoder *decoder, int64_t channels) {
    png_struct *png = decoder->png;
    bool grey;
    if (setjmp(png_jmpbuf(png)))
        return false;
    png_set_read_fn(png, decoder, on_read);
    png_set_user_limits(png, IMAGE_MOST_SIDE, IMAGE_MOST_SIDE);
    png_set_chunk_malloc_max(png, MOST_CHUNK);
    png_read_info(png, decoder->info);
    const int64_t height = png_get_image_height(png, decoder->info),
                  width = png_get_image_width(png, decoder->info);
    choose_form(decoder, &grey);
    if (grey && channels == 3)
        png_set_gray_to_rgb(png);
    Image *whole = !grey && channels == 1 ? &decoder->colour : decoder->image;
    if (!image_allocate(whole, height, width, whole == decoder->image ? channels : 3,
                        decoder->note))
        return false;
    png_read_update_info(png, decoder->info);
    const size_t stride = (size_t)(width * whole->channels);
    decoder->rows = malloc((size_t)height * sizeof *decoder->rows);
    if (!decoder->rows || png_get_rowbytes(png, decoder->info) != stride)
        png_error(png, decoder->rows ? "rows of another length" : "no memory");
    for (int64_t y = 0; y < height; y++)
        decoder->rows[y] = whole->pixels + (size_t)y * stride;
    png_read_image(png, decoder->rows);
    png_read_end(png, NULL);
    return true;
}

/* What was read as colour, in grey: the memory is the same. */
static void make_grey(Decoder *decoder) {
    Image *colour = &decoder->colour;
    image_grey(colour->pixels, colour->height * colour->width, colour->pixels);
    *decoder->image = (Image){colour->height, colour->width, 1, colour->pixels};
    colour->pixels = NULL;
}

bool image_decode_png(const uint8_t *bytes, size_t size, int64_t channels, Image *image,
                      ImageNote *note) {
    Decoder decoder = {.bytes = bytes, .size = size, .image = image, .note = note};
    decoder.png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &decoder, on_error, on_warning);
    decoder.info = decoder.png ? png_create_info_struct(decoder.png) : NULL;
    if (!decoder.info)
        snprintf(note->reason, sizeof note->reason, "needs more memory than there is");
    const bool done = decoder.info && read_image(&decoder, channels);
    if (done && decoder.colour.pixels)
        make_grey(&decoder);
    if (done && is_animated(bytes, size))
        image_remark(note, "is animated; its first picture is taken");
    png_destroy_read_struct(&decoder.png, &decoder.info, NULL);
    free(decoder.rows);
    free(decoder.colour.pixels);
    if (!done) {
        free(image->pixels);
        *image = (Image){0};
    }
    return done;
}

bool image_write_png(ImageView image, const char *path, FileError *error) {
    FileWriter writer;
    if (!file_begin(&writer, path, error))
        return false;
    png_image png = {.version = PNG_IMAGE_VERSION,
                     .width = (png_uint_32)image.width,
                     .height = (png_uint_32)image.height,
                     .format = image.channels == 3 ? PNG_FORMAT_RGB : PNG_FORMAT_GRAY};
    if (!png_image_write_to_stdio(&png, writer.stream, 0, image.pixels, 0, NULL)) {
        file_abandon(&writer);
        return file_fault(error, path, "can't be written: %s", png.message);
    }
    return file_commit(&writer, error);
}
