#include "ir/external.h"

#include <string.h>

/* --- what a signature says --- */

static bool same_text(const char *a, const char *b) {
    return a == b || (a && b && strcmp(a, b) == 0);
}

static const char *check_type(const ExternalType *type, const char *what, Arena *arena) {
    if (type->dtype != DTYPE_F32 && type->dtype != DTYPE_I32 && type->dtype != DTYPE_BOOL)
        return arena_printf(arena, "%s is %s, not f32, i32 or bool", what, dtype_name(type->dtype));
    for (uint32_t i = 0; i < type->axis_count; i++)
        for (uint32_t k = 0; k < i; k++)
            if (strcmp(type->axes[i], type->axes[k]) == 0)
                return arena_printf(arena, "%s has the axis %s twice", what, type->axes[i]);
    return NULL;
}

/* Adds what is new among a type's axes; false: too many. */
static bool add_dims(const ExternalType *type, const char *dims[EXTERNAL_MAX_DIMS],
                     uint32_t *count) {
    for (uint32_t i = 0; i < type->axis_count; i++) {
        uint32_t known = 0;
        while (known < *count && strcmp(dims[known], type->axes[i]) != 0)
            known++;
        if (known == EXTERNAL_MAX_DIMS)
            return false;
        if (known == *count)
            dims[(*count)++] = type->axes[i];
    }
    return true;
}

const ExternalType *external_source_type(const External *external, uint32_t which) {
    return which < external->parameter_count ? &external->parameters[which].type
                                             : &external->result;
}

const char *external_check(const External *external, Arena *arena) {
    const char *dims[EXTERNAL_MAX_DIMS];
    uint32_t dim_count = 0;
    if (external->parameter_count > EXTERNAL_MAX_PARAMETERS)
        return arena_printf(arena, "it has more than %d parameters", EXTERNAL_MAX_PARAMETERS);
    for (uint32_t i = 0; i < external->parameter_count; i++)
        for (uint32_t k = 0; k < i; k++)
            if (strcmp(external->parameters[i].name, external->parameters[k].name) == 0)
                return arena_printf(arena, "it has two parameters %s",
                                    external->parameters[i].name);
    for (uint32_t i = 0; i <= external->parameter_count; i++) {
        const ExternalType *type = external_source_type(external, i);
        bool is_result = i == external->parameter_count;
        const char *fault =
            check_type(type, is_result ? "its result" : external->parameters[i].name, arena);
        if (fault)
            return fault;
        if (!add_dims(type, dims, &dim_count))
            return arena_printf(arena, "it names more than %d axes", EXTERNAL_MAX_DIMS);
    }
    if (external->gradient && external->result.dtype != DTYPE_F32)
        return "its result is not f32, and so has no gradient";
    if (external->gradient && !external_gradient_count(external))
        return "it has no parameter of f32, and so no gradient";
    return NULL;
}

static bool same_type(const ExternalType *a, const ExternalType *b) {
    bool same = a->dtype == b->dtype && a->axis_count == b->axis_count;
    for (uint32_t i = 0; same && i < a->axis_count; i++)
        same = strcmp(a->axes[i], b->axes[i]) == 0;
    return same;
}

bool external_equal(const External *a, const External *b) {
    if (a == b)
        return true;
    bool same = a && b && same_text(a->name, b->name) && same_text(a->library, b->library) &&
                same_text(a->gradient, b->gradient) && a->parameter_count == b->parameter_count &&
                same_type(&a->result, &b->result);
    for (uint32_t i = 0; same && i < a->parameter_count; i++)
        same = same_text(a->parameters[i].name, b->parameters[i].name) &&
               same_type(&a->parameters[i].type, &b->parameters[i].type);
    return same;
}

static char *type_text(const ExternalType *type, Arena *arena) {
    char *text = arena_printf(arena, "%s", dtype_name(type->dtype));
    for (uint32_t i = 0; i < type->axis_count; i++)
        text = arena_printf(arena, "%s%s%s", text, i ? ", " : "[", type->axes[i]);
    return type->axis_count ? arena_printf(arena, "%s]", text) : text;
}

char *external_signature(const External *external, Arena *arena) {
    char *text = arena_printf(arena, "%s(", external->name);
    for (uint32_t i = 0; i < external->parameter_count; i++)
        text = arena_printf(arena, "%s%s%s: %s", text, i ? ", " : "", external->parameters[i].name,
                            type_text(&external->parameters[i].type, arena));
    return arena_printf(arena, "%s) -> %s", text, type_text(&external->result, arena));
}

uint32_t external_dims(const External *external, const char *dims[EXTERNAL_MAX_DIMS]) {
    uint32_t count = 0;
    for (uint32_t i = 0; i <= external->parameter_count; i++)
        add_dims(external_source_type(external, i), dims, &count);
    return count;
}

uint32_t external_gradient_count(const External *external) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < external->parameter_count; i++)
        count += external->parameters[i].type.dtype == DTYPE_F32;
    return count;
}

uint32_t external_gradient_parameter(const External *external, uint32_t which) {
    uint32_t parameter = 0;
    while (external->parameters[parameter].type.dtype != DTYPE_F32 || which--)
        parameter++;
    return parameter;
}

/* --- in a function --- */

bool external_axes(const Function *function, const ExternalType *type, Axes *axes) {
    *axes = (Axes){0};
    for (uint32_t i = 0; i < type->axis_count; i++) {
        AxisId axis = function_find_axis(function, type->axes[i]);
        if (axis == AXIS_NONE)
            return false;
        axes_append(axes, axis);
    }
    return true;
}

bool external_carried(const Function *function, const Node *node, Axes *carried) {
    const External *external = node->attributes.external;
    *carried = (Axes){0};
    for (uint32_t i = 0; i < external->parameter_count; i++) {
        const Axes *axes = &graph_node(function, node->sources[i])->axes;
        Axes declared;
        external_axes(function, &external->parameters[i].type, &declared);
        for (int k = 0; k < axes->count; k++) {
            if (axes_has(&declared, axes->at[k]) || axes_has(carried, axes->at[k]))
                continue;
            if (carried->count == MAX_AXES)
                return false;
            axes_append(carried, axes->at[k]);
        }
    }
    return true;
}

Axes external_source_order(const Function *function, const Node *call, uint32_t which) {
    const Axes *axes = &graph_node(function, call->sources[which])->axes;
    Axes declared;
    external_axes(function, external_source_type(call->attributes.external, which), &declared);
    const Axes carried = axes_minus(axes, &declared);
    return axes_union(&carried, &declared);
}
