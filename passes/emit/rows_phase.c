/* A phase is one run over the row, in vectors of the target's width. The body of the loop is
 * emitted for several vectors at once, which keeps the units of the machine busy while one waits,
 * and row reductions have accumulators of their own for each; what is left at the end of the row
 * runs with a mask. All values are computed before any is stored, so that an output may take the
 * place of an input. */
#include "passes/emit/rows_internal.h"

typedef struct Accumulator {
    uint32_t position;
    LLVMValueRef value[ROWS_MAX_UNROLL], place[ROWS_MAX_UNROLL]; /* frame memory */
} Accumulator;

typedef struct Phase {
    uint32_t number, unroll;
    Accumulator *reductions; /* along the row */
    uint32_t reduction_count;
    uint32_t *columns; /* positions of column reductions that vary along the row */
    uint32_t column_count;
    uint32_t *saved; /* positions of rows that later phases will load */
    uint32_t saved_count;
    uint32_t *outputs; /* numbers of outputs */
    uint32_t output_count;
} Phase;

static NodeId member_id(const Rows *rows, uint32_t position) {
    return rows->plan->view.members[position];
}

static const Node *member(const Rows *rows, uint32_t position) {
    return &rows->body->nodes[member_id(rows, position)];
}

/* --- running over the row --- */

LLVMValueRef rows_buffer(Rows *rows, uint32_t position) {
    LLVMValueRef offset = emit_i64(rows->emitter, rows->plan->buffer[position]);
    return emit_element(rows->emitter, rows->emitter->i8, rows->scratch, offset);
}

Coordinate rows_buffer_offset(Rows *rows, const Site *site) {
    const Nest *nest = &rows->plan->nest;
    uint32_t list[NEST_MAX_AXES], count = nest_list(nest, nest->row, list);
    LLVMValueRef offset = site->at[nest->axes[list[count - 1]].axis].value;
    int64_t stride = 1;
    for (uint32_t i = count - 1; i-- > 0;) {
        stride *= nest->axes[list[i + 1]].extent;
        LLVMValueRef outer = site->at[nest->axes[list[i]].axis].value;
        offset = emit_add(rows->emitter, offset, emit_mul_const(rows->emitter, outer, stride));
    }
    if (count == 1)
        offset = emit_sub(rows->emitter, offset, rows->start);
    return (Coordinate){COORDINATE_RAMP, offset};
}

static Site *vector_site(Rows *rows, AxisId axis, LLVMValueRef index, LLVMValueRef mask) {
    Site *site = rows_site(rows, rows->round, rows->in_rows, rows->emitter->lanes);
    site->at[axis] = (Coordinate){COORDINATE_RAMP, index};
    site->mask = mask;
    return site;
}

/* The innermost loop: full vectors, then those that are masked. */
static void over_axis(Rows *rows, AxisId axis, LLVMValueRef from, LLVMValueRef to, uint32_t unroll,
                      bool exact, RowStep *step, void *user) {
    Emitter *emitter = rows->emitter;
    int64_t lanes = emitter->lanes, stride = lanes * unroll;
    Loop loop;
    emit_loop_begin(emitter, &loop, from, emit_add_const(emitter, to, 1 - stride), stride, "row");
    Site *sites[ROWS_MAX_UNROLL];
    for (uint32_t i = 0; i < unroll; i++)
        sites[i] = vector_site(rows, axis, emit_add_const(emitter, loop.index, i * lanes), NULL);
    step(rows, sites, unroll, user);
    emit_loop_end(emitter, &loop, NULL);
    if (exact)
        return;
    Loop rest;
    emit_loop_begin(emitter, &rest, loop.index, to, lanes, "rest");
    LLVMValueRef left = emit_sub(emitter, to, rest.index);
    sites[0] = vector_site(rows, axis, rest.index, emit_count_mask(emitter, left, emitter->lanes));
    step(rows, sites, 1, user);
    emit_loop_end(emitter, &rest, NULL);
}

