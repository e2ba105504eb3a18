/* Method: walk from the outputs to see what is computed where the loops are ("placed") and what is
 * read at moved coordinates; the loops run over the axes of what is placed. Merge axes. Then sort
 * the axes:
 *
 * - the row: the axes of reductions whose result is used again along those axes (a norm, a
 *   softmax); where there is none, one axis: the first that will do of those that most tensors have
 *   innermost;
 * - reduced: what reductions sum over besides;
 * - kept: the rest;
 *
 * and check that every output is written once, and that no loop repeats a reduction. The answer
 * does not depend on the order of nodes or axes: views of one kernel all have a nest, or none. */
#include "passes/emit/nest.h"

#include <string.h>

typedef struct Builder {
    const NestView *view;
    Nest *nest;
    AxisSet domain;  /* what is looped over */
    AxisSet special; /* axes that cannot be merged with others */
    AxisSet scatter_over;
    bool too_many_axes;
} Builder;

bool nest_is_reduction(OpCode op) {
    return op == OP_SUM || op == OP_REDUCE_MAX || op == OP_ARGMAX || op == OP_CONTRACT ||
           op == OP_SCATTER_ADD;
}

int64_t nest_extent(const Nest *nest, AxisSet set) {
    int64_t extent = 1;
    for (uint32_t i = 0; i < nest->axis_count; i++)
        if (set >> i & 1)
            extent *= nest->axes[i].extent;
    return extent;
}

NestView nest_body_view(Arena *arena, const Function *body) {
    NodeId *members = arena_array(arena, body->node_count, sizeof *members);
    uint32_t *position = arena_array(arena, body->node_count, sizeof *position);
    NodeId *outputs = arena_array(arena, body->output_count, sizeof *outputs);
    uint32_t count = 0;
    for (NodeId id = 0; id < body->node_count; id++) {
        bool operand = body->nodes[id].op == OP_PARAM || body->nodes[id].op == OP_INPUT;
        position[id] = operand ? NEST_OPERAND : count;
        if (!operand)
            members[count++] = id;
    }
    for (uint32_t i = 0; i < body->output_count; i++)
        outputs[i] = body->outputs[i].node;
    return (NestView){body, members, count, position, outputs, body->output_count};
}

uint32_t nest_list(const Nest *nest, AxisSet set, uint32_t list[NEST_MAX_AXES]) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < nest->axis_count; i++)
        if (set >> nest->order[i] & 1)
            list[count++] = nest->order[i];
    return count;
}

/* Whether looped over or not. */
static AxisSet any_set(const Nest *nest, const Axes *axes) {
    AxisSet set = 0;
    for (uint32_t i = 0; i < nest->axis_count; i++)
        if (axes_has(axes, nest->axes[i].axis))
            set |= 1u << i;
    return set;
}

AxisSet nest_set(const Nest *nest, const Axes *axes) {
    return any_set(nest, axes) & (nest->kept | nest->reduced | nest->row);
}

/* --- the axes of a view --- */

static AxisSet axis_bit(const Nest *nest, AxisId axis) {
    for (uint32_t i = 0; i < nest->axis_count; i++)
        if (nest->axes[i].axis == axis)
            return 1u << i;
    return 0;
}

static AxisSet add_axes(Builder *builder, const Axes *axes) {
    Nest *nest = builder->nest;
    AxisSet set = 0;
    for (int i = 0; i < axes->count; i++) {
        AxisSet bit = axis_bit(nest, axes->at[i]);
        if (!bit && nest->axis_count == NEST_MAX_AXES) {
            builder->too_many_axes = true;
        } else if (!bit) {
            const Axis *axis = graph_axis(builder->view->function, axes->at[i]);
            bit = 1u << nest->axis_count;
            nest->axes[nest->axis_count++] = (NestAxis){axes->at[i], axis->extent};
        }
        set |= bit;
    }
    return set;
}

static const Node *member(const Builder *builder, uint32_t position) {
    return &builder->view->function->nodes[builder->view->members[position]];
}

/* The member that is source `i` of a node, or NULL for an operand. */
static NestNode *member_source(const Builder *builder, const Node *node, uint32_t i) {
    uint32_t position = builder->view->position[node->sources[i]];
    return position == NEST_OPERAND ? NULL : &builder->nest->nodes[position];
}

static const Axes *source_axes(const Builder *builder, const Node *node, uint32_t i) {
    return &builder->view->function->nodes[node->sources[i]].axes;
}

static AxisSet source_set(const Builder *builder, const Node *node, uint32_t i) {
    const NestNode *source = member_source(builder, node, i);
    return source ? source->axes : any_set(builder->nest, source_axes(builder, node, i));
}

