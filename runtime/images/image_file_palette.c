/* The one thing of a data file that changes. */
#include "runtime/images/image_file.h"
#include "runtime/images/image_file_layout.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static bool check(const char *path, const float *centres, int64_t colours, int64_t channels,
                  FileError *error) {
    if (colours < 1 || colours > IMAGE_MOST_COLOURS || (channels != 1 && channels != 3))
        return file_fault(error, path,
                          "can't have a palette of %lld colours in %lld channels: 1 to %d colours "
                          "in 1 or 3 are possible",
                          (long long)colours, (long long)channels, IMAGE_MOST_COLOURS);
    for (int64_t i = 0; i < colours * channels; i++)
        if (!isfinite(centres[i]))
            return file_fault(error, path, "can't have colour %lld of the palette: it is no number",
                              (long long)(i / channels));
    return true;
}

static bool read_header(int file, LayoutHeader *header, int *slot) {
    unsigned char bytes[LAYOUT_PIXELS];
    if (pread(file, bytes, sizeof bytes, 0) != sizeof bytes)
        return false;
    *slot = layout_slot(bytes, header);
    return *slot >= 0;
}

/* The new section, then, once it is on disk, the slot that does not count now. */
static bool append(int file, const float *centres, LayoutHeader *header, int slot) {
    const size_t size =
        (size_t)header->colours * (size_t)header->palette_channels * sizeof *centres;
    struct stat status;
    if (fstat(file, &status) != 0)
        return false;
    header->sections[SECTION_PALETTE] =
        (LayoutRange){layout_align((uint64_t)status.st_size), size, layout_hash(centres, size)};
    header->sequence++;
    header->checksum = layout_checksum(header);
    const uint64_t other = (uint64_t)(LAYOUT_SLOTS - 1 - slot) * LAYOUT_SLOT_BYTES;
    return layout_write(file, centres, size, header->sections[SECTION_PALETTE].offset) &&
           fsync(file) == 0 && layout_write(file, header, sizeof *header, other) &&
           fsync(file) == 0;
}

static bool set(int file, const char *path, const float *centres, int64_t colours, int64_t channels,
                FileError *error) {
    LayoutHeader header;
    int slot;
    int locked = flock(file, LOCK_EX);
    while (locked && errno == EINTR)
        locked = flock(file, LOCK_EX);
    if (locked)
        return file_fail(error, "cannot lock", path);
    if (!read_header(file, &header, &slot))
        return file_fault(error, path, "is damaged: neither of its two headers is whole");
    header.colours = colours;
    header.palette_channels = channels;
    return append(file, centres, &header, slot) || file_fail(error, "cannot write", path);
}

bool image_file_set_palette(const char *path, const float *centres, int64_t colours,
                            int64_t channels, FileError *error) {
    if (!check(path, centres, colours, channels, error))
        return false;
    ImageFile *opened = image_file_open(path, error); /* what is damaged stays as it is */
    if (!opened)
        return false;
    image_file_close(opened);
    const int file = open(path, O_RDWR | O_CLOEXEC);
    if (file < 0)
        return file_fail(error, "cannot write", path);
    const bool done = set(file, path, centres, colours, channels, error);
    close(file);
    return done;
}
