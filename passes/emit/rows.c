/* The loops around the rows: units, kept axes, reduced axes, and what is done once a row. The
 * phases along the row are in rows_phase.c.
 *
 * Column reductions accumulate in scratch memory when they vary along the row, in the frame when
 * they do not, and scatter_add in its output, which belongs to this unit alone. */
#include "passes/emit/rows.h"

#include "passes/emit/rows_internal.h"

static const Node *member(const Rows *rows, uint32_t position) {
    return &rows->body->nodes[rows->plan->view.members[position]];
}

static NodeId member_id(const Rows *rows, uint32_t position) {
    return rows->plan->view.members[position];
}

static bool is_column(const Rows *rows, uint32_t position) {
    return rows->plan->nest.nodes[position].column;
}

static bool along_row(const Rows *rows, uint32_t position) {
    return (rows->plan->nest.nodes[position].axes & rows->plan->nest.row) != 0;
}

void rows_measure(const Function *body, const Target *target, KernelShape *shape) {
    (void)target;
    RowsPlan plan = rows_plan(body->arena, body);
    *shape = (KernelShape){plan.tiles, plan.scratch_bytes, plan.flops, plan.bytes};
}

bool rows_in_place(const Function *body, uint32_t input, uint32_t output) {
    RowsPlan plan = rows_plan(body->arena, body);
    return rows_plan_in_place(&plan, input, output);
}

/* --- sites and totals --- */

Site *rows_site(Rows *rows, Site *around, const bool *varies, uint32_t lanes) {
    Site *site = site_create(rows->evaluator, around, lanes);
    site->varies = varies;
    for (uint32_t axis = 0; axis < rows->body->axis_count; axis++)
        site->at[axis] = rows->at[axis];
    return site;
}

LLVMValueRef rows_output_of(const Rows *rows, NodeId node) {
    for (uint32_t i = 0; i < rows->body->output_count; i++)
        if (rows->body->outputs[i].node == node)
            return rows->outputs[i];
    return NULL;
}

static LLVMValueRef total_place(Rows *rows, uint32_t position) {
    LLVMValueRef second = emit_i64(rows->emitter, 1);
    return emit_element(rows->emitter, rows->emitter->i32, rows->totals[position], second);
}

static LLVMTypeRef total_type(const Rows *rows, uint32_t position) {
    DType dtype = rows->body->nodes[member(rows, position)->sources[0]].dtype;
    return emit_memory_type(rows->emitter, dtype);
}

Partial rows_load_total(Rows *rows, uint32_t position) {
    Emitter *emitter = rows->emitter;
    Partial total = {.value =
                         emit_load(emitter, total_type(rows, position), rows->totals[position], 4)};
    if (member(rows, position)->op == OP_ARGMAX)
        total.place = emit_load(emitter, emitter->i32, total_place(rows, position), 4);
    return total;
}

void rows_store_total(Rows *rows, uint32_t position, Partial total) {
    emit_store(rows->emitter, total.value, rows->totals[position], 4);
    if (total.place)
        emit_store(rows->emitter, total.place, total_place(rows, position), 4);
}

/* --- starting column reductions --- */

static void fill_buffer_step(Rows *rows, Site *const *sites, uint32_t count, void *user) {
    uint32_t position = *(const uint32_t *)user;
    const Node *node = member(rows, position);
    for (uint32_t i = 0; i < count; i++) {
        Partial zero =
            reduce_identity(rows->emitter, rows->body, member_id(rows, position), sites[i]->lanes);
        site_store(sites[i], node->dtype, rows_buffer(rows, position),
                   rows_buffer_offset(rows, sites[i]), zero.value);
    }
}

typedef struct ScatterFill {
    const Node *node;
    LLVMValueRef output, place;
} ScatterFill;

static void fill_scatter_site(Rows *rows, Site *site, const ScatterFill *fill) {
    Site *there = site_moved(site, fill->node->attributes.axes.at[0],
                             (Coordinate){COORDINATE_SAME, fill->place});
    site_store(there, DTYPE_F32, fill->output, site_offset(there, &fill->node->axes),
               emit_f32(rows->emitter, 0));
}

static void fill_scatter_step(Rows *rows, Site *const *sites, uint32_t count, void *user) {
    for (uint32_t i = 0; i < count; i++)
        fill_scatter_site(rows, sites[i], user);
}

/* Zeroes what this unit owns of the output. */
static void start_scatter(Rows *rows, uint32_t position) {
    const Node *node = member(rows, position);
    AxisId made = node->attributes.axes.at[0];
    Loop loop;
    emit_loop_begin(rows->emitter, &loop, emit_i64(rows->emitter, 0),
                    emit_i64(rows->emitter, graph_axis(rows->body, made)->extent), 1, "zero");
    ScatterFill fill = {node, rows_output_of(rows, member_id(rows, position)), loop.index};
    if (along_row(rows, position))
        rows_over_row(rows, 1, fill_scatter_step, &fill);
    else
        fill_scatter_site(rows, rows_site(rows, NULL, NULL, 1), &fill);
    emit_loop_end(rows->emitter, &loop, NULL);
}