/* Axes along which a node reads source `i` elsewhere. */
static AxisSet moved_by(const Nest *nest, const Node *node, uint32_t i) {
    const Axes moved = op_moved_axes(node);
    return i == 0 ? any_set(nest, &moved) : 0;
}

/* Axes whose positions an op tells apart. */
static AxisSet special_axes(const Nest *nest, const Node *node) {
    switch (node->op) {
    case OP_INDEX:
    case OP_ARGMAX:
        return any_set(nest, &node->attributes.axes);
    case OP_SCATTER_ADD:
        return axis_bit(nest, node->attributes.axes.at[0]);
    default:
        return op_moved_axes(node).count ? any_set(nest, &node->attributes.axes) : 0;
    }
}

static bool has_nest(const Node *node) {
    const OpCode op = node->op;
    return op_is_elementwise(op) || nest_is_reduction(op) || op == OP_CONST || op == OP_INDEX ||
           op == OP_RANDOM || op == OP_RANDOM_NORMAL || op_moved_axes(node).count;
}

static const char *describe_nodes(Builder *builder) {
    const NestView *view = builder->view;
    for (uint32_t p = 0; p < view->member_count; p++) {
        const Node *node = member(builder, p);
        if (!has_nest(node))
            return "an op that is no loop";
        NestNode *info = &builder->nest->nodes[p];
        *info = (NestNode){.axes = add_axes(builder, &node->axes)};
        AxisSet own = add_axes(builder, &node->attributes.axes);
        for (uint32_t i = 0; i < node->source_count; i++)
            add_axes(builder, source_axes(builder, node, i));
        info->reduces = nest_is_reduction(node->op);
        if (info->reduces)
            info->over = own;
        if (node->op == OP_SCATTER_ADD) {
            AxisSet made = axis_bit(builder->nest, node->attributes.axes.at[0]);
            info->over &= ~made;
            info->axes &= ~made;
            builder->scatter_over |= info->over;
        }
        builder->special |= special_axes(builder->nest, node);
    }
    for (uint32_t i = 0; i < view->output_count; i++)
        add_axes(builder, &view->function->nodes[view->outputs[i]].axes);
    return builder->too_many_axes ? "too many axes" : NULL;
}

/* --- what is computed where --- */

static void place_source(Builder *builder, const Node *node, uint32_t i, AxisSet moved) {
    NestNode *source = member_source(builder, node, i);
    if (!source)
        return;
    if (source->axes & moved)
        source->moved |= moved;
    else
        source->placed = true;
}

static const char *place_nodes(Builder *builder) {
    const NestView *view = builder->view;
    NestNode *nodes = builder->nest->nodes;
    for (uint32_t i = 0; i < view->output_count; i++)
        if (view->position[view->outputs[i]] != NEST_OPERAND)
            nodes[view->position[view->outputs[i]]].placed = true;
    for (uint32_t p = view->member_count; p-- > 0;) {
        const Node *node = member(builder, p);
        if (nodes[p].moved && nest_is_reduction(node->op))
            return "a reduction is read at moved coordinates";
        for (uint32_t i = 0; i < node->source_count; i++) {
            AxisSet moved = moved_by(builder->nest, node, i);
            if (nodes[p].placed)
                place_source(builder, node, i, moved);
            if (nodes[p].moved)
                place_source(builder, node, i, moved | nodes[p].moved);
        }
        if (nodes[p].placed)
            builder->domain |= nodes[p].axes | nodes[p].over;
    }
    for (uint32_t i = 0; i < view->output_count; i++)
        if (view->position[view->outputs[i]] == NEST_OPERAND)
            builder->domain |=
                any_set(builder->nest, &view->function->nodes[view->outputs[i]].axes);
    return NULL;
}

/* --- merging --- */

static bool in_order(const Axes *axes, AxisId outer, AxisId inner) {
    int place = axes_find(axes, outer);
    return place < 0 ? !axes_has(axes, inner) : axes_find(axes, inner) == place + 1;
}

static bool both_or_neither(AxisSet set, AxisSet pair) {
    return (set & pair) == pair || (set & pair) == 0;
}

/* The order in memory of what a member reads or draws. */
static bool sources_in_order(const Builder *builder, const Node *node, AxisId outer, AxisId inner) {
    for (uint32_t i = 0; i < node->source_count; i++)
        if (!member_source(builder, node, i) &&
            !in_order(source_axes(builder, node, i), outer, inner))
            return false;
    bool draws = node->op == OP_RANDOM || node->op == OP_RANDOM_NORMAL;
    return !draws || in_order(&node->attributes.axes, outer, inner);
}