/* As many vectors at once as the row has, and such that none is left over where that is possible.
 */
static uint32_t fit_unroll(const Rows *rows, uint32_t unroll, int64_t extent) {
    int64_t lanes = rows->emitter->lanes;
    while (unroll > 1 && (unroll * lanes > extent ||
                          (extent % (unroll * lanes) != 0 && extent < 16 * unroll * lanes)))
        unroll /= 2;
    return unroll;
}

void rows_over_row(Rows *rows, uint32_t unroll, RowStep *step, void *user) {
    Emitter *emitter = rows->emitter;
    const RowsPlan *plan = rows->plan;
    const Nest *nest = &plan->nest;
    uint32_t list[NEST_MAX_AXES], count = nest_list(nest, nest->row, list);
    const NestAxis *inner = &nest->axes[list[count - 1]];
    Loop loops[NEST_MAX_AXES];
    for (uint32_t i = 0; i + 1 < count; i++) {
        emit_loop_begin(emitter, &loops[i], emit_i64(emitter, 0),
                        emit_i64(emitter, nest->axes[list[i]].extent), 1, "rows");
        rows->at[nest->axes[list[i]].axis] = (Coordinate){COORDINATE_SAME, loops[i].index};
    }
    LLVMValueRef from = count == 1 ? rows->start : emit_i64(emitter, 0);
    LLVMValueRef to = count == 1 ? rows->end : emit_i64(emitter, inner->extent);
    unroll = fit_unroll(rows, unroll, count == 1 ? plan->piece : inner->extent);
    bool exact = inner->extent % (unroll * emitter->lanes) == 0 &&
                 (count > 1 || plan->piece % (unroll * emitter->lanes) == 0);
    over_axis(rows, inner->axis, from, to, unroll, exact, step, user);
    for (uint32_t i = count - 1; i-- > 0;) {
        emit_loop_end(emitter, &loops[i], NULL);
        rows->at[nest->axes[list[i]].axis] = (Coordinate){COORDINATE_SAME, emit_i64(emitter, 0)};
    }
}

/* --- what a phase has to do --- */

static bool is_reduction_of(const Rows *rows, uint32_t position, uint32_t phase, bool along) {
    const NestNode *info = &rows->plan->nest.nodes[position];
    return info->reduces && rows_stage(rows->plan, position) == rows->stage &&
           info->level == phase && along == ((info->over & rows->plan->nest.row) != 0);
}

static void collect_members(Rows *rows, Phase *phase) {
    const RowsPlan *plan = rows->plan;
    Arena *arena = rows->emitter->arena;
    uint32_t members = plan->view.member_count;
    phase->reductions = arena_array(arena, members, sizeof *phase->reductions);
    phase->columns = arena_array(arena, members, sizeof *phase->columns);
    phase->saved = arena_array(arena, members, sizeof *phase->saved);
    for (uint32_t p = 0; p < members; p++) {
        const NestNode *info = &plan->nest.nodes[p];
        if (is_reduction_of(rows, p, phase->number, true))
            phase->reductions[phase->reduction_count++].position = p;
        else if (is_reduction_of(rows, p, phase->number, false) && info->axes & plan->nest.row)
            phase->columns[phase->column_count++] = p;
        if (!info->reduces && plan->buffer[p] != ROWS_NO_BUFFER && info->stage == rows->stage &&
            plan->first_phase[p] == phase->number)
            phase->saved[phase->saved_count++] = p;
    }
}

static void collect_outputs(Rows *rows, Phase *phase) {
    const Nest *nest = &rows->plan->nest;
    phase->outputs = arena_array(rows->emitter->arena, rows->body->output_count, sizeof(uint32_t));
    for (uint32_t i = 0; i < rows->body->output_count; i++) {
        const Node *node = &rows->body->nodes[rows->body->outputs[i].node];
        uint32_t stage, level;
        rows_output_phase(rows->plan, rows->body->outputs[i].node, &stage, &level);
        if (stage == rows->stage && level == phase->number && node->op != OP_SCATTER_ADD &&
            nest_set(nest, &node->axes) & nest->row)
            phase->outputs[phase->output_count++] = i;
    }
}

