/* Drawing images by a decoder. */
#ifndef SCANLINE_RUNTIME_DRAW_H
#define SCANLINE_RUNTIME_DRAW_H

#include "runtime/run/work.h"
#include "runtime/study/decoder.h"
#include "runtime/study/sample.h"

typedef struct DrawTask {
    int64_t count;     /* images */
    int64_t given;     /* the first so many positions of each are given */
    int64_t number;    /* of the first image: what its draws are counted by */
    int64_t positions; /* the first so many alone, given ones among them; 0: all */
    Work *work;        /* advanced by one for each token; NULL: nobody listens */
} DrawTask;

/* tokens [count, positions that are drawn]: on entry what is given, at the end whole images. As
 * many images are side by side as the decoder has; they do not change with those they are drawn
 * beside.
 */
SampleStatus draw_images(Decoder *decoder, const DrawTask *task, const SampleOptions *options,
                         int32_t *tokens);

#endif
