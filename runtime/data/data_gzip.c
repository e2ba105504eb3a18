#include "runtime/data/data_gzip.h"

#include <zlib.h>

enum { GZIP_WINDOW = 15 + 16, PIECE = 1 << 30 }; /* a gzip header; what fits in zlib's counters */

typedef struct Unpacking {
    z_stream stream;
    const unsigned char *packed;
    unsigned char *to;
    size_t size, taken, room, given;
} Unpacking;

bool gzip_begins(const unsigned char *packed, size_t size) {
    return size >= 2 && packed[0] == 0x1F && packed[1] == 0x8B;
}

static uInt piece_of(size_t size) { return size < PIECE ? (uInt)size : PIECE; }

/* One call of zlib; with no room left it has a byte, to see whether there is more. */
static int advance(Unpacking *u, bool *overflows) {
    unsigned char spare;
    const uInt in = piece_of(u->size - u->taken), out = piece_of(u->room - u->given);
    u->stream.next_in = (unsigned char *)u->packed + u->taken; /* zlib only reads there */
    u->stream.avail_in = in;
    u->stream.next_out = out ? u->to + u->given : &spare;
    u->stream.avail_out = out ? out : 1;
    const int status = inflate(&u->stream, Z_NO_FLUSH);
    u->taken += in - u->stream.avail_in;
    *overflows = !out && !u->stream.avail_out;
    if (out)
        u->given += out - u->stream.avail_out;
    return status;
}

/* Ends with the file; or, of a `peek`, as soon as the room is full. */
static const char *unpack(Unpacking *u, bool peek) {
    for (bool overflows; !(peek && u->given == u->room);) {
        const int status = advance(u, &overflows);
        if (overflows)
            return "unpacks to more than its IDX header says";
        if (status == Z_BUF_ERROR)
            return "is a gzip file that is cut off";
        if (status != Z_OK && status != Z_STREAM_END)
            return status == Z_MEM_ERROR ? "can't be unpacked: no memory"
                                         : "is a gzip file that is damaged";
        if (status == Z_OK)
            continue;
        if (u->taken == u->size)
            break;
        if (!gzip_begins(u->packed + u->taken, u->size - u->taken))
            return "is a gzip file with something behind its end";
        inflateReset(&u->stream);
    }
    return NULL;
}

static bool run(Unpacking *u, bool peek, const char **fault) {
    if (inflateInit2(&u->stream, GZIP_WINDOW) != Z_OK) {
        *fault = "can't be unpacked: no memory";
        return false;
    }
    const char *found = unpack(u, peek);
    inflateEnd(&u->stream);
    if (!found && !peek && u->given < u->room)
        found = "unpacks to less than its IDX header says";
    if (found)
        *fault = found;
    return !found;
}

bool gzip_peek(const unsigned char *packed, size_t size, unsigned char *to, size_t room,
               size_t *got, const char **fault) {
    Unpacking u = {.packed = packed, .to = to, .size = size, .room = room};
    const bool done = run(&u, true, fault);
    *got = u.given;
    return done;
}

bool gzip_unpack(const unsigned char *packed, size_t size, unsigned char *to, size_t room,
                 const char **fault) {
    Unpacking u = {.packed = packed, .to = to, .size = size, .room = room};
    return run(&u, false, fault);
}
