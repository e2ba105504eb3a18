#include "runtime/images/image_file_layout.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

int layout_slot(const unsigned char *bytes, LayoutHeader *header) {
    int found = -1;
    for (int slot = 0; slot < LAYOUT_SLOTS; slot++) {
        LayoutHeader read;
        memcpy(&read, bytes + slot * LAYOUT_SLOT_BYTES, sizeof read);
        if (memcmp(read.magic, layout_magic, sizeof layout_magic) != 0 ||
            !layout_same(read.checksum, layout_checksum(&read)))
            continue;
        if (found >= 0 && read.sequence <= header->sequence)
            continue;
        found = slot;
        *header = read;
    }
    return found;
}

bool layout_write(int file, const void *bytes, size_t size, uint64_t offset) {
    const char *from = bytes;
    while (size) {
        const ssize_t written = pwrite(file, from, size, (off_t)offset);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0) {
            errno = written ? errno : ENOSPC;
            return false;
        }
        from += written;
        offset += (uint64_t)written;
        size -= (size_t)written;
    }
    return true;
}
