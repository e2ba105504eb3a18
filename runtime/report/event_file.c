#include "runtime/report/event_file.h"

#include "tensorboard.pb-c.h"

#include <stdlib.h>

enum { MOST_FIGURES = 64, TAG_SIZE = 128 };

/* --- records --- */

uint32_t crc32c(const void *bytes, size_t size) {
    static const uint32_t reflected_polynomial = 0x82f63b78;
    const unsigned char *at = bytes;
    uint32_t crc = ~0u;
    for (size_t i = 0; i < size; i++) {
        crc ^= at[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? reflected_polynomial : 0);
    }
    return ~crc;
}

static void little_endian(uint64_t value, unsigned char *bytes, int count) {
    for (int i = 0; i < count; i++)
        bytes[i] = (unsigned char)(value >> 8 * i);
}

/* And behind the bytes their crc. */
static void write_checked(FILE *out, const void *bytes, size_t size) {
    const uint32_t crc = crc32c(bytes, size);
    unsigned char masked[4];
    little_endian((crc >> 15 | crc << 17) + 0xa282ead8u, masked, sizeof masked);
    fwrite(bytes, 1, size, out);
    fwrite(masked, 1, sizeof masked, out);
}

static void write_record(FILE *out, const uint8_t *message, size_t size) {
    unsigned char length[8];
    little_endian(size, length, sizeof length);
    write_checked(out, length, sizeof length);
    write_checked(out, message, size);
}

/* --- events --- */

static bool write_event(FILE *out, const Tensorboard__Event *event) {
    uint8_t *message = malloc(tensorboard__event__get_packed_size(event) + 1);
    if (!message)
        return false;
    write_record(out, message, tensorboard__event__pack(event, message));
    free(message);
    return true;
}

bool event_write_start(FILE *out, double time, int64_t step) {
    char version_text[] = "brain.Event:2";
    Tensorboard__SessionLog log = TENSORBOARD__SESSION_LOG__INIT;
    Tensorboard__Event version = TENSORBOARD__EVENT__INIT, start = TENSORBOARD__EVENT__INIT;
    version.wall_time = start.wall_time = time;
    version.what_case = TENSORBOARD__EVENT__WHAT_FILE_VERSION;
    version.file_version = version_text;
    log.status = TENSORBOARD__SESSION_LOG__SESSION_STATUS__START;
    start.step = step;
    start.what_case = TENSORBOARD__EVENT__WHAT_SESSION_LOG;
    start.session_log = &log;
    return write_event(out, &version) && write_event(out, &start);
}

bool event_write_figures(FILE *out, double time, int64_t step, const char *split,
                         const MetricsFigure *figures, uint32_t count) {
    Tensorboard__Value values[MOST_FIGURES], *pointers[MOST_FIGURES];
    char tags[MOST_FIGURES][TAG_SIZE];
    Tensorboard__Summary summary = TENSORBOARD__SUMMARY__INIT;
    Tensorboard__Event event = TENSORBOARD__EVENT__INIT;
    summary.n_value = count < MOST_FIGURES ? count : MOST_FIGURES;
    summary.value = pointers;
    for (size_t i = 0; i < summary.n_value; i++) {
        snprintf(tags[i], TAG_SIZE, "%s/%s", figures[i].name, split);
        values[i] = (Tensorboard__Value)TENSORBOARD__VALUE__INIT;
        values[i].tag = tags[i];
        values[i].simple_value = (float)figures[i].value;
        pointers[i] = &values[i];
    }
    event.wall_time = time;
    event.step = step;
    event.what_case = TENSORBOARD__EVENT__WHAT_SUMMARY;
    event.summary = &summary;
    return write_event(out, &event);
}
