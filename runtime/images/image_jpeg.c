/* libjpeg-turbo ends a function by a long jump: all of that is in read_scanlines, which allocates
 * nothing that the jump could lose; image_decode_jpeg owns what there is. */
#include "runtime/images/image_decode.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>

#include <jerror.h>

enum { MOST_SCANS = 500, EXIF_MARKER = JPEG_APP0 + 1, CMYK = 4 };

typedef struct Decoder {
    struct jpeg_decompress_struct jpeg;
    struct jpeg_error_mgr errors;
    struct jpeg_progress_mgr progress;
    jmp_buf fail;
    Image *image;
    uint8_t *row; /* of CMYK */
    ImageNote *note;
} Decoder;

/* --- what libjpeg calls --- */

static void on_error(j_common_ptr jpeg) {
    Decoder *decoder = jpeg->client_data;
    char text[JMSG_LENGTH_MAX];
    jpeg->err->format_message(jpeg, text);
    if (!*decoder->note->reason)
        snprintf(decoder->note->reason, sizeof decoder->note->reason, "is damaged: %.160s", text);
    longjmp(decoder->fail, 1);
}

/* Of what is in the header only; all else means that pixels are made up. */
static bool is_harmless(int warning) {
    return warning == JWRN_JFIF_MAJOR || warning == JWRN_ADOBE_XFORM || warning == JWRN_BOGUS_ICC;
}

static void on_message(j_common_ptr jpeg, int level) {
    Decoder *decoder = jpeg->client_data;
    if (level >= 0 || is_harmless(jpeg->err->msg_code) || *decoder->note->reason)
        return;
    char text[JMSG_LENGTH_MAX];
    jpeg->err->format_message(jpeg, text);
    snprintf(decoder->note->reason, sizeof decoder->note->reason, "is %s: %.160s",
             jpeg->err->msg_code == JWRN_JPEG_EOF ? "cut off" : "damaged", text);
    longjmp(decoder->fail, 1);
}

static void on_output(j_common_ptr jpeg) { (void)jpeg; }

/* A few bytes can ask for a scan of the whole image, again and again. */
static void on_progress(j_common_ptr jpeg) {
    Decoder *decoder = jpeg->client_data;
    if (decoder->jpeg.input_scan_number <= MOST_SCANS)
        return;
    snprintf(decoder->note->reason, sizeof decoder->note->reason, "has more than %d scans",
             MOST_SCANS);
    longjmp(decoder->fail, 1);
}

/* --- EXIF --- */

static unsigned read_16(const uint8_t *at, bool little) {
    return little ? at[0] | at[1] << 8u : at[1] | at[0] << 8u;
}

/* Which side is up, 1 (as it is) to 8; 1 where it does not say. The tag 0x0112 of the first
 * directory (Exif 2.3, 4.6). */
static unsigned orientation(const struct jpeg_marker_struct *marker) {
    for (; marker; marker = marker->next) {
        const uint8_t *tiff = marker->data + 6;
        if (marker->marker != EXIF_MARKER || marker->data_length < 6 + 8 + 2 ||
            memcmp(marker->data, "Exif\0\0", 6) != 0)
            continue;
        const size_t size = marker->data_length - 6;
        const bool little = tiff[0] == 'I';
        const size_t high = read_16(tiff + (little ? 6 : 4), little),
                     start = high << 16 | read_16(tiff + (little ? 4 : 6), little);
        if (start > size - 2)
            return 1;
        const unsigned count = read_16(tiff + start, little);
        for (size_t i = 0; i < count && start + 2 + 12 * (i + 1) <= size; i++)
            if (read_16(tiff + start + 2 + 12 * i, little) == 0x0112)
                return read_16(tiff + start + 2 + 12 * i + 8, little);
    }
    return 1;
}

static void look_at_exif(Decoder *decoder) {
    char text[80];
    const unsigned up = orientation(decoder->jpeg.marker_list);
    if (up < 2 || up > 8)
        return;
    snprintf(text, sizeof text, "is turned or mirrored by EXIF (orientation %u), which is not done",
             up);
    image_remark(decoder->note, text);
}

