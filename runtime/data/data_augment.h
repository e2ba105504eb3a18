/* Changes made to an image when it is trained on, and never when a model is judged. They are
 * functions of (seed, step, image) and of nothing else. */
#ifndef SCANLINE_RUNTIME_DATA_AUGMENT_H
#define SCANLINE_RUNTIME_DATA_AUGMENT_H

#include "runtime/data/data.h"
#include "runtime/images/resample.h"

/* What is drawn for an image at a step. */
typedef struct AugmentDraw {
    int64_t down, right;        /* shift, pad: pixels, each uniform in [-most, most] */
    int64_t short_side;         /* crop: uniform in [256, 384] */
    double from_top, from_left; /* crop: shares of the room that there is, in [0, 1) */
    bool mirrored;              /* flip: half of the time */
} AugmentDraw;

/* `augmentation` may be NULL: nothing is changed. */
AugmentDraw augment_draw(const DataAugmentation *augmentation, int64_t step, int32_t image);

/* What is read of an image of which otherwise `base` is. `crop` is a random resized crop as the
 * paper has it (Chen et al. 2020, appendix B): the shorter side is resized to short_side, 224 x 224
 * are cut out anywhere; here both are one box, 224 / short_side of `base` each way. `pad` moves the
 * box, beyond the edges of the image into its reflection: padding by reflection, and a crop. */
ResampleBox augment_box(const DataAugmentation *augmentation, const AugmentDraw *draw,
                        int64_t height, int64_t width, ResampleBox base);

#endif
