#include "runtime/data/data_augment.h"

#include "ir/philox.h"

#include <string.h>

enum {
    AUGMENT_DOMAIN = 0x53484654, /* "SHFT": sets these draws apart from all others of the seed */
    LEAST_SHORT_SIDE = 256,
    MOST_SHORT_SIDE = 384,
    CROP_SIDE = 224,
};

DataAugmentation data_augmentation(const DataSettings *settings, int64_t seed) {
    const char *augment = settings->augment ? settings->augment : "none";
    return (DataAugmentation){
        .shift = strcmp(augment, "shift") == 0 ? settings->shift : 0,
        .pad = strcmp(augment, "pad") == 0 ? settings->pad : 0,
        .crop = strcmp(augment, "crop") == 0,
        .flip = settings->flip && strcmp(settings->flip, "yes") == 0,
        .seed = seed,
    };
}

/* Uniform in [least, most]. */
static int64_t between(uint32_t word, int64_t least, int64_t most) {
    return least + (int64_t)(word * (uint64_t)(most - least + 1) >> 32);
}

AugmentDraw augment_draw(const DataAugmentation *augmentation, int64_t step, int32_t image) {
    AugmentDraw draw = {0};
    if (!augmentation)
        return draw;
    const int64_t most = augmentation->shift + augmentation->pad; /* one of them is 0 */
    const PhiloxBlock counter = {
        {(uint32_t)image, (uint32_t)step, (uint32_t)((uint64_t)step >> 32), AUGMENT_DOMAIN}};
    const uint64_t seed = (uint64_t)augmentation->seed;
    const PhiloxBlock words = philox4x32(counter, (uint32_t)seed, (uint32_t)(seed >> 32));
    draw.down = between(words.word[0], -most, most);
    draw.right = between(words.word[1], -most, most);
    draw.from_top = random_unit(words.word[0]);
    draw.from_left = random_unit(words.word[1]);
    draw.short_side = between(words.word[2], LEAST_SHORT_SIDE, MOST_SHORT_SIDE);
    draw.mirrored = augmentation->flip && words.word[3] >> 31;
    return draw;
}

ResampleBox augment_box(const DataAugmentation *augmentation, const AugmentDraw *draw,
                        int64_t height, int64_t width, ResampleBox base) {
    if (!augmentation)
        return base;
    ResampleBox box = base;
    if (augmentation->crop) {
        box.height = base.height * CROP_SIDE / draw->short_side;
        box.width = base.width * CROP_SIDE / draw->short_side;
        const int64_t below = height * RESAMPLE_UNITS - box.height,
                      beside = width * RESAMPLE_UNITS - box.width;
        box.top = (int64_t)(draw->from_top * (double)(below + 1));
        box.left = (int64_t)(draw->from_left * (double)(beside + 1));
    }
    if (augmentation->pad) {
        box.top += draw->down * RESAMPLE_UNITS;
        box.left += draw->right * RESAMPLE_UNITS;
    }
    return box;
}