static bool can_merge(const Builder *builder, uint32_t outer, uint32_t inner) {
    const NestView *view = builder->view;
    const Nest *nest = builder->nest;
    AxisSet pair = 1u << outer | 1u << inner;
    if (pair & builder->special)
        return false;
    AxisId a = nest->axes[outer].axis, b = nest->axes[inner].axis;
    for (uint32_t p = 0; p < view->member_count; p++)
        if (!both_or_neither(nest->nodes[p].axes, pair) ||
            !both_or_neither(nest->nodes[p].over, pair) ||
            !sources_in_order(builder, member(builder, p), a, b))
            return false;
    for (uint32_t i = 0; i < view->output_count; i++)
        if (!in_order(&view->function->nodes[view->outputs[i]].axes, a, b))
            return false;
    return true;
}

/* Takes axis `gone` out of the nest; it stays at 0. */
static void drop_axis(Builder *builder, uint32_t gone) {
    for (uint32_t p = 0; p < builder->view->member_count; p++) {
        builder->nest->nodes[p].axes &= ~(1u << gone);
        builder->nest->nodes[p].over &= ~(1u << gone);
    }
    builder->domain &= ~(1u << gone);
    builder->scatter_over &= ~(1u << gone);
}

static void merge_axes(Builder *builder) {
    Nest *nest = builder->nest;
    for (uint32_t inner = 0; inner < nest->axis_count; inner++) {
        /* The axis before the group that `inner` ends, as long as there is one. */
        AxisId first = nest->axes[inner].axis;
        for (bool merged = builder->domain >> inner & 1; merged;) {
            merged = false;
            for (uint32_t outer = 0; outer < nest->axis_count && !merged; outer++) {
                NestAxis whole = nest->axes[inner];
                nest->axes[inner].axis = first;
                merged = outer != inner && builder->domain >> outer & 1 &&
                         can_merge(builder, outer, inner);
                nest->axes[inner] = whole;
                if (!merged)
                    continue;
                first = nest->axes[outer].axis;
                nest->axes[inner].extent *= nest->axes[outer].extent;
                drop_axis(builder, outer);
            }
        }
    }
}

/* --- sorting the axes --- */

/* Axes along which the result of a reduction over them is used again. */
static AxisSet used_again(const Builder *builder) {
    NestNode *nodes = builder->nest->nodes;
    AxisSet again = 0;
    for (uint32_t p = 0; p < builder->view->member_count; p++) {
        const Node *node = member(builder, p);
        AxisSet summed = 0;
        for (uint32_t i = 0; i < node->source_count; i++) {
            const NestNode *source = member_source(builder, node, i);
            summed |= source ? source->summed : 0;
        }
        again |= (nodes[p].axes | nodes[p].over) & summed & builder->domain;
        nodes[p].summed = summed | nodes[p].over;
    }
    return again;
}

static void vote(const Builder *builder, const Axes *axes, AxisSet volume, double *votes) {
    const Nest *nest = builder->nest;
    for (uint32_t i = 0; axes->count && i < nest->axis_count; i++)
        if (nest->axes[i].axis == axes->at[axes->count - 1] && builder->domain >> i & 1)
            votes[i] += (double)nest_extent(nest, volume & builder->domain);
}

static void count_votes(const Builder *builder, double votes[NEST_MAX_AXES]) {
    const NestView *view = builder->view;
    const Nest *nest = builder->nest;
    for (uint32_t p = 0; p < view->member_count; p++) {
        const Node *node = member(builder, p);
        for (uint32_t i = 0; nest->nodes[p].placed && i < node->source_count; i++)
            if (!member_source(builder, node, i))
                vote(builder, source_axes(builder, node, i),
                     nest->nodes[p].axes | nest->nodes[p].over, votes);
    }
    for (uint32_t i = 0; i < view->output_count; i++) {
        const Axes *axes = &view->function->nodes[view->outputs[i]].axes;
        vote(builder, axes, any_set(nest, axes), votes);
    }
}

/* The axes that may be the row, those first that most of what is read and written has innermost.
 * There is none where every axis is scattered over. */
static uint32_t list_rows(const Builder *builder, const double votes[NEST_MAX_AXES],
                          AxisSet rows[NEST_MAX_AXES]) {
    AxisSet left = builder->domain & ~builder->scatter_over;
    uint32_t count = 0;
    while (left) {
        uint32_t best = 0;
        while (!(left >> best & 1))
            best++;
        for (uint32_t i = best + 1; i < builder->nest->axis_count; i++)
            if (left >> i & 1 && votes[i] > votes[best])
                best = i;
        rows[count++] = 1u << best;
        left &= ~(1u << best);
    }
    if (!count)
        rows[count++] = 0;
    return count;
}

