/* Rows are cut where no reduction runs along them and no output lacks them; then also a kernel
 * without kept axes has tiles. A tile is to have 2^14 elements or more, and there are at most 64.
 */
#include "passes/emit/rows_plan.h"

#include <assert.h>

enum {
    TILE_ELEMENTS = 1 << 14,
    MAX_TILES = 64,
    PIECE_MULTIPLE = 64,    /* every target's vectors, unrolled, and whole cache lines */
    PIECE_ELEMENTS = 8192,  /* of a row without column reductions */
    COLUMN_ELEMENTS = 2048, /* of one with: its accumulators stay in the L1 cache */
    SCRATCH_ALIGNMENT = 64,
};

static int64_t divide_up(int64_t a, int64_t b) { return (a + b - 1) / b; }

static int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }

static int64_t larger(int64_t a, int64_t b) { return a > b ? a : b; }

static int64_t align(int64_t bytes) {
    return divide_up(bytes, SCRATCH_ALIGNMENT) * SCRATCH_ALIGNMENT;
}

static const Node *member(const RowsPlan *plan, uint32_t position) {
    return &plan->body->nodes[plan->view.members[position]];
}

uint32_t rows_stage(const RowsPlan *plan, uint32_t position) {
    const NestNode *node = &plan->nest.nodes[position];
    return node->column ? 0 : node->stage;
}

void rows_output_phase(const RowsPlan *plan, NodeId output, uint32_t *stage, uint32_t *phase) {
    uint32_t position = plan->view.position[output];
    *stage = *phase = 0;
    if (position == NEST_OPERAND)
        return;
    const NestNode *node = &plan->nest.nodes[position];
    *stage = node->stage;
    *phase = node->column ? 0 : node->level;
}

/* --- cutting --- */

static bool can_cut(const RowsPlan *plan) {
    const Nest *nest = &plan->nest;
    if (!nest->row || nest->row & (nest->row - 1))
        return false;
    for (uint32_t p = 0; p < plan->view.member_count; p++)
        if (nest->nodes[p].over & nest->row)
            return false;
    for (uint32_t i = 0; i < plan->view.output_count; i++)
        if (!(nest_set(nest, &plan->body->nodes[plan->view.outputs[i]].axes) & nest->row))
            return false;
    return true;
}

static void cut(RowsPlan *plan) {
    const Nest *nest = &plan->nest;
    int64_t rounds = nest_extent(nest, nest->kept);
    int64_t elements = nest_extent(nest, nest->kept | nest->reduced | nest->row);
    int64_t wanted = larger(1, smaller(MAX_TILES, elements / TILE_ELEMENTS));
    plan->row = plan->piece = nest_extent(nest, nest->row);
    plan->pieces = 1;
    if (can_cut(plan)) {
        int64_t most = nest->reduced ? COLUMN_ELEMENTS : PIECE_ELEMENTS;
        int64_t pieces = larger(divide_up(plan->row, most), divide_up(wanted, rounds));
        pieces = larger(1, smaller(pieces, plan->row / PIECE_MULTIPLE));
        plan->piece = divide_up(divide_up(plan->row, pieces), PIECE_MULTIPLE) * PIECE_MULTIPLE;
        plan->pieces = divide_up(plan->row, plan->piece);
    }
    plan->units = rounds * plan->pieces;
    plan->units_per_tile = divide_up(plan->units, smaller(wanted, plan->units));
    plan->tiles = divide_up(plan->units, plan->units_per_tile);
}

/* --- phases --- */

double rows_op_cost(OpCode op) {
    switch (op) {
    case OP_EXP:
    case OP_LOG:
    case OP_TANH:
    case OP_SIGMOID:
        return 16;
    case OP_POW:
    case OP_SIN:
    case OP_COS:
        return 48;
    case OP_RANDOM:
    case OP_RANDOM_NORMAL:
        return 64;
    case OP_DIV:
    case OP_SQRT:
    case OP_RSQRT:
        return 4;
    case OP_CONTRACT:
        return 2;
    case OP_CONST:
    case OP_INDEX:
    case OP_STOP_GRADIENT:
    case OP_RENAME:
    case OP_SPLIT:
    case OP_COMPRESSED:
    case OP_TILED:
        return 0;
    default:
        return 1;
    }
}

enum { SAVED_COST = 16 };

/* Where a phase's computing is followed from its results back to operands. */
typedef struct Walk {
    RowsPlan *plan;
    uint32_t stage, phase;
    uint16_t *seen; /* by position: 1 + the phase in which the walk last came through */
    int64_t *end;   /* of the scratch memory */
} Walk;

static void save_row(Walk *walk, uint32_t position) {
    RowsPlan *plan = walk->plan;
    if (plan->buffer[position] != ROWS_NO_BUFFER)
        return;
    plan->buffer[position] = *walk->end;
    *walk->end += align(plan->piece * (int64_t)dtype_size(member(plan, position)->dtype));
}

static void walk_node(Walk *walk, NodeId id);

static void walk_sources(Walk *walk, const Node *node) {
    for (uint32_t i = 0; i < node->source_count; i++)
        walk_node(walk, node->sources[i]);
}

static void walk_node(Walk *walk, NodeId id) {
    RowsPlan *plan = walk->plan;
    uint32_t p = plan->view.position[id];
    if (p == NEST_OPERAND) {
        if (walk->stage == 0)
            plan->last_read[id] = (uint16_t)(walk->phase + 1);
        else
            plan->read_elsewhere[id] = true;
        return;
    }
    const NestNode *info = &plan->nest.nodes[p];
    if (info->reduces || walk->seen[p] == walk->phase + 1)
        return;
    bool again = walk->seen[p] != 0;
    if (!again)
        plan->first_phase[p] = (uint16_t)walk->phase;
    walk->seen[p] = (uint16_t)(walk->phase + 1);
    bool along = info->axes & plan->nest.row;
    if (again && along && info->placed && rows_op_cost(member(plan, p)->op) >= SAVED_COST)
        save_row(walk, p);
    else
        walk_sources(walk, member(plan, p));
}

