#include "passes/decode_panels.h"

#include "ir/build.h"
#include "passes/emit/contract_shape.h"
#include "passes/rewrite.h"

/* Takes columns, innermost first, until there are `width` of them within a panel. */
static bool fill_panel(const Function *function, const Axes *columns, int64_t width,
                       DecodePanels *panels) {
    Axes inside = {0};
    int i = columns->count;
    while (width > 1 && i > 0) {
        const AxisId axis = columns->at[--i];
        const int64_t extent = graph_axis(function, axis)->extent;
        if (width % extent == 0) {
            inside.at[inside.count++] = axis;
            width /= extent;
        } else if (extent % width == 0) {
            panels->split = axis;
            panels->of_panels = extent / width;
            panels->of_inside = width;
            width = 1;
        } else {
            return false;
        }
    }
    for (int at = 0; at < i; at++)
        axes_append(&panels->panels, columns->at[at]);
    for (int at = inside.count; at-- > 0;)
        axes_append(&panels->inside, inside.at[at]);
    return width == 1;
}

bool decode_panels_find(const Function *function, const Node *contract, uint32_t which,
                        const struct Target *target, DecodePanels *panels) {
    const Axes *weights = &graph_node(function, contract->sources[which])->axes;
    const Axes *other = &graph_node(function, contract->sources[1 - which])->axes;
    const Axes rows = axes_minus(other, weights), own = axes_minus(weights, other);
    const Axes columns = axes_intersection(&contract->axes, &own);
    *panels = (DecodePanels){.depth = axes_intersection(weights, &contract->attributes.axes),
                             .split = AXIS_NONE};
    const bool is_matrix = panels->depth.count + columns.count == weights->count;
    const int64_t width =
        is_matrix && target
            ? contract_panel_width(target, graph_node(function, contract->sources[which])->dtype,
                                   axes_elements(function, &rows),
                                   axes_elements(function, &columns),
                                   axes_elements(function, &panels->depth))
            : 0;
    return width && fill_panel(function, &columns, width, panels) &&
           weights->count + (panels->split != AXIS_NONE) <= MAX_AXES;
}

/* The axes that the two parts are, by names that no spec has. */
static void find_parts(Function *function, const DecodePanels *panels, AxisId *outer,
                       AxisId *inner) {
    const char *name = graph_axis(function, panels->split)->name;
    const long long count = panels->of_panels, width = panels->of_inside;
    *outer =
        function_axis(function, arena_printf(function->arena, "%s.of%lld", name, width), count);
    *inner =
        function_axis(function, arena_printf(function->arena, "%s.in%lld", name, width), width);
}

static Axes panel_order(const DecodePanels *panels, AxisId outer, AxisId inner) {
    Axes order = panels->panels;
    if (panels->split != AXIS_NONE)
        axes_append(&order, outer);
    order = axes_union(&order, &panels->depth);
    if (panels->split != AXIS_NONE)
        axes_append(&order, inner);
    return axes_union(&order, &panels->inside);
}

NodeId decode_panels_lay(Function *function, NodeId node, const DecodePanels *panels) {
    AxisId outer = AXIS_NONE, inner = AXIS_NONE;
    if (panels->split != AXIS_NONE)
        find_parts(function, panels, &outer, &inner);
    const Axes order = panel_order(panels, outer, inner);
    return panels->split == AXIS_NONE
               ? build_reordered(function, node, &order)
               : build_split_as(function, node, panels->split, outer, inner, &order);
}

NodeId decode_panels_read(Function *function, const char *name, DType dtype,
                          const DecodePanels *panels) {
    AxisId outer = AXIS_NONE, inner = AXIS_NONE;
    if (panels->split != AXIS_NONE)
        find_parts(function, panels, &outer, &inner);
    const Axes order = panel_order(panels, outer, inner);
    const NodeId param = build_param(function, name, dtype, &order);
    return panels->split == AXIS_NONE ? param
                                      : build_merge(function, param, outer, inner, panels->split);
}