static void start_columns(Rows *rows) {
    for (uint32_t p = 0; p < rows->plan->view.member_count; p++) {
        if (!is_column(rows, p))
            continue;
        if (member(rows, p)->op == OP_SCATTER_ADD)
            start_scatter(rows, p);
        else if (along_row(rows, p))
            rows_over_row(rows, 1, fill_buffer_step, &p);
        else
            rows_store_total(rows, p,
                             reduce_identity(rows->emitter, rows->body, member_id(rows, p), 1));
    }
}

/* --- once a row --- */

/* Column reductions of what does not vary along the row. Those of row sums were added by the phase.
 */
static void take_scalars(Rows *rows) {
    const Nest *nest = &rows->plan->nest;
    for (uint32_t p = 0; p < rows->plan->view.member_count; p++) {
        if (!is_column(rows, p) || along_row(rows, p) || nest->nodes[p].over & nest->row)
            continue;
        NodeId id = member_id(rows, p);
        if (member(rows, p)->op == OP_SCATTER_ADD)
            rows_scatter(rows, rows->round, id, rows_output_of(rows, id));
        else
            rows_store_total(rows, p, reduce_take(rows->round, id, rows_load_total(rows, p)));
    }
}

static void store_scalars(Rows *rows) {
    for (uint32_t i = 0; i < rows->body->output_count; i++) {
        NodeId id = rows->body->outputs[i].node;
        const Node *node = &rows->body->nodes[id];
        uint32_t stage, phase;
        rows_output_phase(rows->plan, id, &stage, &phase);
        if (stage != rows->stage || node->op == OP_SCATTER_ADD ||
            nest_set(&rows->plan->nest, &node->axes) & rows->plan->nest.row)
            continue;
        LLVMValueRef value = site_value(rows->round, id);
        site_store(rows->round, node->dtype, rows->outputs[i],
                   site_offset(rows->round, &node->axes), value);
    }
}

static void set_totals(Rows *rows) {
    for (uint32_t p = 0; p < rows->plan->view.member_count; p++)
        if (is_column(rows, p) && !along_row(rows, p) && member(rows, p)->op != OP_SCATTER_ADD)
            rows->round->values[member_id(rows, p)] =
                reduce_result(rows->body, member_id(rows, p), rows_load_total(rows, p));
}

/* All that is computed of one row. Before each phase there is an empty block, where code goes that
 * the phase needs but that does not vary along the row. */
static void emit_stage(Rows *rows, uint32_t stage) {
    Emitter *emitter = rows->emitter;
    rows->stage = stage;
    rows->round = rows_site(rows, rows->entry, rows->in_loops, 1);
    if (stage == 1)
        set_totals(rows);
    for (uint32_t phase = 0; phase < rows->plan->nest.phases[stage]; phase++) {
        LLVMBasicBlockRef next =
            LLVMAppendBasicBlockInContext(emitter->context, emitter->function, "phase");
        rows->round->before = LLVMBuildBr(emitter->builder, next);
        LLVMPositionBuilderAtEnd(emitter->builder, next);
        rows_emit_phase(rows, phase);
        rows->round->before = NULL;
    }
    if (stage == 0)
        take_scalars(rows);
    store_scalars(rows);
}

/* --- loops --- */

static void set_axis(Rows *rows, uint32_t axis, LLVMValueRef value) {
    rows->at[rows->plan->nest.axes[axis].axis] = (Coordinate){COORDINATE_SAME, value};
}

static void emit_reduced_loops(Rows *rows) {
    const Nest *nest = &rows->plan->nest;
    uint32_t list[NEST_MAX_AXES], count = nest_list(nest, nest->reduced, list);
    Loop loops[NEST_MAX_AXES];
    for (uint32_t i = 0; i < count; i++) {
        emit_loop_begin(rows->emitter, &loops[i], emit_i64(rows->emitter, 0),
                        emit_i64(rows->emitter, nest->axes[list[i]].extent), 1, "reduced");
        set_axis(rows, list[i], loops[i].index);
    }
    emit_stage(rows, 0);
    for (uint32_t i = count; i-- > 0;)
        emit_loop_end(rows->emitter, &loops[i], NULL);
}

