/* One rule for each entry of the `shape` column of ir/ops.def, and the checks common to all.
 *
 * Rules compute the natural order of the result's axes (ir/README.md has the table); graph_check
 * then puts the order that the node asks for in its place. The rules of ops with bodies are in
 * ir/shape_body.c. */
#include "ir/shape.h"

#include <math.h>
#include <stdarg.h>

/* --- what rules are made of --- */

const Node *shape_source(const Shape *shape, uint32_t which) {
    return graph_node(shape->function, shape->node->sources[which]);
}

const char *shape_fault(const Shape *shape, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    const char *text = arena_vprintf(shape->function->arena, format, arguments);
    va_end(arguments);
    return text;
}

char *shape_axes_text(const Shape *shape, const Axes *axes) {
    return axes_text(shape->function->arena, shape->function, axes);
}

bool shape_join(Axes *into, const Axes *more) {
    for (int i = 0; i < more->count; i++) {
        if (axes_has(into, more->at[i]))
            continue;
        if (into->count == MAX_AXES)
            return false;
        axes_append(into, more->at[i]);
    }
    return true;
}

const char *shape_too_many(const Shape *shape) {
    return shape_fault(shape, "the result would have more than %d axes", MAX_AXES);
}

bool shape_translate(const Function *from, const Axes *axes, const Function *to, Axes *translated) {
    *translated = (Axes){0};
    for (int i = 0; i < axes->count; i++) {
        const Axis *axis = graph_axis(from, axes->at[i]);
        AxisId other = function_find_axis(to, axis->name);
        if (other == AXIS_NONE || to->axes[other].extent != axis->extent)
            return false;
        axes_append(translated, other);
    }
    return true;
}

static const char *axis_name(const Shape *shape, AxisId axis) {
    return graph_axis(shape->function, axis)->name;
}

static const char *need_dtype(const Shape *shape, uint32_t which, DType wanted) {
    DType dtype = shape_source(shape, which)->dtype;
    if (dtype == wanted)
        return NULL;
    return shape_fault(shape, "source %u is %s, not %s", which, dtype_name(dtype),
                       dtype_name(wanted));
}

static const char *need_number(const Shape *shape, uint32_t which) {
    DType dtype = shape_source(shape, which)->dtype;
    if (dtype == DTYPE_F32 || dtype == DTYPE_I32)
        return NULL;
    return shape_fault(shape, "source %u is %s, not f32 or i32", which, dtype_name(dtype));
}

static const char *need_real(const Shape *shape, uint32_t which) {
    DType dtype = shape_source(shape, which)->dtype;
    if (dtype == DTYPE_F32 || dtype == DTYPE_BF16)
        return NULL;
    return shape_fault(shape, "source %u is %s, not f32 or bf16", which, dtype_name(dtype));
}

static const char *need_same_dtype(const Shape *shape, uint32_t first, uint32_t second) {
    DType a = shape_source(shape, first)->dtype, b = shape_source(shape, second)->dtype;
    if (a == b)
        return NULL;
    return shape_fault(shape, "source %u is %s, source %u is %s", first, dtype_name(a), second,
                       dtype_name(b));
}

/* Exactly `count` axes in brackets. */
static const char *need_own_axes(const Shape *shape, int count) {
    const Axes *own = &shape->node->attributes.axes;
    if (own->count == count)
        return NULL;
    return shape_fault(shape, "%s takes %d %s in brackets, not %s", op_table[shape->node->op].name,
                       count, count == 1 ? "axis" : "axes", shape_axes_text(shape, own));
}

/* The op's own axes are some of those of a source. */
static const char *need_axes_in(const Shape *shape, uint32_t which) {
    const Axes *own = &shape->node->attributes.axes;
    const Axes *axes = &shape_source(shape, which)->axes;
    for (int i = 0; i < own->count; i++)
        if (!axes_has(axes, own->at[i]))
            return shape_fault(shape, "source %u has no axis %s: it is %s", which,
                               axis_name(shape, own->at[i]), shape_axes_text(shape, axes));
    return NULL;
}

static const char *need_axis_absent(const Shape *shape, AxisId axis, uint32_t which) {
    const Axes *axes = &shape_source(shape, which)->axes;
    if (!axes_has(axes, axis))
        return NULL;
    return shape_fault(shape, "source %u must lack axis %s: it is %s", which,
                       axis_name(shape, axis), shape_axes_text(shape, axes));
}

/* The axes of the source that has the most (of those that tie, the first), then what is new in the
 * others. */