/* Fewer vectors at once where many values are alive. */
static uint32_t choose_unroll(const Rows *rows) {
    uint32_t vectors = 0;
    for (uint32_t p = 0; p < rows->plan->view.member_count; p++)
        vectors += (rows->plan->nest.nodes[p].axes & rows->plan->nest.row) != 0;
    return vectors <= 12 ? 4 : vectors <= 32 ? 2 : 1;
}

/* --- row reductions --- */

static Partial load_partial(Rows *rows, const Accumulator *accumulator, uint32_t copy) {
    Emitter *emitter = rows->emitter;
    DType dtype = rows->body->nodes[member(rows, accumulator->position)->sources[0]].dtype;
    LLVMTypeRef type = emit_vector_type(emitter, emit_memory_type(emitter, dtype), emitter->lanes);
    LLVMTypeRef places = emit_vector_type(emitter, emitter->i32, emitter->lanes);
    Partial partial = {.value = emit_load(emitter, type, accumulator->value[copy], 64)};
    if (accumulator->place[copy])
        partial.place = emit_load(emitter, places, accumulator->place[copy], 64);
    return partial;
}

static void store_partial(Rows *rows, const Accumulator *accumulator, uint32_t copy,
                          Partial partial) {
    emit_store(rows->emitter, partial.value, accumulator->value[copy], 64);
    if (partial.place)
        emit_store(rows->emitter, partial.place, accumulator->place[copy], 64);
}

static void open_reduction(Rows *rows, Accumulator *accumulator, uint32_t unroll) {
    Emitter *emitter = rows->emitter;
    Partial zero = reduce_identity(emitter, rows->body, member_id(rows, accumulator->position),
                                   emitter->lanes);
    for (uint32_t i = 0; i < unroll; i++) {
        accumulator->value[i] = emit_frame_array(emitter, LLVMTypeOf(zero.value), 1, "partial");
        if (zero.place)
            accumulator->place[i] = emit_frame_array(emitter, LLVMTypeOf(zero.place), 1, "place");
        store_partial(rows, accumulator, i, zero);
    }
}

/* Pairs of accumulators, then of lanes. The result is the row's, or one more term of a column's. */
static void close_reduction(Rows *rows, const Accumulator *accumulator, uint32_t unroll) {
    Emitter *emitter = rows->emitter;
    const Function *body = rows->body;
    NodeId id = member_id(rows, accumulator->position);
    Partial partials[ROWS_MAX_UNROLL];
    for (uint32_t i = 0; i < unroll; i++)
        partials[i] = load_partial(rows, accumulator, i);
    for (uint32_t count = unroll; count > 1; count /= 2)
        for (uint32_t i = 0; i < count / 2; i++)
            partials[i] = reduce_merge(emitter, body, id, partials[i], partials[i + count / 2]);
    Partial sum = reduce_lanes(emitter, body, id, partials[0]);
    if (rows->plan->nest.nodes[accumulator->position].column) {
        Partial total = rows_load_total(rows, accumulator->position);
        rows_store_total(rows, accumulator->position, reduce_merge(emitter, body, id, total, sum));
    } else {
        rows->round->values[id] = reduce_result(body, id, sum);
    }
}

/* --- steps --- */

/* Rows that earlier phases or the column loops have left in scratch memory. */
static void load_rows(Rows *rows, const Phase *phase, Site *site) {
    const RowsPlan *plan = rows->plan;
    for (uint32_t p = 0; p < plan->view.member_count; p++) {
        const NestNode *info = &plan->nest.nodes[p];
        bool ready = info->reduces
                         ? rows->stage == 1
                         : info->stage == rows->stage && plan->first_phase[p] < phase->number;
        if (plan->buffer[p] != ROWS_NO_BUFFER && ready)
            site->values[member_id(rows, p)] = site_load(
                site, member(rows, p)->dtype, rows_buffer(rows, p), rows_buffer_offset(rows, site));
    }
}

