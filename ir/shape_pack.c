/* Shape rules of what is kept a second time, compressed (ir/compressed.h) or in tiles (ir/tiled.h).
 */
#include "ir/compressed.h"
#include "ir/shape.h"
#include "ir/tiled.h"

static bool is_tiles(const Shape *shape) {
    const OpCode op = shape->node->op;
    return op == OP_TILE || op == OP_TILE_SLICE || op == OP_TILED;
}

/* How many words hold what lies along the axes; 0: none do. */
static int64_t words_of(const Shape *shape, const Axes *along) {
    const int64_t values = axes_elements(shape->function, along);
    if (!is_tiles(shape))
        return values % COMPRESSED_VALUES ? 0 : compressed_elements(values);
    const bool fits =
        along->count == 2 && tiled_fits(graph_axis(shape->function, along->at[0])->extent,
                                        graph_axis(shape->function, along->at[1])->extent);
    return fits ? values / 2 : 0;
}

/* The op's own axes: those innermost in the source, in its order, then that of words. */
static const char *need_packing(const Shape *shape, uint32_t which) {
    const Function *function = shape->function;
    const Axes *own = &shape->node->attributes.axes, *axes = &shape_source(shape, which)->axes;
    const int along = own->count - 1;
    if (shape_source(shape, which)->dtype != DTYPE_BF16)
        return shape_fault(shape, "source %u is %s, not bf16", which,
                           dtype_name(shape_source(shape, which)->dtype));
    bool innermost = along >= 1 && along <= axes->count;
    for (int i = 0; innermost && i < along; i++)
        innermost = axes->at[axes->count - along + i] == own->at[i];
    if (!innermost)
        return shape_fault(shape, "source %u is %s: its innermost axes are not the first of %s",
                           which, shape_axes_text(shape, axes), shape_axes_text(shape, own));
    const Axes inner = axes_of(own->at, along);
    const Axis *words = graph_axis(function, own->at[along]);
    if (words->extent != words_of(shape, &inner))
        return shape_fault(shape, "%lld values are not kept in %lld words",
                           (long long)axes_elements(function, &inner), (long long)words->extent);
    if (axes_has(axes, own->at[along]))
        return shape_fault(shape, "source %u must lack axis %s: it is %s", which, words->name,
                           shape_axes_text(shape, axes));
    return NULL;
}

/* What compress, or tile, makes of the source. */
static Axes packed_axes(const Shape *shape, uint32_t which) {
    const Axes *own = &shape->node->attributes.axes;
    const Axes words = axes_of(&own->at[own->count - 1], 1);
    const Axes outer = axes_minus(&shape_source(shape, which)->axes, own);
    return axes_union(&outer, &words);
}

static const char *need_packed(const Shape *shape, uint32_t which, uint32_t of) {
    const Axes wanted = packed_axes(shape, of), *axes = &shape_source(shape, which)->axes;
    if (shape_source(shape, which)->dtype == DTYPE_I32 && axes_equal(axes, &wanted))
        return NULL;
    return shape_fault(shape, "source %u is %s%s, not i32%s", which,
                       dtype_name(shape_source(shape, which)->dtype), shape_axes_text(shape, axes),
                       shape_axes_text(shape, &wanted));
}

const char *shape_pack(Shape *shape) {
    const char *fault = need_packing(shape, 0);
    if (fault)
        return fault;
    shape->dtype = DTYPE_I32;
    shape->axes = packed_axes(shape, 0);
    shape->fixed = true;
    return NULL;
}

const char *shape_pack_slice(Shape *shape) {
    const char *fault = need_packing(shape, 2);
    if (!fault)
        fault = need_packed(shape, 0, 2);
    const Node *position = fault ? NULL : shape_source(shape, 1);
    if (position && (position->dtype != DTYPE_I32 || position->axes.count))
        fault = shape_fault(shape, "source 1 must be one i32");
    if (fault)
        return fault;
    shape->dtype = DTYPE_I32;
    shape->axes = shape_source(shape, 0)->axes;
    shape->fixed = true;
    return NULL;
}

const char *shape_packed(Shape *shape) {
    const char *fault = need_packing(shape, 0);
    if (!fault)
        fault = need_packed(shape, 1, 0);
    if (fault)
        return fault;
    shape->dtype = DTYPE_BF16;
    shape->axes = shape_source(shape, 0)->axes;
    shape->fixed = true;
    return NULL;
}
