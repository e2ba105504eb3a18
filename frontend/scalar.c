/* Instructions are interned in a hash table as they are added (hash consing), so instruction
 * numbers can stand for values. Folding of what IEEE arithmetic rounds correctly is done here; exp,
 * log and their like are left to schedule_evaluate, which has the project's own and gives the same
 * bits on every machine. */
#include "frontend/scalar.h"

#include <math.h>
#include <string.h>

struct ScalarProgram {
    Arena *arena;
    ScalarInstruction *at;
    const char **labels; /* by instruction; NULL: none */
    uint32_t count, capacity;
    uint32_t *slots; /* open addressing: instruction + 1, or 0 */
    uint32_t slot_count;
    ScalarId *outputs;
    uint32_t output_count, output_capacity;
};

ScalarProgram *scalar_create(Arena *arena) {
    ScalarProgram *program = arena_alloc(arena, sizeof *program);
    program->arena = arena;
    program->slot_count = 64;
    program->slots = arena_array(arena, program->slot_count, sizeof(uint32_t));
    return program;
}

/* --- interning --- */

static uint64_t value_bits(double value) {
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static uint64_t mix(uint64_t hash, uint64_t word) {
    hash = (hash ^ word) * UINT64_C(0x9E3779B97F4A7C15);
    return hash ^ hash >> 29;
}

static uint64_t instruction_hash(const ScalarInstruction *i) {
    return mix(mix(mix(mix(mix(1, i->op), i->a), i->b), i->c), value_bits(i->value));
}

static bool instruction_equal(const ScalarInstruction *x, const ScalarInstruction *y) {
    return x->op == y->op && x->a == y->a && x->b == y->b && x->c == y->c &&
           value_bits(x->value) == value_bits(y->value);
}

/* The slot that holds an equal instruction, or the empty one where it belongs. */
static uint32_t *find_slot(const ScalarProgram *program, const ScalarInstruction *instruction) {
    uint32_t mask = program->slot_count - 1;
    uint32_t at = (uint32_t)instruction_hash(instruction) & mask;
    while (program->slots[at] &&
           !instruction_equal(&program->at[program->slots[at] - 1], instruction))
        at = (at + 1) & mask;
    return &program->slots[at];
}

static void grow_slots(ScalarProgram *program) {
    program->slot_count *= 2;
    program->slots = arena_array(program->arena, program->slot_count, sizeof(uint32_t));
    for (uint32_t i = 0; i < program->count; i++)
        *find_slot(program, &program->at[i]) = i + 1;
}

static ScalarId intern(ScalarProgram *program, ScalarInstruction instruction) {
    uint32_t *slot = find_slot(program, &instruction);
    if (*slot)
        return *slot - 1;
    if (program->count == program->capacity) {
        uint32_t larger = program->capacity ? program->capacity * 2 : 32;
        program->at = arena_grow(program->arena, program->at, program->count * sizeof *program->at,
                                 larger * sizeof *program->at);
        program->labels =
            arena_grow(program->arena, program->labels, program->count * sizeof *program->labels,
                       larger * sizeof *program->labels);
        program->capacity = larger;
    }
    program->at[program->count++] = instruction;
    *slot = program->count;
    if (program->count * 2 > program->slot_count)
        grow_slots(program);
    return program->count - 1;
}

ScalarId scalar_constant(ScalarProgram *program, double value) {
    return intern(program, (ScalarInstruction){.op = SCALAR_CONST, .value = value});
}

bool scalar_is_constant(const ScalarProgram *program, ScalarId id, double *value) {
    if (program->at[id].op != SCALAR_CONST)
        return false;
    *value = program->at[id].value;
    return true;
}

/* --- folding --- */

static uint32_t operand_count(ScalarOp op) {
    switch (op) {
    case SCALAR_CONST:
    case SCALAR_STEP:
        return 0;
    case SCALAR_SELECT:
        return 3;
    default:
        return op < SCALAR_ADD ? 1 : 2;
    }
}

/* What rounding is defined for: the same bits with any compiler and library. */
static bool fold_exactly(ScalarOp op, double a, double b, double c, double *result) {
    switch (op) {
    case SCALAR_NEGATE:
        *result = -a;
        return true;
    case SCALAR_ABS:
        *result = fabs(a);
        return true;
    case SCALAR_SQRT:
        *result = sqrt(a);
        return true;
    case SCALAR_FLOOR:
        *result = floor(a);
        return true;
    case SCALAR_NOT:
        *result = a == 0;
        return true;
    case SCALAR_ADD:
        *result = a + b;
        return true;
    case SCALAR_SUB:
        *result = a - b;
        return true;
    case SCALAR_MUL:
        *result = a * b;
        return true;
    case SCALAR_DIV:
        *result = a / b;
        return true;
    case SCALAR_MIN:
        *result = a < b || a != a ? a : b;
        return true;
    case SCALAR_MAX:
        *result = a > b || a != a ? a : b;
        return true;
    case SCALAR_LESS:
        *result = a < b;
        return true;
    case SCALAR_LESS_EQUAL:
        *result = a <= b;
        return true;
    case SCALAR_EQUAL:
        *result = a == b;
        return true;
    case SCALAR_AND:
        *result = a != 0 && b != 0;
        return true;
    case SCALAR_OR:
        *result = a != 0 || b != 0;
        return true;
    case SCALAR_SELECT:
        *result = a != 0 ? b : c;
        return true;
    default:
        return false;
    }
}

/* One instruction through the runtime's evaluator; false when there was no memory for it. */
static bool fold_by_evaluation(ScalarOp op, double a, double b, double *result) {
    ScalarInstruction code[] = {
        {.op = SCALAR_CONST, .value = a},
        {.op = SCALAR_CONST, .value = b},
        {.op = op, .a = 0, .b = 1},
    };
    uint32_t output = 2;
    const Schedule schedule = {
        .count = 3, .output_count = 1, .instructions = code, .outputs = &output};
    return schedule_evaluate(&schedule, 1, result) == 0;
}

ScalarId scalar_apply(ScalarProgram *program, ScalarOp op, ScalarId a, ScalarId b, ScalarId c) {
    uint32_t operands = operand_count(op);
    ScalarInstruction instruction = {
        .op = op, .a = operands > 0 ? a : 0, .b = operands > 1 ? b : 0, .c = operands > 2 ? c : 0};
    double x, y = 0, z = 0, result;
    if (operands > 0 && scalar_is_constant(program, a, &x) &&
        (operands < 2 || scalar_is_constant(program, b, &y)) &&
        (operands < 3 || scalar_is_constant(program, c, &z)) &&
        (fold_exactly(op, x, y, z, &result) || fold_by_evaluation(op, x, y, &result)))
        return scalar_constant(program, result);
    if (op == SCALAR_SELECT && scalar_is_constant(program, a, &x))
        return x != 0 ? b : c;
    return intern(program, instruction);
}

/* --- outputs --- */

void scalar_label(ScalarProgram *program, ScalarId id, const char *text, bool name) {
    if (name || !program->labels[id])
        program->labels[id] = text;
}

bool scalar_has_label(const ScalarProgram *program, ScalarId id) {
    return program->labels[id] != NULL;
}

uint32_t scalar_output(ScalarProgram *program, ScalarId id) {
    for (uint32_t i = 0; i < program->output_count; i++)
        if (program->outputs[i] == id)
            return i;
    if (program->output_count == program->output_capacity) {
        uint32_t larger = program->output_capacity ? program->output_capacity * 2 : 8;
        program->outputs = arena_grow(program->arena, program->outputs,
                                      program->output_count * sizeof *program->outputs,
                                      larger * sizeof *program->outputs);
        program->output_capacity = larger;
    }
    program->outputs[program->output_count] = id;
    return program->output_count++;
}

/* Marks what the outputs need. Operands come before their users, so one sweep backwards does. */
static bool *mark_needed(const ScalarProgram *program, Arena *arena) {
    bool *needed = arena_array(arena, program->count, sizeof(bool));
    for (uint32_t i = 0; i < program->output_count; i++)
        needed[program->outputs[i]] = true;
    for (uint32_t i = program->count; i-- > 0;) {
        const ScalarInstruction *instruction = &program->at[i];
        uint32_t operands = operand_count(instruction->op);
        const uint32_t sources[] = {instruction->a, instruction->b, instruction->c};
        for (uint32_t k = 0; needed[i] && k < operands; k++)
            needed[sources[k]] = true;
    }
    return needed;
}

Schedule scalar_schedule(const ScalarProgram *program, Arena *arena) {
    const bool *needed = mark_needed(program, arena);
    uint32_t *place = arena_array(arena, program->count, sizeof(uint32_t));
    Schedule schedule = {
        .output_count = program->output_count,
        .instructions = arena_array(arena, program->count, sizeof(ScalarInstruction)),
        .outputs = arena_array(arena, program->output_count, sizeof(uint32_t)),
        .names = arena_array(arena, program->output_count, sizeof(char *)),
    };
    for (uint32_t i = 0; i < program->count; i++) {
        if (!needed[i])
            continue;
        ScalarInstruction instruction = program->at[i];
        uint32_t operands = operand_count(instruction.op);
        instruction.a = operands > 0 ? place[instruction.a] : 0;
        instruction.b = operands > 1 ? place[instruction.b] : 0;
        instruction.c = operands > 2 ? place[instruction.c] : 0;
        place[i] = schedule.count;
        schedule.instructions[schedule.count++] = instruction;
    }
    for (uint32_t i = 0; i < program->output_count; i++) {
        const char *label = program->labels[program->outputs[i]];
        schedule.outputs[i] = place[program->outputs[i]];
        if (label)
            schedule.names[i] = arena_string(arena, label, strlen(label));
    }
    return schedule;
}
