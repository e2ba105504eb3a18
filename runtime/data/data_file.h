/* The bytes of an IDX file that may be gzipped. */
#ifndef SCANLINE_RUNTIME_DATA_FILE_H
#define SCANLINE_RUNTIME_DATA_FILE_H

#include "runtime/files/file_view.h"

/* Unpacks a view of a gzipped IDX file; any other stays as it is. On failure `fault` says why, so
 * that "FILE " and `fault` are a sentence, and the view can still be closed. */
bool file_view_unpack(FileView *view, const char **fault);

#endif
