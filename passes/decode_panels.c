#include "passes/decode_panels.h"

#include "ir/build.h"
#include "passes/emit/contract_shape.h"
#include "passes/emit/product.h"
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
            panels->part = width;
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
    const Axes depth = panels->depth, both = axes_intersection(weights, other);
    panels->panels = axes_minus(&both, &depth);
    const bool are_matrices = panels->panels.count + depth.count + columns.count == weights->count;
    const int64_t width =
        are_matrices && target
            ? contract_panel_width(target, graph_node(function, contract->sources[which])->dtype,
                                   axes_elements(function, &rows),
                                   axes_elements(function, &columns),
                                   axes_elements(function, &panels->depth))
            : 0;
    return width && fill_panel(function, &columns, width, panels) &&
           weights->count + (panels->split != AXIS_NONE) <= MAX_AXES;
}

/* Weights in panels: the axes of the two parts, by names that no spec has, and all axes in order.
 */
typedef struct Laid {
    AxisId outer, inner;
    Axes order;
} Laid;

static AxisId part_axis(Function *function, const char *kind, const DecodePanels *panels,
                        int64_t extent) {
    const char *name = graph_axis(function, panels->split)->name;
    return function_axis(
        function, arena_printf(function->arena, "%s.%s%lld", name, kind, (long long)panels->part),
        extent);
}

static Laid lay(Function *function, const DecodePanels *panels) {
    Laid laid = {.order = panels->panels};
    if (panels->split != AXIS_NONE) {
        const int64_t whole = graph_axis(function, panels->split)->extent;
        laid.outer = part_axis(function, "of", panels, whole / panels->part);
        laid.inner = part_axis(function, "in", panels, panels->part);
        axes_append(&laid.order, laid.outer);
    }
    laid.order = axes_union(&laid.order, &panels->depth);
    if (panels->split != AXIS_NONE)
        axes_append(&laid.order, laid.inner);
    laid.order = axes_union(&laid.order, &panels->inside);
    return laid;
}

NodeId decode_panels_lay(Function *function, NodeId node, const DecodePanels *panels) {
    const Laid laid = lay(function, panels);
    return panels->split == AXIS_NONE
               ? build_reordered(function, node, &laid.order)
               : build_split_as(function, node, panels->split, laid.outer, laid.inner, &laid.order);
}

/* --- compressed --- */

/* What a panel is made of, and the axis of its words. */
static Axes panel_axes(Function *function, const DecodePanels *panels, AxisId *words) {
    const Laid laid = lay(function, panels);
    Axes outer = panels->panels;
    if (panels->split != AXIS_NONE)
        axes_append(&outer, laid.outer);
    const Axes panel = axes_minus(&laid.order, &outer);
    *words = build_words(function, PACKED_COMPRESSED, &panel);
    return panel;
}

bool decode_panels_pack(const Function *function, const DecodePanels *panels,
                        const struct Target *target) {
    const int64_t depth = axes_elements(function, &panels->depth);
    const int64_t inside = axes_elements(function, &panels->inside);
    const int64_t width = panels->split == AXIS_NONE ? inside : inside * panels->part;
    return target->has_bf16_dot && depth % 2 == 0 && product_packs(depth / 2, (uint32_t)width);
}

NodeId decode_panels_compress(Function *function, NodeId laid, const DecodePanels *panels) {
    AxisId words;
    const Axes panel = panel_axes(function, panels, &words);
    return build_pack(function, PACKED_COMPRESSED, laid, &panel, words);
}

static NodeId read_packed(Function *function, NodeId plain, const char *name,
                          const DecodePanels *panels) {
    AxisId words;
    const Axes panel = panel_axes(function, panels, &words), last = axes_of(&words, 1);
    const Axes outer = axes_minus(&graph_node(function, plain)->axes, &panel);
    const Axes axes = axes_union(&outer, &last);
    const NodeId packed = build_param(function, name, DTYPE_I32, &axes);
    return build_packed(function, PACKED_COMPRESSED, plain, packed, &panel, words);
}

NodeId decode_panels_read(Function *function, const char *name, const char *packed, DType dtype,
                          const DecodePanels *panels) {
    const Laid laid = lay(function, panels);
    NodeId read = build_param(function, name, dtype, &laid.order);
    if (packed)
        read = read_packed(function, read, packed, panels);
    return panels->split == AXIS_NONE
               ? read
               : build_merge(function, read, laid.outer, laid.inner, panels->split);
}
