/* Writes the tokens of a data file's splits as train.i32, validation.i32 and test.i32: int32
 * [images, positions], for other programs.
 *
 * usage: bench_tokens FILE.images RESOLUTION FOLDER */
#include "runtime/data/data.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

enum { TOGETHER = 1000 }; /* images */

static bool write_split(const DataSet *data, DataSplit split, const char *folder, int32_t *tokens) {
    const DataImages *images = &data->splits[split];
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/%s.i32", folder, data_split_name(split));
    FILE *file = fopen(path, "wb");
    if (!file)
        return false;
    bool written = true;
    for (int64_t first = 0; written && first < images->count; first += TOGETHER) {
        const int64_t left = images->count - first, count = left < TOGETHER ? left : TOGETHER;
        const size_t size = (size_t)(count * data->positions);
        data_batch(data, NULL, 0, images->images + first, count, tokens, NULL);
        written = fwrite(tokens, sizeof *tokens, size, file) == size;
    }
    return fclose(file) == 0 && written;
}

int main(int count, char **words) {
    if (count != 4) {
        fputs("usage: bench_tokens FILE.images RESOLUTION FOLDER\n", stderr);
        return 2;
    }
    const DataSettings settings = {.source = words[1], .resolution = atol(words[2])};
    DataError error;
    DataSet *data = data_open(&settings, &error);
    if (!data) {
        fprintf(stderr, "%s\n", error.text);
        return 1;
    }
    int32_t *tokens = malloc((size_t)(TOGETHER * data->positions) * sizeof *tokens);
    bool written = tokens != NULL;
    for (DataSplit split = 0; written && split < DATA_SPLIT_COUNT; split++)
        written = write_split(data, split, words[3], tokens);
    if (!written)
        perror(words[3]);
    free(tokens);
    data_close(data);
    return written ? 0 : 3;
}
