/* TensorFlow's event files, as TensorBoard reads them: records of the message Event
 * (tensorboard.proto), each framed as
 *
 *     u64  length of the message, little-endian
 *     u32  masked CRC-32C of these 8 bytes
 *          the message
 *     u32  masked CRC-32C of the message
 *
 * (tensorflow/core/lib/io/record_writer.h). A crc is masked by rotating it right by 15 bits and
 * adding 0xa282ead8. */
#ifndef SCANLINE_RUNTIME_EVENT_FILE_H
#define SCANLINE_RUNTIME_EVENT_FILE_H

#include "runtime/run/metrics.h"

/* The polynomial of Castagnoli, as in RFC 3720; of nothing it is 0. */
uint32_t crc32c(const void *bytes, size_t size);

/* Appends a record; what cannot be written is kept in the stream. False: no memory. Times are
 * seconds since 1970. */

/* Opens the file: its version; and a start, at which TensorBoard forgets what it has read of other
 * files from this step on. */
bool event_write_start(FILE *out, double time, int64_t step);

/* Figures of a split as scalars: "loss/validation". */
bool event_write_figures(FILE *out, double time, int64_t step, const char *split,
                         const MetricsFigure *figures, uint32_t count);

#endif