static const char *elementwise_axes(Shape *shape) {
    uint32_t widest = 0;
    for (uint32_t i = 1; i < shape->node->source_count; i++)
        if (shape_source(shape, i)->axes.count > shape_source(shape, widest)->axes.count)
            widest = i;
    shape->axes = shape_source(shape, widest)->axes;
    for (uint32_t i = 0; i < shape->node->source_count; i++)
        if (!shape_join(&shape->axes, &shape_source(shape, i)->axes))
            return shape_too_many(shape);
    return NULL;
}

static const char *elementwise(Shape *shape, DType dtype) {
    shape->dtype = dtype;
    return elementwise_axes(shape);
}

/* --- leaves --- */

const char *shape_constant(Shape *shape) {
    double value = shape->node->attributes.value;
    shape->dtype = shape->node->dtype;
    if (shape->dtype >= DTYPE_NONE)
        return "a constant needs an element type";
    if (shape->dtype == DTYPE_BOOL && value != 0 && value != 1)
        return "a bool is 0 or 1";
    if (shape->dtype == DTYPE_I32 &&
        !(value >= INT32_MIN && value <= INT32_MAX && value == floor(value)))
        return shape_fault(shape, "%g is not an i32", value);
    return NULL;
}

const char *shape_declared(Shape *shape) {
    if (!shape->node->attributes.name)
        return shape_fault(shape, "%s needs a name", op_table[shape->node->op].name);
    if (shape->node->dtype >= DTYPE_NONE)
        return shape_fault(shape, "%s needs an element type", op_table[shape->node->op].name);
    shape->dtype = shape->node->dtype;
    shape->axes = shape->node->axes;
    return NULL;
}

const char *shape_index(Shape *shape) {
    const char *fault = need_own_axes(shape, 1);
    if (fault)
        return fault;
    shape->dtype = DTYPE_I32;
    shape->axes = shape->node->attributes.axes;
    return NULL;
}

const char *shape_random(Shape *shape) {
    static const char *const roles[] = {"seed", "draw", "step"};
    const Axes *own = &shape->node->attributes.axes;
    int64_t elements = 1;
    for (int i = 0; i < own->count; i++)
        if (__builtin_mul_overflow(elements, graph_axis(shape->function, own->at[i])->extent,
                                   &elements) ||
            elements > INT64_C(1) << 32)
            return "more than 2^32 random elements an image";
    for (uint32_t i = 0; i < 4; i++) {
        const char *fault = need_dtype(shape, i, DTYPE_I32);
        if (fault)
            return fault;
        if (i < 3 && shape_source(shape, i)->axes.count)
            return shape_fault(shape, "the %s must be a scalar: it is %s", roles[i],
                               shape_axes_text(shape, &shape_source(shape, i)->axes));
    }
    for (int i = 0; i < own->count; i++) {
        const char *fault = need_axis_absent(shape, own->at[i], 3);
        if (fault)
            return fault;
    }
    shape->dtype = DTYPE_F32;
    shape->axes = shape_source(shape, 3)->axes;
    return shape_join(&shape->axes, own) ? NULL : shape_too_many(shape);
}

/* --- elementwise --- */

const char *shape_to_f32(Shape *shape) { return elementwise(shape, DTYPE_F32); }

const char *shape_to_bf16(Shape *shape) {
    const char *fault = need_dtype(shape, 0, DTYPE_F32);
    return fault ? fault : elementwise(shape, DTYPE_BF16);
}

const char *shape_to_i32(Shape *shape) { return elementwise(shape, DTYPE_I32); }

const char *shape_unary(Shape *shape) {
    const char *fault = need_number(shape, 0);
    return fault ? fault : elementwise(shape, shape_source(shape, 0)->dtype);
}

const char *shape_unary_f32(Shape *shape) {
    const char *fault = need_dtype(shape, 0, DTYPE_F32);
    return fault ? fault : elementwise(shape, DTYPE_F32);
}

const char *shape_unary_bool(Shape *shape) {
    const char *fault = need_dtype(shape, 0, DTYPE_BOOL);
    return fault ? fault : elementwise(shape, DTYPE_BOOL);
}

/* Both sources of one type, which is the result's. */
static const char *binary_of(Shape *shape, DType dtype) {
    const char *fault = need_dtype(shape, 0, dtype);
    if (!fault)
        fault = need_dtype(shape, 1, dtype);
    return fault ? fault : elementwise(shape, dtype);
}

