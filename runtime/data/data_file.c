#include "runtime/data/data_file.h"

#include "runtime/data/data_gzip.h"
#include "runtime/files/idx.h"

#include <stdlib.h>

/* What is unpacked is in memory, and not only where it is read, as a mapped file is. */
static const int64_t MOST_UNPACKED = INT64_C(8) << 30;

bool file_view_unpack(FileView *view, const char **fault) {
    unsigned char header[IDX_MAX_HEADER];
    size_t got;
    int64_t size;
    if (!gzip_begins(view->bytes, view->size))
        return true;
    if (!gzip_peek(view->bytes, view->size, header, sizeof header, &got, fault) ||
        !idx_file_size(header, got, &size, fault))
        return false;
    *fault = NULL;
    if (size / GZIP_LARGEST_RATIO > (int64_t)view->size)
        *fault = "unpacks to less than its IDX header says";
    else if (size > MOST_UNPACKED)
        *fault = "unpacks to more than 8 GiB: gunzip it, then it is not held in memory";
    unsigned char *bytes = *fault ? NULL : malloc((size_t)size);
    if (!*fault && !bytes)
        *fault = "can't be unpacked: no memory";
    if (*fault || !gzip_unpack(view->bytes, view->size, bytes, (size_t)size, fault)) {
        free(bytes);
        return false;
    }
    file_view_close(view);
    *view = (FileView){bytes, (size_t)size, FILE_ALLOCATED};
    return true;
}