/* The rows to try, in that order. */
static const char *find_rows(Builder *builder, const double votes[NEST_MAX_AXES],
                             AxisSet rows[NEST_MAX_AXES], uint32_t *count) {
    const NestView *view = builder->view;
    const Nest *nest = builder->nest;
    AxisSet searched = 0;
    rows[0] = used_again(builder);
    *count = 1;
    for (uint32_t p = 0; p < view->member_count; p++)
        if (member(builder, p)->op == OP_ARGMAX) {
            if (searched && searched != nest->nodes[p].over)
                return "two searches along different axes";
            searched = nest->nodes[p].over;
        }
    if (!rows[0] && searched)
        rows[0] = searched;
    else if (!rows[0])
        *count = list_rows(builder, votes, rows);
    if (searched && searched != rows[0])
        return "a search across rows";
    if (rows[0] & builder->scatter_over)
        return "a scatter along rows";
    return NULL;
}

static const char *choose_reduced(Builder *builder) {
    Nest *nest = builder->nest;
    nest->reduced = 0;
    nest->has_columns = false;
    for (uint32_t p = 0; p < builder->view->member_count; p++) {
        AxisSet over = nest->nodes[p].over, across = over & ~nest->row;
        if (over & nest->row && (over & nest->row) != nest->row)
            return "a reduction over part of a row";
        if (across && nest->reduced && across != nest->reduced)
            return "column reductions over different axes";
        if (across)
            nest->reduced = across;
        nest->nodes[p].column = across || member(builder, p)->op == OP_SCATTER_ADD;
        nest->has_columns |= nest->nodes[p].column;
    }
    nest->kept = builder->domain & ~nest->row & ~nest->reduced;
    return NULL;
}

/* --- stages and phases --- */

static void find_level(const Builder *builder, uint32_t p) {
    const Nest *nest = builder->nest;
    const Node *node = member(builder, p);
    NestNode *info = &nest->nodes[p];
    info->stage = info->column;
    info->level = 0;
    for (uint32_t i = 0; i < node->source_count; i++) {
        const NestNode *source = member_source(builder, node, i);
        if (source && source->stage)
            info->stage = 1;
    }
    for (uint32_t i = 0; i < node->source_count; i++) {
        const NestNode *source = member_source(builder, node, i);
        bool same = source && source->stage == (info->column ? 0 : info->stage);
        if (!same)
            continue;
        uint32_t known = source->column             ? 0
                         : source->over & nest->row ? source->level + 1u
                                                    : source->level;
        info->level = (uint16_t)(known > info->level ? known : info->level);
    }
}

static AxisSet sources_set(const Builder *builder, const Node *node) {
    AxisSet set = 0;
    for (uint32_t i = 0; i < node->source_count; i++)
        set |= source_set(builder, node, i);
    return set & builder->domain;
}

static const char *check_member(const Builder *builder, uint32_t p) {
    const Nest *nest = builder->nest;
    const Node *node = member(builder, p);
    const NestNode *info = &nest->nodes[p];
    AxisSet outer = nest->kept | (info->stage && !info->column ? 0 : nest->reduced);
    for (uint32_t i = 0; i < node->source_count; i++) {
        const NestNode *source = member_source(builder, node, i);
        if (source && member(builder, (uint32_t)(source - nest->nodes))->op == OP_SCATTER_ADD)
            return "a scatter is used where it is made";
        if (source && source->stage && info->column)
            return "a column reduction of a column reduction";
    }
    if (info->stage && info->axes & nest->reduced)
        return "a column reduction is used in the loops that make it";
    if (info->stage && info->moved)
        return "a column reduction is read at moved coordinates";
    if (info->reduces && (sources_set(builder, node) & outer) != outer)
        return "a reduction would be repeated";
    if (info->column && info->axes & nest->row && (info->axes & nest->row) != nest->row)
        return "a column reduction has a part of the row's axes";
    return NULL;
}

static const char *check_output(const Builder *builder, NodeId output) {
    const NestView *view = builder->view;
    const Nest *nest = builder->nest;
    uint32_t p = view->position[output];
    AxisSet axes = any_set(nest, &view->function->nodes[output].axes) & builder->domain;
    bool post = p != NEST_OPERAND && nest->nodes[p].stage;
    if (p != NEST_OPERAND)
        axes = nest->nodes[p].axes;
    AxisSet outer = nest->kept | (post ? 0 : nest->reduced);
    if ((axes & outer) != outer)
        return "an output would be written more than once";
    if (axes & nest->row && (axes & nest->row) != nest->row)
        return "an output has a part of the row's axes";
    return NULL;
}