static void take_column(Rows *rows, Site *site, uint32_t position) {
    NodeId id = member_id(rows, position);
    if (member(rows, position)->op == OP_SCATTER_ADD) {
        rows_scatter(rows, site, id, rows_output_of(rows, id));
        return;
    }
    DType dtype = member(rows, position)->dtype;
    LLVMValueRef buffer = rows_buffer(rows, position);
    Coordinate offset = rows_buffer_offset(rows, site);
    Partial sum = {.value = site_load(site, dtype, buffer, offset)};
    site_store(site, dtype, buffer, offset, reduce_take(site, id, sum).value);
}

/* The output is at the position that the first source says. */
void rows_scatter(Rows *rows, Site *site, NodeId id, LLVMValueRef output) {
    const Node *node = &rows->body->nodes[id];
    AxisId made = node->attributes.axes.at[0];
    Coordinate to = site_position(site, site_value(site, node->sources[0]), made);
    LLVMValueRef update = site_lanes(site, node->sources[1]);
    Site *there = site_moved(site, made, to);
    Coordinate offset = site_offset(there, &node->axes);
    LLVMValueRef sum = site_load(there, DTYPE_F32, output, offset);
    site_store(there, DTYPE_F32, output, offset,
               LLVMBuildFAdd(rows->emitter->builder, sum, update, ""));
}

static void store_output(Rows *rows, Site *site, uint32_t output) {
    NodeId id = rows->body->outputs[output].node;
    const Node *node = &rows->body->nodes[id];
    site_store(site, node->dtype, rows->outputs[output], site_offset(site, &node->axes),
               site_value(site, id));
}

static void phase_step(Rows *rows, Site *const *sites, uint32_t count, void *user) {
    Phase *phase = user;
    for (uint32_t i = 0; i < count; i++) {
        load_rows(rows, phase, sites[i]);
        for (uint32_t o = 0; o < phase->output_count; o++)
            site_value(sites[i], rows->body->outputs[phase->outputs[o]].node);
    }
    for (uint32_t i = 0; i < count; i++) {
        for (uint32_t r = 0; r < phase->reduction_count; r++) {
            const Accumulator *accumulator = &phase->reductions[r];
            Partial partial = load_partial(rows, accumulator, i);
            store_partial(rows, accumulator, i,
                          reduce_take(sites[i], member_id(rows, accumulator->position), partial));
        }
        for (uint32_t s = 0; s < phase->saved_count; s++)
            site_store(sites[i], member(rows, phase->saved[s])->dtype,
                       rows_buffer(rows, phase->saved[s]), rows_buffer_offset(rows, sites[i]),
                       site_lanes(sites[i], member_id(rows, phase->saved[s])));
    }
    for (uint32_t i = 0; i < count; i++) {
        for (uint32_t o = 0; o < phase->output_count; o++)
            store_output(rows, sites[i], phase->outputs[o]);
        for (uint32_t c = 0; c < phase->column_count; c++)
            take_column(rows, sites[i], phase->columns[c]);
    }
}

void rows_emit_phase(Rows *rows, uint32_t number) {
    Phase phase = {.number = number, .unroll = choose_unroll(rows)};
    collect_members(rows, &phase);
    collect_outputs(rows, &phase);
    for (uint32_t r = 0; r < phase.reduction_count; r++)
        open_reduction(rows, &phase.reductions[r], phase.unroll);
    rows_over_row(rows, phase.unroll, phase_step, &phase);
    for (uint32_t r = 0; r < phase.reduction_count; r++)
        close_reduction(rows, &phase.reductions[r], phase.unroll);
}