static void walk_phase(Walk *walk) {
    RowsPlan *plan = walk->plan;
    for (uint32_t p = 0; p < plan->view.member_count; p++)
        if (plan->nest.nodes[p].reduces && rows_stage(plan, p) == walk->stage &&
            plan->nest.nodes[p].level == walk->phase)
            walk_sources(walk, member(plan, p));
    for (uint32_t i = 0; i < plan->view.output_count; i++) {
        uint32_t stage, phase;
        rows_output_phase(plan, plan->view.outputs[i], &stage, &phase);
        if (stage == walk->stage && phase == walk->phase)
            walk_node(walk, plan->view.outputs[i]);
    }
}

/* Levels go one beyond the phases: what is known after the last. */
static void walk_phases(RowsPlan *plan, Arena *arena, int64_t *end) {
    for (uint32_t stage = 0; stage < NEST_STAGES; stage++) {
        Walk walk = {.plan = plan, .stage = stage, .end = end};
        walk.seen = arena_array(arena, plan->view.member_count, sizeof *walk.seen);
        for (uint32_t phase = 0; phase <= plan->nest.phases[stage]; phase++) {
            walk.phase = phase;
            walk_phase(&walk);
        }
    }
}

/* What is read at moved coordinates, or for values that do not vary along the row. */
static void note_other_reads(RowsPlan *plan) {
    for (uint32_t p = 0; p < plan->view.member_count; p++) {
        const Node *node = member(plan, p);
        const NestNode *info = &plan->nest.nodes[p];
        bool moves = op_moved_axes(node).count > 0;
        for (uint32_t i = 0; i < node->source_count; i++)
            if (info->moved || moves ||
                !(info->axes & plan->nest.row || info->over & plan->nest.row))
                plan->read_elsewhere[node->sources[i]] = true;
    }
}

/* --- measures --- */

static void measure(RowsPlan *plan) {
    const Nest *nest = &plan->nest;
    for (uint32_t p = 0; p < plan->view.member_count; p++) {
        const NestNode *info = &nest->nodes[p];
        double rounds = (double)nest_extent(nest, (info->axes | info->over) &
                                                      (nest->kept | nest->reduced | nest->row));
        plan->flops += rounds * rows_op_cost(member(plan, p)->op);
    }
    for (NodeId id = 0; id < plan->body->node_count; id++) {
        const Node *node = &plan->body->nodes[id];
        if (node->op == OP_PARAM || node->op == OP_INPUT)
            plan->bytes +=
                (double)graph_elements(plan->body, node) * (double)dtype_size(node->dtype);
    }
    for (uint32_t i = 0; i < plan->view.output_count; i++) {
        const Node *node = &plan->body->nodes[plan->view.outputs[i]];
        plan->bytes += (double)graph_elements(plan->body, node) * (double)dtype_size(node->dtype);
    }
}

RowsPlan rows_plan(Arena *arena, const Function *body) {
    RowsPlan plan = {.body = body, .view = nest_body_view(arena, body)};
    uint32_t members = plan.view.member_count;
    plan.nest.nodes = arena_array(arena, members, sizeof *plan.nest.nodes);
    plan.buffer = arena_array(arena, members, sizeof *plan.buffer);
    plan.first_phase = arena_array(arena, members, sizeof *plan.first_phase);
    plan.last_read = arena_array(arena, body->node_count, sizeof *plan.last_read);
    plan.read_elsewhere = arena_array(arena, body->node_count, sizeof *plan.read_elsewhere);
    const char *fault = nest_build(&plan.view, &plan.nest);
    assert(!fault);
    (void)fault;
    cut(&plan);

    int64_t end = 0;
    for (uint32_t p = 0; p < members; p++) {
        const NestNode *info = &plan.nest.nodes[p];
        plan.buffer[p] = ROWS_NO_BUFFER;
        if (!info->column || !(info->axes & plan.nest.row) ||
            member(&plan, p)->op == OP_SCATTER_ADD)
            continue;
        plan.buffer[p] = end;
        end += align(plan.piece * (int64_t)dtype_size(member(&plan, p)->dtype));
    }
    walk_phases(&plan, arena, &end);
    note_other_reads(&plan);
    plan.scratch_bytes = end;
    measure(&plan);
    return plan;
}

bool rows_plan_in_place(const RowsPlan *plan, uint32_t input, uint32_t output) {
    const Function *body = plan->body;
    NodeId from = 0;
    for (uint32_t bound = 0;; from++) {
        bool operand = body->nodes[from].op == OP_PARAM || body->nodes[from].op == OP_INPUT;
        if (operand && bound++ == input)
            break;
    }
    NodeId to = body->outputs[output].node;
    const Node *a = &body->nodes[from], *b = &body->nodes[to];
    const Nest *nest = &plan->nest;
    AxisSet domain = nest->kept | nest->reduced | nest->row;
    uint32_t stage, phase;
    rows_output_phase(plan, to, &stage, &phase);
    return a->dtype == b->dtype && axes_equal(&a->axes, &b->axes) &&
           nest_set(nest, &a->axes) == domain && stage == 0 && !plan->read_elsewhere[from] &&
           plan->last_read[from] <= phase + 1;
}