static void emit_unit(Rows *rows, LLVMValueRef unit) {
    Emitter *emitter = rows->emitter;
    const RowsPlan *plan = rows->plan;
    LLVMValueRef piece = emit_mod_const(emitter, unit, plan->pieces);
    LLVMValueRef round = emit_div_const(emitter, unit, plan->pieces);
    uint32_t list[NEST_MAX_AXES], count = nest_list(&plan->nest, plan->nest.kept, list);
    for (uint32_t i = count; i-- > 0;) {
        int64_t extent = plan->nest.axes[list[i]].extent;
        set_axis(rows, list[i], i ? emit_mod_const(emitter, round, extent) : round);
        round = emit_div_const(emitter, round, extent);
    }
    rows->start = emit_mul_const(emitter, piece, plan->piece);
    rows->end = emit_add_const(emitter, rows->start, plan->piece);
    if (plan->row % plan->piece)
        rows->end = emit_min_i64(emitter, rows->end, emit_i64(emitter, plan->row));
    if (!plan->nest.has_columns) {
        emit_stage(rows, 0);
        return;
    }
    start_columns(rows);
    emit_reduced_loops(rows);
    emit_stage(rows, 1);
}

/* Which nodes are computed where. At the entry: what has no axes and depends on no reduction. */
static void place_nodes(Rows *rows) {
    const Nest *nest = &rows->plan->nest;
    for (NodeId id = 0; id < rows->body->node_count; id++) {
        const Node *node = &rows->body->nodes[id];
        uint32_t position = rows->plan->view.position[id];
        rows->in_rows[id] = nest_set(nest, &node->axes) & nest->row;
        rows->in_loops[id] = node->axes.count > 0;
        if (position != NEST_OPERAND && nest->nodes[position].summed)
            rows->in_loops[id] = true;
        if (position != NEST_OPERAND && is_column(rows, position) && !along_row(rows, position))
            rows->totals[position] =
                emit_frame_array(rows->emitter, rows->emitter->i32, 2, "total");
    }
}

/* An empty block at the start of the function, for what is computed once. */
static void open_entry(Rows *rows) {
    Emitter *emitter = rows->emitter;
    for (uint32_t axis = 0; axis < rows->body->axis_count; axis++)
        rows->at[axis] = (Coordinate){COORDINATE_SAME, emit_i64(emitter, 0)};
    rows->entry = rows_site(rows, NULL, NULL, 1);
    LLVMBasicBlockRef next =
        LLVMAppendBasicBlockInContext(emitter->context, emitter->function, "units");
    rows->entry->before = LLVMBuildBr(emitter->builder, next);
    LLVMPositionBuilderAtEnd(emitter->builder, next);
}

static void emit_units(Rows *rows, LLVMValueRef first_tile, LLVMValueRef last_tile) {
    Emitter *emitter = rows->emitter;
    const RowsPlan *plan = rows->plan;
    LLVMValueRef from = emit_mul_const(emitter, first_tile, plan->units_per_tile);
    LLVMValueRef to = emit_mul_const(emitter, last_tile, plan->units_per_tile);
    if (plan->units % plan->units_per_tile)
        to = emit_min_i64(emitter, to, emit_i64(emitter, plan->units));
    Loop loop;
    emit_loop_begin(emitter, &loop, from, to, 1, "unit");
    emit_unit(rows, loop.index);
    emit_loop_end(emitter, &loop, NULL);
}

void emit_rows(Emitter *emitter, const Function *body, const char *symbol) {
    Arena *arena = emitter->arena;
    RowsPlan plan = rows_plan(arena, body);
    uint32_t inputs = 0;
    for (NodeId id = 0; id < body->node_count; id++)
        inputs += body->nodes[id].op == OP_PARAM || body->nodes[id].op == OP_INPUT;
    uint32_t operands = inputs + body->output_count;
    bool *noalias = arena_array(arena, operands, sizeof *noalias);
    for (uint32_t i = 0; i < operands; i++)
        noalias[i] = true;
    for (uint32_t i = 0; i < inputs; i++)
        for (uint32_t o = 0; o < body->output_count; o++)
            if (rows_plan_in_place(&plan, i, o))
                noalias[i] = noalias[inputs + o] = false;

    KernelFrame frame;
    emit_kernel_begin(emitter, &frame, symbol, operands, noalias);
    Evaluator evaluator = evaluator_create(emitter, body, frame.operands, frame.immediates);
    Rows rows = {.emitter = emitter, .body = body, .plan = &plan, .evaluator = &evaluator};
    rows.outputs = frame.operands + inputs;
    rows.scratch = frame.scratch;
    rows.in_loops = arena_array(arena, body->node_count, sizeof *rows.in_loops);
    rows.in_rows = arena_array(arena, body->node_count, sizeof *rows.in_rows);
    rows.at = arena_array(arena, body->axis_count, sizeof *rows.at);
    rows.totals = arena_array(arena, plan.view.member_count, sizeof *rows.totals);
    place_nodes(&rows);
    open_entry(&rows);
    emit_units(&rows, frame.first, frame.last);
    emit_kernel_end(emitter, &frame);
}