/* Row phases: each row reduction, and each column sum or output along the row, is done in one. */
static void count_phases(Builder *builder) {
    const NestView *view = builder->view;
    Nest *nest = builder->nest;
    for (uint32_t p = 0; p < view->member_count; p++) {
        const NestNode *info = &nest->nodes[p];
        uint32_t stage = info->column ? 0 : info->stage;
        bool along = info->reduces && sources_set(builder, member(builder, p)) & nest->row;
        if (along && nest->phases[stage] < info->level + 1u)
            nest->phases[stage] = info->level + 1u;
    }
    for (uint32_t i = 0; i < view->output_count; i++) {
        uint32_t p = view->position[view->outputs[i]];
        const NestNode copy = {.axes =
                                   any_set(nest, &view->function->nodes[view->outputs[i]].axes)};
        const NestNode *info = p == NEST_OPERAND ? &copy : &nest->nodes[p];
        uint32_t first = info->column ? 1 : info->level + 1u;
        if (p != NEST_OPERAND && member(builder, p)->op == OP_SCATTER_ADD)
            continue; /* accumulates in its place */
        if (info->axes & nest->row && nest->phases[info->stage] < first)
            nest->phases[info->stage] = first;
    }
}

/* --- the order of the loops --- */

/* As in the largest tensor in memory; then the others. */
static void order_axes(Builder *builder) {
    const NestView *view = builder->view;
    Nest *nest = builder->nest;
    const Axes *largest = NULL;
    int64_t most = 0;
    for (uint32_t p = 0; p < view->member_count + view->output_count; p++) {
        bool output = p >= view->member_count;
        const Node *node = output ? NULL : member(builder, p);
        for (uint32_t i = 0; i < (output ? 1 : node->source_count); i++) {
            if (!output && (member_source(builder, node, i) || !nest->nodes[p].placed))
                continue;
            const Axes *axes =
                output ? &view->function->nodes[view->outputs[p - view->member_count]].axes
                       : source_axes(builder, node, i);
            int64_t elements = nest_extent(nest, nest_set(nest, axes));
            if (elements > most) {
                most = elements;
                largest = axes;
            }
        }
    }
    AxisSet listed = 0;
    uint32_t count = 0;
    for (int i = 0; largest && i < largest->count; i++)
        for (uint32_t a = 0; a < nest->axis_count; a++)
            if (nest->axes[a].axis == largest->at[i]) {
                nest->order[count++] = (uint8_t)a;
                listed |= 1u << a;
            }
    for (uint32_t a = 0; a < nest->axis_count; a++)
        if (!(listed >> a & 1))
            nest->order[count++] = (uint8_t)a;
}

static uint32_t lowest_axis(AxisSet set) {
    uint32_t axis = 0;
    while (set && !(set >> axis & 1))
        axis++;
    return axis;
}

/* With this row; NULL when it will do. */
static const char *try_row(Builder *builder, AxisSet row) {
    const NestView *view = builder->view;
    builder->nest->row = row;
    const char *fault = choose_reduced(builder);
    for (uint32_t p = 0; p < view->member_count && !fault; p++) {
        find_level(builder, p);
        fault = check_member(builder, p);
    }
    for (uint32_t i = 0; i < view->output_count && !fault; i++)
        fault = check_output(builder, view->outputs[i]);
    return fault;
}

const char *nest_build(const NestView *view, Nest *nest) {
    *nest = (Nest){.nodes = nest->nodes};
    Builder builder = {.view = view, .nest = nest};
    const char *fault = describe_nodes(&builder);
    if (!fault)
        fault = place_nodes(&builder);
    if (fault)
        return fault;
    merge_axes(&builder);
    AxisSet rows[NEST_MAX_AXES];
    double votes[NEST_MAX_AXES] = {0};
    uint32_t count;
    count_votes(&builder, votes);
    fault = find_rows(&builder, votes, rows, &count);
    if (fault)
        return fault;
    fault = try_row(&builder, rows[0]);
    for (uint32_t i = 1; fault && i < count; i++) {
        fault = try_row(&builder, rows[i]);
        nest->is_strided = votes[lowest_axis(rows[i])] < votes[lowest_axis(rows[0])];
    }
    if (fault)
        return fault;
    count_phases(&builder);
    order_axes(&builder);
    return NULL;
}
