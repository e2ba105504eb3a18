/* TensorBoard's event files: bytes against the package's own writer (vectors/events.py); what a run
 * that goes on leaves. */
#include "runtime/files/folder.h"
#include "runtime/report/event_file.h"
#include "runtime/report/tensorboard.h"
#include "runtime/report/timeline.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static char folder[] = "/tmp/scanline-events-XXXXXX";

static void make_folder(void) { cr_assert(mkdtemp(folder)); }

static void remove_it(void) {
    FileError error;
    cr_expect(folder_remove(folder, &error), "%s", error.text);
}

TestSuite(events, .init = make_folder, .fini = remove_it);

static char *path_of(const char *name) {
    char *path;
    cr_assert(asprintf(&path, "%s/%s", folder, name) > 0);
    return path;
}

static void write_text(const char *name, const char *text) {
    FileError error;
    char *path = path_of(name);
    cr_assert(file_write(path, text, strlen(text), &error), "%s", error.text);
    free(path);
}

Test(events, crc_is_that_of_rfc_3720) {
    unsigned char zeros[32] = {0}, rising[32];
    for (int i = 0; i < 32; i++)
        rising[i] = (unsigned char)i;
    cr_expect_eq(crc32c(zeros, 32), 0x8a9136aa);
    cr_expect_eq(crc32c(rising, 32), 0x46dd794e);
    cr_expect_eq(crc32c("123456789", 9), 0xe3069283);
    cr_expect_eq(crc32c("", 0), 0);
}

Test(events, bytes_are_those_of_tensorboards_writer) {
    const MetricsFigure figures[] = {{"loss", 1.5}, {"accuracy", 0.25}};
    char *written;
    size_t size, expected_size;
    FileError error;
    FILE *out = open_memstream(&written, &size);
    cr_assert(event_write_start(out, 1700000000.5, 0));
    cr_assert(event_write_figures(out, 1700000001.25, 300, "validation", figures, 2));
    fclose(out);
    char *expected = file_read(SCANLINE_SOURCE_DIR "/tests/unit/vectors/events.tfevents", 1 << 16,
                               &expected_size, &error);
    cr_assert(expected, "%s", error.text);
    cr_assert_eq(size, expected_size);
    cr_expect_arr_eq(written, expected, size);
    free(written);
    free(expected);
}

/* The last event file, and how many there are; what is before it must be empty. */
static char *last_file(size_t *size, char name[256], int *count) {
    FileError error;
    char *command, *path;
    cr_assert(asprintf(&command, "cd %s/tensorboard && find . -size +0 | grep -c tfe; ls", folder) >
              0);
    FILE *list = popen(command, "r");
    char line[256];
    cr_assert(list && fgets(line, sizeof line, list));
    cr_expect_str_eq(line, "1\n", "%s files are not empty", line);
    for (*count = 0; fgets(name, 256, list); ++*count)
        ;
    pclose(list);
    name[strcspn(name, "\n")] = 0;
    cr_assert(asprintf(&path, "%s/tensorboard/%s", folder, name) > 0);
    char *bytes = file_read(path, 1 << 20, size, &error);
    cr_assert(bytes, "%s", error.text);
    free(path);
    free(command);
    return bytes;
}

/* How often a tag is in the file. */
static int count_of(const char *bytes, size_t size, const char *tag) {
    int count = 0;
    const size_t length = strlen(tag);
    for (size_t i = 0; i + length <= size; i++)
        count += memcmp(bytes + i, tag, length) == 0;
    return count;
}

/* Writes lines of steps from..to in a file of its own. */
static void write_steps(int from, int to) {
    const MetricsFigure loss = {"loss", 2};
    FileError error;
    TensorBoard *board = tensorboard_open(folder, &error);
    cr_assert(board, "%s", error.text);
    for (int step = from; step <= to; step++)
        tensorboard_write(board, step, "train", &loss, 1);
    cr_assert(tensorboard_close(board, &error), "%s", error.text);
}

static void expect_steps(int expected, int files) {
    size_t size;
    int count;
    char name[256];
    char *bytes = last_file(&size, name, &count);
    cr_expect_eq(count_of(bytes, size, "loss/train"), expected);
    cr_expect_eq(count, files, "%d files", count);
    free(bytes);
}

Test(events, a_run_that_goes_on_has_its_past_once) {
    write_steps(1, 5);
    cr_expect(tensorboard_has(folder));
    expect_steps(5, 1);
    /* It was killed: what is kept goes to step 2, and the line of step 3 may be on the disk before
     * it is told. */
    write_text("metrics.jsonl", "{\"step\": 1, \"split\": \"train\", \"loss\": 2}\n"
                                "{\"step\": 2, \"split\": \"train\", \"loss\": 2}\n"
                                "{\"step\": 3, \"split\": \"train\", \"loss\": 2}\n");
    write_steps(3, 3);
    expect_steps(3, 2);
    write_steps(3, 4);
    expect_steps(4, 2);
}

Test(events, none_are_made_where_they_cannot_be) {
    FileError error;
    write_text("tensorboard", "a file in the way");
    cr_expect_null(tensorboard_open(folder, &error));
    cr_expect(strstr(error.text, folder));
    cr_expect_not(tensorboard_has(folder));
}

Test(events, the_timeline_is_one_of_training_without_pauses) {
    Pool pool = {0};
    write_text("timing.jsonl",
               "{\"step\": 0, \"seconds\": 1.0, \"x\": 0}\n"
               "{\"step\": 10, \"seconds\": 3.0, \"x\": 0}\n"
               "{\"step\": 30, \"seconds\": 9.0, \"x\": 0}\n"
               "rubbish\n"
               "{\"step\": 20, \"seconds\": 2.0, \"x\": 0}\n"); /* gone on from 10 */
    const Timeline timeline = timeline_read(folder, 1000, &pool);
    cr_assert_eq(timeline.count, 3);
    cr_expect_float_eq(timeline_at(&timeline, 0), 1, 1e-12);
    cr_expect_float_eq(timeline_at(&timeline, 5), 2, 1e-12);
    cr_expect_float_eq(timeline_at(&timeline, 10), 3, 1e-12);
    cr_expect_float_eq(timeline_at(&timeline, 20), 5, 1e-12);
    cr_expect_float_eq(timeline_at(&timeline, 99), 5, 1e-12);
    pool_free(&pool);
}