const char *shape_binary_f32(Shape *shape) { return binary_of(shape, DTYPE_F32); }

const char *shape_binary_i32(Shape *shape) { return binary_of(shape, DTYPE_I32); }

const char *shape_binary_bool(Shape *shape) { return binary_of(shape, DTYPE_BOOL); }

const char *shape_binary(Shape *shape) {
    const char *fault = need_number(shape, 0);
    return fault ? fault : binary_of(shape, shape_source(shape, 0)->dtype);
}

const char *shape_compare(Shape *shape) {
    const char *fault = shape_binary(shape);
    shape->dtype = DTYPE_BOOL;
    return fault;
}

const char *shape_select(Shape *shape) {
    const char *fault = need_dtype(shape, 0, DTYPE_BOOL);
    if (!fault)
        fault = need_same_dtype(shape, 1, 2);
    return fault ? fault : elementwise(shape, shape_source(shape, 1)->dtype);
}

/* --- over axes --- */

const char *shape_reduce(Shape *shape) {
    const Axes *own = &shape->node->attributes.axes;
    if (own->count == 0)
        return shape_fault(shape, "%s over no axes", op_table[shape->node->op].name);
    const char *fault = need_number(shape, 0);
    if (!fault)
        fault = need_axes_in(shape, 0);
    if (fault)
        return fault;
    shape->dtype = shape_source(shape, 0)->dtype;
    shape->axes = axes_minus(&shape_source(shape, 0)->axes, own);
    return NULL;
}

const char *shape_argmax(Shape *shape) {
    const char *fault = need_own_axes(shape, 1);
    if (!fault)
        fault = shape_reduce(shape);
    shape->dtype = DTYPE_I32;
    return fault;
}

const char *shape_along(Shape *shape) {
    const char *fault = need_own_axes(shape, 1);
    if (!fault)
        fault = need_dtype(shape, 0, DTYPE_F32);
    if (!fault)
        fault = need_axes_in(shape, 0);
    return fault ? fault : elementwise(shape, DTYPE_F32);
}

const char *shape_contract(Shape *shape) {
    const Axes *own = &shape->node->attributes.axes;
    if (own->count == 0)
        return "contract over no axes";
    const char *fault = need_real(shape, 0);
    if (!fault)
        fault = need_same_dtype(shape, 0, 1);
    for (uint32_t i = 0; i < 2 && !fault; i++)
        fault = need_axes_in(shape, i);
    if (fault)
        return fault;
    const Axes fresh = axes_minus(&shape_source(shape, 1)->axes, own);
    shape->dtype = DTYPE_F32;
    shape->axes = axes_minus(&shape_source(shape, 0)->axes, own);
    return shape_join(&shape->axes, &fresh) ? NULL : shape_too_many(shape);
}

/* The second source is a place along the node's own axis: integers, without that axis, which the
 * first has. */
static const char *need_index(Shape *shape) {
    const char *fault = need_dtype(shape, 1, DTYPE_I32);
    if (!fault)
        fault = need_axes_in(shape, 0);
    return fault ? fault : need_axis_absent(shape, shape->node->attributes.axes.at[0], 1);
}

const char *shape_cross_entropy(Shape *shape) {
    const Axes *own = &shape->node->attributes.axes;
    const char *fault = need_own_axes(shape, 1);
    if (!fault)
        fault = need_dtype(shape, 0, DTYPE_F32);
    if (!fault)
        fault = need_index(shape);
    if (fault)
        return fault;
    shape->dtype = DTYPE_F32;
    shape->axes = axes_minus(&shape_source(shape, 0)->axes, own);
    return shape_join(&shape->axes, &shape_source(shape, 1)->axes) ? NULL : shape_too_many(shape);
}

/* --- moving along an axis --- */

const char *shape_gather(Shape *shape) {
    const Axes *own = &shape->node->attributes.axes;
    const char *fault = need_own_axes(shape, 1);
    if (!fault)
        fault = need_index(shape);
    if (fault)
        return fault;
    const Axes rest = axes_minus(&shape_source(shape, 0)->axes, own);
    shape->dtype = shape_source(shape, 0)->dtype;
    shape->axes = shape_source(shape, 1)->axes;
    return shape_join(&shape->axes, &rest) ? NULL : shape_too_many(shape);
}

