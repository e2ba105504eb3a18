/* Shape rules: what each op makes of its sources' element types and axes. Internal to ir/. */
#ifndef SCANLINE_IR_SHAPE_H
#define SCANLINE_IR_SHAPE_H

#include "ir/graph.h"

/* One application of a rule. The rule reads function and node, and sets the rest. */
typedef struct Shape {
    Function *function; /* for its axes, nodes and arena */
    const Node *node;
    DType dtype;
    Axes axes;
    bool fixed; /* the order of the axes is the op's own: no other can be asked for */
} Shape;

/* NULL, or the fault in words. */
typedef const char *ShapeRule(Shape *shape);

#define OP(ID, name, arity, shape, ...) ShapeRule shape_##shape;
#include "ir/ops.def"
#undef OP

const Node *shape_source(const Shape *shape, uint32_t which);
const char *shape_fault(const Shape *shape, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
char *shape_axes_text(const Shape *shape, const Axes *axes);

/* `into` and what is new in `more`; false when they are too many for one tensor. */
bool shape_join(Axes *into, const Axes *more);
const char *shape_too_many(const Shape *shape);

/* dtype and axes of result number `which` of call_grad; false: too many axes for one tensor. */
bool shape_call_gradient(const Function *function, const Node *node, uint32_t which, DType *dtype,
                         Axes *axes);

/* The axes of the same names and extents in another function; false when one lacks. */
bool shape_translate(const Function *from, const Axes *axes, const Function *to, Axes *translated);

#endif
