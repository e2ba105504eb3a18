#include "runtime/report/tensorboard.h"

#include "runtime/files/file.h"
#include "runtime/report/event_file.h"
#include "runtime/report/listing.h"
#include "runtime/report/timeline.h"
#include "runtime/run/metrics_read.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { MOST_FILES = 4096 };

static const char prefix[] = "events.out.tfevents.", suffix[] = ".scanline";

struct TensorBoard {
    char *run, *folder, *path;
    FILE *stream;
    Pool pool;
    bool begun;    /* the past is written */
    bool failed;   /* no memory, or metrics.jsonl cannot be read */
    int64_t until; /* the past is before this step */
    Timeline timeline;
    double start; /* seconds since 1970 */
};

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_REALTIME, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

/* --- files --- */

static bool is_ours(const char *name) {
    const size_t length = strlen(name), ends = strlen(prefix) + strlen(suffix);
    return length > ends && strncmp(name, prefix, strlen(prefix)) == 0 &&
           strcmp(name + length - strlen(suffix), suffix) == 0;
}

/* One more than the last. */
static long long next_number(const TensorBoard *board, Pool *pool) {
    const char **names;
    const uint32_t count = listing_read(board->folder, is_ours, MOST_FILES, pool, &names);
    const long long last = count ? strtoll(names[count - 1] + strlen(prefix), NULL, 10) : 0;
    return last >= 0 && last < 999999999 ? last + 1 : 1;
}

/* Earlier files are emptied at first: a TensorBoard that is watching reads a file by its name until
 * there is no more in it, and only then goes on to the next. Those found empty are removed. */
static void clear_others(TensorBoard *board, Pool *pool) {
    const char **names;
    struct stat status;
    const uint32_t count = listing_read(board->folder, is_ours, MOST_FILES, pool, &names);
    for (uint32_t i = 0; i < count; i++) {
        const char *path = pool_print(pool, "%s/%s", board->folder, names[i]);
        if (!path || strcmp(path, board->path) == 0 || stat(path, &status) != 0)
            continue;
        if (status.st_size == 0 ? unlink(path) != 0 : truncate(path, 0) != 0)
            board->failed = true;
    }
}

bool tensorboard_has(const char *folder) {
    Pool pool = {0};
    const char **names;
    char *path = file_path(folder, "tensorboard");
    const bool has = path && listing_read(path, is_ours, 1, &pool, &names) > 0;
    free(path);
    pool_free(&pool);
    return has;
}

static void board_free(TensorBoard *board) {
    free(board->run);
    free(board->folder);
    free(board->path);
    pool_free(&board->pool);
    free(board);
}

TensorBoard *tensorboard_open(const char *folder, FileError *error) {
    TensorBoard *board = calloc(1, sizeof *board);
    if (!board) {
        file_fail(error, "cannot write event files in", folder);
        return NULL;
    }
    board->run = strdup(folder);
    board->folder = file_path(folder, "tensorboard");
    const bool there =
        board->run && board->folder && (mkdir(board->folder, 0777) == 0 || errno == EEXIST);
    if (there && asprintf(&board->path, "%s/%s%09lld%s", board->folder, prefix,
                          next_number(board, &board->pool), suffix) < 0)
        board->path = NULL;
    board->stream = board->path ? fopen(board->path, "wxe") : NULL;
    if (board->stream)
        return board;
    file_fail(error, "cannot write event files in", folder);
    board_free(board);
    return NULL;
}

/* --- events --- */

static void write_past(void *user, int64_t step, const char *split, const MetricsFigure *figures,
                       uint32_t count) {
    TensorBoard *board = user;
    const double time = board->start + timeline_at(&board->timeline, step);
    if (step < board->until)
        board->failed |= !event_write_figures(board->stream, time, step, split, figures, count);
}

/* The past ends now. */
static void begin(TensorBoard *board, int64_t until) {
    FileError error;
    uint64_t strange;
    board->begun = true;
    board->until = until;
    board->timeline = timeline_read(board->run, until - 1, &board->pool);
    board->start = now() - timeline_at(&board->timeline, until);
    board->failed |= !event_write_start(board->stream, board->start, 0) ||
                     !metrics_read(board->run, write_past, board, &strange, &error);
    fflush(board->stream);
    clear_others(board, &board->pool);
}

void tensorboard_write(void *user, int64_t step, const char *split, const MetricsFigure *figures,
                       uint32_t count) {
    TensorBoard *board = user;
    if (!board->begun)
        begin(board, step);
    board->failed |= !event_write_figures(board->stream, now(), step, split, figures, count);
    fflush(board->stream);
}

bool tensorboard_close(TensorBoard *board, FileError *error) {
    if (!board)
        return true;
    if (!board->begun)
        begin(board, INT64_MAX);
    bool written = !board->failed && !board->pool.failed && !ferror(board->stream);
    errno = written ? 0 : EIO;
    if (fsync(fileno(board->stream)) != 0 || fclose(board->stream) != 0)
        written = false;
    if (!written)
        file_fail(error, "cannot write all of", board->path);
    board_free(board);
    return written;
}

bool tensorboard_make(const char *folder, FileError *error) {
    TensorBoard *board = tensorboard_open(folder, error);
    return board && tensorboard_close(board, error);
}
