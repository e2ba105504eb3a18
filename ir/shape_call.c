/* Shape rules of call and call_grad: each source has its parameter's element type and axes; what it
 * has besides is carried to the results, in front of their own axes. */
#include "ir/external.h"
#include "ir/shape.h"

static const char *check_type(const Shape *shape, const ExternalType *type, Axes *axes) {
    if (external_axes(shape->function, type, axes))
        return NULL;
    uint32_t which = 0;
    while (function_find_axis(shape->function, type->axes[which]) != AXIS_NONE)
        which++;
    return shape_fault(shape, "there is no axis %s", type->axes[which]);
}

static const char *check_source(const Shape *shape, uint32_t which, const ExternalType *type) {
    const Node *source = shape_source(shape, which);
    Axes declared;
    const char *fault = check_type(shape, type, &declared);
    if (fault)
        return fault;
    if (source->dtype != type->dtype)
        return shape_fault(shape, "source %u is %s, not %s", which, dtype_name(source->dtype),
                           dtype_name(type->dtype));
    if (!axes_subset(&declared, &source->axes))
        return shape_fault(shape, "source %u must have the axes %s: it is %s", which,
                           shape_axes_text(shape, &declared),
                           shape_axes_text(shape, &source->axes));
    return NULL;
}

/* No axis is carried by one argument and declared for another, or for the result. */
static const char *check_carried(const Shape *shape, const Axes *carried) {
    const char *dims[EXTERNAL_MAX_DIMS];
    const uint32_t count = external_dims(shape->node->attributes.external, dims);
    for (uint32_t i = 0; i < count; i++)
        if (axes_has(carried, function_find_axis(shape->function, dims[i])))
            return shape_fault(shape, "axis %s is carried by one source and declared elsewhere",
                               dims[i]);
    return NULL;
}

/* What call and call_grad have in common: the sources, with so many after those of the function. */
static const char *check_call(const Shape *shape, uint32_t more, Axes *carried) {
    const External *external = shape->node->attributes.external;
    const char *name = op_table[shape->node->op].name;
    if (!external)
        return shape_fault(shape, "%s needs an external function", name);
    const char *fault = external_check(external, shape->function->arena);
    if (fault)
        return shape_fault(shape, "%s: %s", external->name, fault);
    if (shape->node->source_count != external->parameter_count + more)
        return shape_fault(shape, "%s of %s takes %u sources, not %u", name, external->name,
                           external->parameter_count + more, shape->node->source_count);
    for (uint32_t i = 0; i < external->parameter_count && !fault; i++)
        fault = check_source(shape, i, &external->parameters[i].type);
    if (fault)
        return fault;
    if (!external_carried(shape->function, shape->node, carried))
        return shape_too_many(shape);
    return check_carried(shape, carried);
}

const char *shape_call(Shape *shape) {
    Axes declared;
    const char *fault = check_call(shape, 0, &shape->axes);
    if (!fault)
        fault = check_type(shape, &shape->node->attributes.external->result, &declared);
    if (fault)
        return fault;
    shape->dtype = shape->node->attributes.external->result.dtype;
    shape->fixed = true;
    return shape_join(&shape->axes, &declared) ? NULL : shape_too_many(shape);
}

bool shape_call_gradient(const Function *function, const Node *node, uint32_t which, DType *dtype,
                         Axes *axes) {
    const External *external = node->attributes.external;
    const uint32_t parameter = external_gradient_parameter(external, which);
    Axes declared;
    *dtype = DTYPE_F32;
    external_axes(function, &external->parameters[parameter].type, &declared);
    return external_carried(function, node, axes) && shape_join(axes, &declared);
}

const char *shape_call_grad(Shape *shape) {
    Axes carried, result;
    const char *fault = check_call(shape, 1, &carried);
    if (fault)
        return fault;
    const External *external = shape->node->attributes.external;
    if (!external->gradient)
        return shape_fault(shape, "%s has no gradient", external->name);
    fault = check_type(shape, &external->result, &result);
    if (!fault)
        fault = check_source(shape, external->parameter_count, &external->result);
    if (fault)
        return fault;
    if (!shape_join(&result, &carried))
        return shape_too_many(shape);
    const Node *d_result = shape_source(shape, external->parameter_count);
    return axes_same_set(&d_result->axes, &result)
               ? NULL
               : shape_fault(shape, "source %u is %s, the result is %s", external->parameter_count,
                             shape_axes_text(shape, &d_result->axes),
                             shape_axes_text(shape, &result));
}
