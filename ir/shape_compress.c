/* Shape rules of what is kept compressed (ir/compressed.h). */
#include "ir/compressed.h"
#include "ir/shape.h"

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
    const int64_t values = axes_elements(function, &inner);
    const Axis *words = graph_axis(function, own->at[along]);
    if (values % COMPRESSED_VALUES || words->extent != compressed_elements(values))
        return shape_fault(shape, "%lld values are not kept in %lld words", (long long)values,
                           (long long)words->extent);
    if (axes_has(axes, own->at[along]))
        return shape_fault(shape, "source %u must lack axis %s: it is %s", which, words->name,
                           shape_axes_text(shape, axes));
    return NULL;
}

/* What compress makes of the source. */
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

const char *shape_compress(Shape *shape) {
    const char *fault = need_packing(shape, 0);
    if (fault)
        return fault;
    shape->dtype = DTYPE_I32;
    shape->axes = packed_axes(shape, 0);
    shape->fixed = true;
    return NULL;
}

const char *shape_compress_slice(Shape *shape) {
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

const char *shape_compressed(Shape *shape) {
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