/* --- pixels --- */

/* Adobe's programs write CMYK inverted, and say who they are. */
static void from_cmyk(const uint8_t *row, int64_t width, bool inverted, uint8_t *to) {
    for (int64_t x = 0; x < width; x++) {
        const unsigned flip = inverted ? 0 : 255, black = row[4 * x + 3] ^ flip;
        for (int c = 0; c < 3; c++)
            to[3 * x + c] = (uint8_t)(((row[4 * x + c] ^ flip) * black + 127) / 255);
    }
}

static void choose_colours(struct jpeg_decompress_struct *jpeg, int64_t channels, ImageNote *note) {
    if (jpeg->jpeg_color_space == JCS_CMYK || jpeg->jpeg_color_space == JCS_YCCK) {
        jpeg->out_color_space = JCS_CMYK;
        image_remark(note, "has CMYK colours, converted without a profile");
    } else {
        jpeg->out_color_space = channels == 1 ? JCS_GRAYSCALE : JCS_RGB;
    }
}

static void read_cmyk(Decoder *decoder, int64_t channels) {
    struct jpeg_decompress_struct *jpeg = &decoder->jpeg;
    const int64_t width = jpeg->output_width;
    const bool inverted = jpeg->saw_Adobe_marker;
    while (jpeg->output_scanline < jpeg->output_height) {
        uint8_t *to = decoder->image->pixels + jpeg->output_scanline * width * channels;
        JSAMPROW row = decoder->row;
        jpeg_read_scanlines(jpeg, &row, 1);
        from_cmyk(row, width, inverted, channels == 3 ? to : decoder->row);
        if (channels == 1)
            image_grey(decoder->row, width, to);
    }
}

static bool read_scanlines(Decoder *decoder, const uint8_t *bytes, size_t size, int64_t channels) {
    struct jpeg_decompress_struct *jpeg = &decoder->jpeg;
    if (setjmp(decoder->fail))
        return false;
    jpeg_create_decompress(jpeg);
    jpeg->progress = &decoder->progress;
    jpeg_mem_src(jpeg, bytes, size);
    jpeg_save_markers(jpeg, EXIF_MARKER, 0xFFFF);
    jpeg_read_header(jpeg, TRUE);
    look_at_exif(decoder);
    choose_colours(jpeg, channels, decoder->note);
    if (!image_allocate(decoder->image, jpeg->image_height, jpeg->image_width, channels,
                        decoder->note))
        return false;
    jpeg_start_decompress(jpeg);
    if (jpeg->output_components == CMYK) {
        decoder->row = malloc((size_t)jpeg->output_width * CMYK);
        if (!decoder->row)
            ERREXIT1(jpeg, JERR_OUT_OF_MEMORY, 0);
        read_cmyk(decoder, channels);
    }
    while (jpeg->output_scanline < jpeg->output_height) {
        JSAMPROW row =
            decoder->image->pixels + (int64_t)jpeg->output_scanline * jpeg->output_width * channels;
        jpeg_read_scanlines(jpeg, &row, 1);
    }
    jpeg_finish_decompress(jpeg);
    return true;
}

bool image_decode_jpeg(const uint8_t *bytes, size_t size, int64_t channels, Image *image,
                       ImageNote *note) {
    Decoder decoder = {.image = image, .note = note};
    decoder.jpeg.err = jpeg_std_error(&decoder.errors);
    decoder.jpeg.client_data = &decoder;
    decoder.errors.error_exit = on_error;
    decoder.errors.emit_message = on_message;
    decoder.errors.output_message = on_output;
    decoder.progress.progress_monitor = on_progress;
    const bool done = read_scanlines(&decoder, bytes, size, channels);
    jpeg_destroy_decompress(&decoder.jpeg);
    free(decoder.row);
    if (!done) {
        free(image->pixels);
        *image = (Image){0};
    }
    return done;
}