const char *shape_scatter_add(Shape *shape) {
    const Axes *own = &shape->node->attributes.axes;
    if (own->count == 0)
        return "scatter_add needs the axis that it makes";
    const char *fault = need_dtype(shape, 0, DTYPE_I32);
    if (!fault)
        fault = need_dtype(shape, 1, DTYPE_F32);
    for (uint32_t i = 0; i < 2 && !fault; i++)
        fault = need_axis_absent(shape, own->at[0], i);
    if (fault)
        return fault;
    Axes both = shape_source(shape, 0)->axes;
    if (!shape_join(&both, &shape_source(shape, 1)->axes))
        return shape_too_many(shape);
    for (int i = 1; i < own->count; i++)
        if (!axes_has(&both, own->at[i]))
            return shape_fault(shape, "no source has the axis %s that is summed over: they are %s",
                               axis_name(shape, own->at[i]), shape_axes_text(shape, &both));
    const Axes kept = axes_minus(&both, own);
    shape->dtype = DTYPE_F32;
    shape->axes = axes_of(own->at, 1);
    return shape_join(&shape->axes, &kept) ? NULL : shape_too_many(shape);
}

const char *shape_shift(Shape *shape) {
    const char *fault = need_own_axes(shape, 1);
    if (!fault)
        fault = need_same_dtype(shape, 0, 1);
    if (!fault)
        fault = need_axes_in(shape, 0);
    if (!fault)
        fault = need_axis_absent(shape, shape->node->attributes.axes.at[0], 1);
    return fault ? fault : elementwise(shape, shape_source(shape, 0)->dtype);
}

/* The slice has some of the other axes; the position is one for all of them. */
const char *shape_update_slice(Shape *shape) {
    const Axes *own = &shape->node->attributes.axes;
    const char *fault = need_own_axes(shape, 1);
    if (!fault)
        fault = need_axes_in(shape, 0);
    if (!fault)
        fault = need_dtype(shape, 1, DTYPE_I32);
    if (!fault)
        fault = need_same_dtype(shape, 0, 2);
    if (!fault)
        fault = need_axis_absent(shape, own->at[0], 2);
    if (fault)
        return fault;
    const Axes *whole = &shape_source(shape, 0)->axes, *slice = &shape_source(shape, 2)->axes;
    if (shape_source(shape, 1)->axes.count)
        return shape_fault(shape, "source 1 must have no axes: it is %s",
                           shape_axes_text(shape, &shape_source(shape, 1)->axes));
    if (!axes_subset(slice, whole))
        return shape_fault(shape, "source 2 is %s, with an axis that source 0 lacks: %s",
                           shape_axes_text(shape, slice), shape_axes_text(shape, whole));
    shape->dtype = shape_source(shape, 0)->dtype;
    shape->axes = *whole;
    return NULL;
}

const char *shape_rename(Shape *shape) {
    const char *fault = need_own_axes(shape, 2);
    if (fault)
        return fault;
    AxisId from = shape->node->attributes.axes.at[0], to = shape->node->attributes.axes.at[1];
    const Node *a = shape_source(shape, 0);
    int place = axes_find(&a->axes, from);
    if (place < 0)
        return shape_fault(shape, "source 0 has no axis %s: it is %s", axis_name(shape, from),
                           shape_axes_text(shape, &a->axes));
    fault = need_axis_absent(shape, to, 0);
    if (fault)
        return fault;
    const Axis *old = graph_axis(shape->function, from), *new = graph_axis(shape->function, to);
    if (old->extent != new->extent)
        return shape_fault(shape, "axis %s is %lld, axis %s is %lld", old->name,
                           (long long)old->extent, new->name, (long long)new->extent);
    shape->dtype = a->dtype;
    shape->axes = a->axes;
    shape->axes.at[place] = to;
    shape->fixed = true;
    return NULL;
}

/* Of the node's three axes the source has the first `old`, and lacks the others, along which lie as
 * many elements. */
static const char *need_parts(const Shape *shape, int old) {
    const char *fault = need_own_axes(shape, 3);
    if (fault)
        return fault;
    const AxisId *own = shape->node->attributes.axes.at;
    const Axes *axes = &shape_source(shape, 0)->axes;
    for (int i = 0; i < old; i++)
        if (!axes_has(axes, own[i]))
            return shape_fault(shape, "source 0 has no axis %s: it is %s", axis_name(shape, own[i]),
                               shape_axes_text(shape, axes));
    for (int i = old; i < 3 && !fault; i++)
        fault = need_axis_absent(shape, own[i], 0);
    const Axes from = axes_of(own, old), to = axes_of(own + old, 3 - old);
    if (!fault && axes_elements(shape->function, &from) != axes_elements(shape->function, &to))
        fault = shape_fault(shape, "%s and %s are not of one size", shape_axes_text(shape, &from),
                            shape_axes_text(shape, &to));
    return fault;
}

