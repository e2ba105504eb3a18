/* A model inside of a program of C: trains it on images of its own, looks at what a layer holds,
 * draws an image.
 *
 *     scanline compile digits --emit so -o libdigits.so
 *     scanline compile digits --emit header -o scanline.h
 *     cc embed.c -I. -L. -ldigits -Wl,-rpath,'$ORIGIN' -o embed
 *     ./embed models/digits/digits-images-idx3-ubyte 100
 */
#include "scanline.h"

#include <stdio.h>
#include <stdlib.h>

/* Images of an IDX file of bytes [count, height, width] as tokens; NULL: it is none, or its images
 * are of another size. */
static int32_t *read_images(const char *path, int64_t positions, int64_t *count) {
    unsigned char head[16];
    FILE *file = fopen(path, "rb");
    int32_t *tokens = NULL;
    if (file && fread(head, 1, sizeof head, file) == sizeof head && head[2] == 8 && head[3] == 3) {
        const int64_t rows = head[10] << 8 | head[11], columns = head[14] << 8 | head[15];
        *count = (int64_t)head[5] << 16 | head[6] << 8 | head[7];
        if (rows * columns == positions)
            tokens = malloc((size_t)(*count * positions) * sizeof *tokens);
        for (int64_t i = 0; tokens && i < *count * positions; i++)
            tokens[i] = getc(file);
    }
    if (file)
        fclose(file);
    return tokens;
}

static int fail(const scanline_error *error) {
    fprintf(stderr, "embed: %s\n", error->text);
    return error->status;
}

/* One batch after the other, round and round. */
static int train(scanline_model *model, const scanline_shape *shape, const int32_t *images,
                 int64_t count, int steps) {
    scanline_error error;
    float loss;
    const int64_t batches = count / shape->batch;
    for (int i = 0; i < steps; i++) {
        const int32_t *batch = images + i % batches * shape->batch * shape->positions;
        if (scanline_step(model, batch, NULL, &loss, &error))
            return fail(&error);
        if (i == 0 || i == steps - 1)
            printf("step %lld: loss %.4f\n", (long long)scanline_steps(model), loss);
    }
    return 0;
}

static int look(scanline_model *model, const scanline_shape *shape, const int32_t *images) {
    scanline_error error;
    const int64_t layer = shape->layers / 2, width = scanline_feature_width(model, layer);
    float *features = malloc((size_t)width * sizeof *features);
    if (!features || scanline_features(model, layer, images, 1, features, &error))
        return features ? fail(&error) : 3;
    printf("layer %lld of the first image, %lld floats: %.4f %.4f %.4f ...\n", (long long)layer,
           (long long)width, features[0], features[1], features[2]);
    free(features);
    return 0;
}

static int draw(scanline_model *model, const scanline_shape *shape) {
    static const char ink[] = " .:-=+*#%@";
    const scanline_sampling sampling = {.temperature = 0.9, .top_p = 1, .seed = 1};
    scanline_error error;
    int32_t *image = calloc((size_t)shape->positions, sizeof *image);
    if (!image || scanline_sample(model, &sampling, image, 1, &error))
        return image ? fail(&error) : 3;
    for (int64_t i = 0; i < shape->positions; i++)
        printf("%c%s", ink[image[i] * 10 / shape->colours], i % 8 == 7 ? "\n" : "");
    free(image);
    return 0;
}

int main(int count, char **arguments) {
    scanline_model *model;
    scanline_error error;
    scanline_shape shape;
    int64_t images;
    if (count != 3) {
        fprintf(stderr, "usage: embed IMAGES.idx STEPS\n");
        return 2;
    }
    if (scanline_create(NULL, &model, &error))
        return fail(&error);
    scanline_describe(model, &shape);
    printf("%s, objective %s, for %s: %lld parameters\n", shape.name, shape.objective, shape.target,
           (long long)shape.parameters);
    int32_t *tokens = read_images(arguments[1], shape.positions, &images);
    int code = tokens ? train(model, &shape, tokens, images, atoi(arguments[2])) : 1;
    if (!tokens)
        fprintf(stderr, "embed: %s has no images of this model\n", arguments[1]);
    if (!code)
        code = look(model, &shape, tokens);
    if (!code)
        code = draw(model, &shape);
    if (!code && scanline_save(model, "embed.safetensors", &error))
        code = fail(&error);
    free(tokens);
    scanline_destroy(model);
    return code;
}
