/* The C API of a shared library, from outside: what its header promises. For embed.sh, which has
 * compiled the library of a small digits and trained a run of it.
 *
 * usage: library IMAGES.idx RUN/checkpoints/last.safetensors RUN/features/feature.1.npy */
#include "scanline.h"

#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(condition)                                                                           \
    if (!(condition)) {                                                                            \
        fprintf(stderr, "%s:%d: %s\n%s\n", __FILE__, __LINE__, #condition, error.text);            \
        exit(1);                                                                                   \
    }

enum { STEPS = 12, POSITIONS = 64, IMAGES = 200 };

static int32_t tokens[IMAGES * POSITIONS];
static scanline_error error;

static void read_images(const char *path) {
    FILE *file = fopen(path, "rb");
    CHECK(file && fseek(file, 16, SEEK_SET) == 0);
    for (int i = 0; i < IMAGES * POSITIONS; i++)
        tokens[i] = getc(file);
    fclose(file);
}

static scanline_model *create(int threads, const char *setting) {
    scanline_model *model;
    const scanline_options options = {
        .settings = &setting, .setting_count = setting != NULL, .threads = threads};
    CHECK(scanline_create(&options, &model, &error) == SCANLINE_OK);
    return model;
}

static scanline_status refused(const char *setting) {
    scanline_model *model = (scanline_model *)tokens;
    const scanline_options options = {.settings = &setting, .setting_count = 1};
    const scanline_status status = scanline_create(&options, &model, &error);
    CHECK(!model && status == error.status);
    return status;
}

/* --- what is refused, and said --- */

static void check_faults(void) {
    scanline_model *model = create(1, NULL);
    int32_t wrong[POSITIONS] = {17};
    float loss = 7, feature[64] = {7};
    CHECK(refused("d=64") == SCANLINE_INPUT && strstr(error.text, "compiled in"));
    CHECK(refused("train.sed=2") == SCANLINE_INPUT && strstr(error.text, "did you mean 'train.seed'"));
    CHECK(refused("rubbish") == SCANLINE_INPUT);
    CHECK(scanline_create(&(scanline_options){.target = "znver1"}, &model, &error) ==
              SCANLINE_INPUT &&
          !model);
    CHECK(scanline_create(&(scanline_options){.threads = -1}, &model, NULL) == SCANLINE_USAGE &&
          !model);
    model = create(1, NULL);
    CHECK(scanline_evaluate(model, wrong, NULL, 1, &loss, &error) == SCANLINE_INPUT && loss == 7);
    CHECK(strstr(error.text, "tokens[0] is 17"));
    CHECK(scanline_evaluate(model, tokens, NULL, 0, &loss, &error) == SCANLINE_USAGE);
    CHECK(scanline_step(model, NULL, NULL, NULL, &error) == SCANLINE_USAGE &&
          scanline_steps(model) == 0);
    CHECK(scanline_features(model, 99, tokens, 1, feature, &error) == SCANLINE_USAGE &&
          feature[0] == 7);
    CHECK(scanline_feature_width(model, 99) == 0 && scanline_feature_width(model, -1) == 0);
    CHECK(scanline_sample(model, &(scanline_sampling){.top_p = 2}, wrong, 1, &error) ==
          SCANLINE_USAGE);
    CHECK(scanline_sample(model, &(scanline_sampling){1, 0, 1, 0, 65, 0}, wrong, 1, &error) ==
          SCANLINE_USAGE);
    CHECK(scanline_load(model, "absent.safetensors", &error) == SCANLINE_INPUT &&
          strstr(error.text, "absent"));
    CHECK(scanline_save(model, "absent/x.safetensors", &error) == SCANLINE_MACHINE);
    scanline_destroy(model);
    scanline_destroy(NULL);
}

/* --- threads: models side by side, with one thread and with two, find the same --- */

typedef struct Training {
    int threads;
    float losses[STEPS];
} Training;

static void *train(void *user) {
    Training *training = user;
    scanline_model *model = create(training->threads, "train.seed=3");
    scanline_shape shape;
    scanline_describe(model, &shape);
    for (int i = 0; i < STEPS; i++)
        CHECK(scanline_step(model, tokens + i % 3 * shape.batch * POSITIONS, NULL,
                            &training->losses[i], &error) == 0);
    CHECK(scanline_steps(model) == STEPS);
    scanline_destroy(model);
    return NULL;
}

static void check_threads(void) {
    Training trainings[] = {{.threads = 1}, {.threads = 2}, {.threads = 1}};
    pthread_t threads[3];
    for (int i = 0; i < 3; i++)
        CHECK(pthread_create(&threads[i], NULL, train, &trainings[i]) == 0);
    for (int i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
    CHECK(memcmp(trainings[0].losses, trainings[1].losses, sizeof trainings[0].losses) == 0);
    CHECK(memcmp(trainings[0].losses, trainings[2].losses, sizeof trainings[0].losses) == 0);
    CHECK(trainings[0].losses[STEPS - 1] < trainings[0].losses[0]);
}

/* --- checkpoints: of scanline, and its own --- */

/* The features of scanline's own run, image by image: float32 behind the header. */
static void check_features(scanline_model *model, const char *path) {
    unsigned char head[10];
    FILE *file = fopen(path, "rb");
    const int64_t width = scanline_feature_width(model, 1);
    float theirs[64], ours[IMAGES * 64];
    CHECK(file && width == 16 && fread(head, 1, 10, file) == 10);
    CHECK(fseek(file, 10 + head[8] + 256 * head[9], SEEK_SET) == 0);
    CHECK(scanline_features(model, 1, tokens, IMAGES, ours, &error) == SCANLINE_OK);
    for (int i = 0; i < IMAGES; i++)
        CHECK(fread(theirs, sizeof(float), (size_t)width, file) == (size_t)width &&
              memcmp(theirs, ours + i * width, (size_t)width * sizeof(float)) == 0);
    fclose(file);
}

static float next_loss(scanline_model *model) {
    float loss;
    CHECK(scanline_step(model, tokens, NULL, &loss, &error) == SCANLINE_OK);
    CHECK(scanline_step(model, tokens, NULL, &loss, &error) == SCANLINE_OK);
    return loss;
}

static void check_checkpoints(const char *checkpoint, const char *features) {
    scanline_model *model = create(2, NULL), *again = create(1, NULL);
    float fresh, loaded;
    CHECK(scanline_evaluate(model, tokens, NULL, 1, &fresh, &error) == SCANLINE_OK);
    CHECK(scanline_load(model, checkpoint, &error) == SCANLINE_OK && scanline_steps(model) == 30);
    CHECK(scanline_evaluate(model, tokens, NULL, 1, &loaded, &error) == SCANLINE_OK &&
          loaded < fresh);
    check_features(model, features);
    CHECK(scanline_save(model, "saved.safetensors", &error) == SCANLINE_OK);
    CHECK(scanline_load(again, "saved.safetensors", &error) == SCANLINE_OK &&
          scanline_steps(again) == 30);
    CHECK(next_loss(model) == next_loss(again));
    CHECK(scanline_load(again, "/dev/null", &error) == SCANLINE_INPUT &&
          scanline_steps(again) == 0);
    CHECK(scanline_evaluate(again, tokens, NULL, 1, &loaded, &error) == SCANLINE_OK &&
          loaded == fresh);
    scanline_destroy(model);
    scanline_destroy(again);
}

/* --- drawing --- */

static void check_samples(void) {
    scanline_model *model = create(2, NULL);
    const scanline_sampling usual = {.temperature = 1, .top_p = 1, .seed = 4, .given = 32};
    scanline_sampling alone = usual;
    int32_t together[3 * POSITIONS], single[POSITIONS];
    memcpy(together, tokens, sizeof together);
    memcpy(single, tokens + 2 * POSITIONS, sizeof single);
    CHECK(scanline_sample(model, &usual, together, 3, &error) == SCANLINE_OK);
    CHECK(memcmp(together, tokens, 32 * sizeof *tokens) == 0);
    CHECK(memcmp(together, tokens, sizeof together) != 0);
    alone.first = 2;
    CHECK(scanline_sample(model, &alone, single, 1, &error) == SCANLINE_OK);
    CHECK(memcmp(single, together + 2 * POSITIONS, sizeof single) == 0);
    for (int i = 0; i < 3 * POSITIONS; i++)
        CHECK(together[i] >= 0 && together[i] < 17);
    scanline_destroy(model);
}

int main(int count, char **arguments) {
    scanline_shape shape;
    if (count != 4)
        return 2;
    read_images(arguments[1]);
    scanline_model *model = create(0, NULL);
    scanline_describe(model, &shape);
    CHECK(strcmp(shape.name, "digits") == 0 && strcmp(shape.objective, "ar") == 0 && *shape.target);
    CHECK(shape.positions == POSITIONS && shape.colours == 17 && shape.classes == 0 &&
          shape.batch == 64);
    scanline_destroy(model);
    check_faults();
    check_threads();
    check_checkpoints(arguments[2], arguments[3]);
    check_samples();
    return 0;
}