const char *shape_split(Shape *shape) {
    const char *fault = need_parts(shape, 1);
    if (fault)
        return fault;
    const AxisId *own = shape->node->attributes.axes.at;
    const Axes *axes = &shape_source(shape, 0)->axes;
    if (axes->count == MAX_AXES)
        return shape_too_many(shape);
    shape->dtype = shape_source(shape, 0)->dtype;
    for (int i = 0; i < axes->count; i++) {
        const bool is_split = axes->at[i] == own[0];
        axes_append(&shape->axes, is_split ? own[1] : axes->at[i]);
        if (is_split)
            axes_append(&shape->axes, own[2]);
    }
    return NULL;
}

const char *shape_merge(Shape *shape) {
    const char *fault = need_parts(shape, 2);
    if (fault)
        return fault;
    const AxisId *own = shape->node->attributes.axes.at;
    const Axes *axes = &shape_source(shape, 0)->axes;
    shape->dtype = shape_source(shape, 0)->dtype;
    for (int i = 0; i < axes->count; i++)
        if (axes->at[i] != own[0])
            axes_append(&shape->axes, axes->at[i] == own[1] ? own[2] : axes->at[i]);
    return NULL;
}

/* --- the checks common to all ops --- */

static ShapeRule *const shape_rules[OP_COUNT] = {
#define OP(ID, name, arity, shape, ...) shape_##shape,
#include "ir/ops.def"
#undef OP
};

static const char *check_sources(const Shape *shape) {
    const Node *node = shape->node;
    int arity = op_table[node->op].arity;
    if (arity != VARIADIC && node->source_count != (uint32_t)arity)
        return shape_fault(shape, "%s takes %d sources, not %u", op_table[node->op].name, arity,
                           node->source_count);
    for (uint32_t i = 0; i < node->source_count; i++) {
        if (node->sources[i] >= shape->function->node_count)
            return shape_fault(shape, "source %u does not exist", i);
        if (shape_source(shape, i)->dtype == DTYPE_NONE && node->op != OP_RESULT)
            return shape_fault(shape, "source %u has several results: read one with result", i);
    }
    return NULL;
}

/* Axes that exist, each once. */
static const char *check_axes(const Shape *shape, const Axes *axes) {
    if (axes->count > MAX_AXES)
        return shape_too_many(shape);
    for (int i = 0; i < axes->count; i++) {
        if (axes->at[i] >= shape->function->axis_count)
            return "an axis does not exist";
        if (axes_find(axes, axes->at[i]) != i)
            return shape_fault(shape, "axis %s is there twice", axis_name(shape, axes->at[i]));
    }
    return NULL;
}

static const char *check_elements(const Shape *shape) {
    int64_t elements = 1;
    for (int i = 0; i < shape->axes.count; i++)
        if (__builtin_mul_overflow(elements, graph_axis(shape->function, shape->axes.at[i])->extent,
                                   &elements) ||
            elements > MAX_ELEMENTS)
            return shape_fault(shape, "%s has too many elements",
                               shape_axes_text(shape, &shape->axes));
    return NULL;
}

/* Takes the order that the node asks for. */
static const char *apply_order(Shape *shape) {
    const Axes *wanted = &shape->node->axes;
    if (shape->node->source_count == 0 || wanted->count == 0)
        return NULL;
    if (!axes_same_set(wanted, &shape->axes))
        return shape_fault(shape, "the result is %s, not %s", shape_axes_text(shape, &shape->axes),
                           shape_axes_text(shape, wanted));
    if (!shape->fixed)
        shape->axes = *wanted;
    return NULL;
}

const char *graph_check(Function *function, Node *node) {
    if ((unsigned)node->op >= OP_COUNT)
        return "there is no such op";
    Shape shape = {.function = function, .node = node, .dtype = DTYPE_NONE};
    const char *fault = check_sources(&shape);
    if (!fault)
        fault = check_axes(&shape, &node->axes);
    if (!fault)
        fault = check_axes(&shape, &node->attributes.axes);
    if (!fault)
        fault = shape_rules[node->op](&shape);
    if (!fault)
        fault = apply_order(&shape);
    if (!fault)
        fault = check_elements(&shape);
    if (fault)
        return fault;
    node->dtype = shape.dtype;
    node->axes = shape.axes;
    return NULL;
}
