#include "kernel_harness.h"

#include "ir/interpret.h"
#include "passes/emit/object.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <xxhash.h>

enum { ALIGNMENT = 64, MARGIN = 256, FILL = 0xff /* four of them are a NaN */ };

uint64_t harness_random(uint64_t *state) {
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static bool memory_open(HarnessMemory *memory, size_t size) {
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t rounded = (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    size_t usable = (rounded + MARGIN + page - 1) / page * page;
    *memory = (HarnessMemory){.mapped = usable + page, .size = size};
    void *mapping =
        mmap(NULL, memory->mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (mapping == MAP_FAILED)
        return false;
    memory->mapping = mapping;
    memory->bytes = memory->mapping + usable - rounded;
    memset(memory->mapping, FILL, usable);
    return mprotect(memory->mapping + usable, page, PROT_NONE) == 0;
}

/* What lies before the bytes and between them and the page after is as it was. */
static bool memory_intact(const HarnessMemory *memory) {
    for (int i = 1; i <= MARGIN; i++)
        if ((unsigned char)memory->bytes[-i] != FILL)
            return false;
    size_t rounded = (memory->size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    for (size_t i = memory->size; i < rounded; i++)
        if ((unsigned char)memory->bytes[i] != FILL)
            return false;
    return true;
}

static void memory_close(HarnessMemory *memory) {
    if (memory->mapping)
        munmap(memory->mapping, memory->mapped);
    memory->mapping = NULL;
}

/* --- operands --- */

static const Node *operand_node(const Harness *harness, uint32_t operand) {
    NodeId id = operand < harness->input_count
                    ? kernel_input(harness->body, operand)
                    : harness->body->outputs[operand - harness->input_count].node;
    return graph_node(harness->body, id);
}

/* Of a value that bf16 has. */
static uint16_t bf16_bits(double value) {
    float single = (float)value;
    uint32_t bits;
    memcpy(&bits, &single, sizeof bits);
    return (uint16_t)(bits >> 16);
}

static double bf16_value(uint16_t bits) {
    uint32_t wide = (uint32_t)bits << 16;
    float value;
    memcpy(&value, &wide, sizeof value);
    return (double)value;
}

/* What the type keeps of a value; of bf16 its first 8 bits (worked out as a number: through the
 * bits of a float GCC 14 took the float itself). */
static double element_kept(DType dtype, double value) {
    int exponent;
    switch (dtype) {
    case DTYPE_F32:
        return (double)(float)value;
    case DTYPE_BF16:
        value = frexp(value, &exponent);
        return ldexp(trunc(value * 256) / 256, exponent);
    default:
        return value;
    }
}

static void element_set(char *bytes, DType dtype, int64_t at, double value) {
    if (dtype == DTYPE_F32)
        ((float *)bytes)[at] = (float)value;
    else if (dtype == DTYPE_BF16)
        ((uint16_t *)bytes)[at] = bf16_bits(value);
    else if (dtype == DTYPE_I32)
        ((int32_t *)bytes)[at] = (int32_t)value;
    else
        ((uint8_t *)bytes)[at] = (uint8_t)value;
}

static double element_get(const char *bytes, DType dtype, int64_t at) {
    if (dtype == DTYPE_F32)
        return (double)((const float *)bytes)[at];
    if (dtype == DTYPE_BF16)
        return bf16_value(((const uint16_t *)bytes)[at]);
    return dtype == DTYPE_I32 ? ((const int32_t *)bytes)[at] : ((const uint8_t *)bytes)[at];
}

void harness_set(Harness *harness, uint32_t input, int64_t element, double value) {
    DType dtype = operand_node(harness, input)->dtype;
    harness->inputs[input][element] = element_kept(dtype, value);
    element_set(harness->operands[input].bytes, dtype, element, value);
}

static double draw(DType dtype, uint64_t *state) {
    uint64_t bits = harness_random(state);
    if (dtype == DTYPE_F32 || dtype == DTYPE_BF16)
        return element_kept(dtype, (double)(int64_t)(bits >> 40) * 0x1p-23 - 1);
    return dtype == DTYPE_I32 ? (double)(bits % 7) : (double)(bits & 1);
}

static bool open_operand(Harness *harness, uint32_t operand, uint64_t *state) {
    const Node *node = operand_node(harness, operand);
    int64_t elements = graph_elements(harness->body, node);
    HarnessMemory *memory = &harness->operands[operand];
    if (!memory_open(memory, (size_t)elements * dtype_size(node->dtype)))
        return false;
    if (operand >= harness->input_count)
        return true;
    harness->inputs[operand] = calloc((size_t)elements, sizeof(double));
    for (int64_t i = 0; harness->inputs[operand] && i < elements; i++) {
        harness->inputs[operand][i] = draw(node->dtype, state);
        element_set(memory->bytes, node->dtype, i, harness->inputs[operand][i]);
    }
    return harness->inputs[operand];
}

/* --- compiling --- */

static bool complain(Harness *harness, const char *text) {
    snprintf(harness->error, sizeof harness->error, "%s", text);
    return false;
}

static bool load(Harness *harness, const Target *target) {
    static const ObjectOptions options = {.verify = true};
    static char symbol[] = "kernel_under_test";
    ObjectCode *object = calloc(1, sizeof *object);
    PlanKernel *kernel = calloc(1, sizeof *kernel);
    Plan *plan = calloc(1, sizeof *plan);
    harness->compiled = (CompiledModule){.plan = plan, .objects = object};
    if (!object || !kernel || !plan)
        return complain(harness, "no memory");
    *kernel = (PlanKernel){.symbol = symbol, .tiles = harness->shape.tiles};
    *plan = (Plan){.target = strdup(target->name), .kernel_count = 1, .kernels = kernel};
    return object_emit(target, harness->body, symbol, &options, &object->bytes, &object->size,
                       harness->error, sizeof harness->error);
}

static bool open_for(Harness *harness, const Function *body, const Target *target, uint64_t seed) {
    *harness = (Harness){.body = body, .input_count = kernel_input_count(body)};
    harness->operand_count = harness->input_count + body->output_count;
    if (harness->operand_count > HARNESS_MAX_OPERANDS)
        return complain(harness, "too many operands");
    bool good = true;
    for (uint32_t i = 0; good && i < harness->operand_count; i++)
        good = open_operand(harness, i, &seed);
    if (!good)
        return complain(harness, "no memory for the operands");
    kernel_measure(body, target, &harness->shape);
    return load(harness, target);
}

bool harness_takes(const char *target) {
    static int turn, narrow_turn;
    return target ? narrow_turn++ % HARNESS_NARROW_EVERY == 0 : turn++ % HARNESS_EVERY == 0;
}

bool harness_open_with(Harness *harness, const Function *body, const char *target_name,
                       const Choices *choices, uint64_t seed) {
    Target *target = calloc(1, sizeof *target);
    *harness = (Harness){0};
    bool good = target ? target_find(target_name, target, harness->error, sizeof harness->error)
                       : complain(harness, "no memory for the target");
    if (good && choices)
        target->choices = *choices;
    good = good && open_for(harness, body, target, seed);
    free(target);
    return good;
}

bool harness_open(Harness *harness, const Function *body, const char *target_name, uint64_t seed) {
    return harness_open_with(harness, body, target_name, NULL, seed);
}

void harness_close(Harness *harness) {
    jit_free(harness->jit);
    for (uint32_t i = 0; i < harness->operand_count && i < HARNESS_MAX_OPERANDS; i++) {
        memory_close(&harness->operands[i]);
        free(harness->inputs[i]);
    }
    if (harness->compiled.objects)
        free(harness->compiled.objects->bytes);
    free(harness->compiled.objects);
    if (harness->compiled.plan) {
        free(harness->compiled.plan->target);
        free(harness->compiled.plan->kernels);
    }
    free((void *)harness->compiled.plan);
}

/* --- running --- */

/* The keys of the body's random draws. */
static void list_keys(const Function *body, int64_t keys[HARNESS_MAX_OPERANDS]) {
    uint32_t count = 0;
    for (NodeId id = 0; id < body->node_count && count < HARNESS_MAX_OPERANDS; id++) {
        const Node *node = graph_node(body, id);
        if (node->op == OP_RANDOM || node->op == OP_RANDOM_NORMAL)
            keys[count++] = (int64_t)node->attributes.key;
    }
}

static bool run_groups(Harness *harness, KernelFunction code, int64_t group, char *scratch) {
    int64_t keys[HARNESS_MAX_OPERANDS] = {0};
    list_keys(harness->body, keys);
    char *operands[HARNESS_MAX_OPERANDS];
    for (uint32_t i = 0; i < harness->operand_count; i++) {
        operands[i] = harness->operands[i].bytes;
        if (i >= harness->input_count)
            memset(operands[i], FILL, harness->operands[i].size);
    }
    int64_t tiles = harness->shape.tiles;
    if (!group)
        group = tiles;
    int64_t groups = (tiles + group - 1) / group;
    for (int64_t g = groups; g-- > 0;) {
        int64_t first = g * group, last = first + group < tiles ? first + group : tiles;
        memset(scratch, FILL, (size_t)harness->shape.scratch_bytes);
        code(operands, keys, scratch, first, last);
    }
    for (uint32_t i = 0; i < harness->operand_count; i++)
        if (!memory_intact(&harness->operands[i]))
            return complain(harness, "memory outside an operand was written");
    return true;
}

Target harness_target(void) {
    Target target;
    char error[HARNESS_TEXT];
    if (!target_find(NULL, &target, error, sizeof error)) {
        fprintf(stderr, "%s\n", error);
        abort();
    }
    return target;
}

bool harness_run(Harness *harness, int64_t group) {
    CompileError error;
    if (!harness->jit)
        harness->jit = jit_load(&harness->compiled, &error);
    if (!harness->jit)
        return complain(harness, error.text);
    HarnessMemory scratch = {0};
    if (!memory_open(&scratch, (size_t)harness->shape.scratch_bytes))
        return complain(harness, "no memory for scratch");
    bool good = run_groups(harness, jit_kernels(harness->jit)[0], group, scratch.bytes);
    if (good && !memory_intact(&scratch))
        good = complain(harness, "memory outside the scratch was written");
    memory_close(&scratch);
    return good;
}

static double output_difference(const Harness *harness, uint32_t operand, const double *expected) {
    const Node *node = operand_node(harness, operand);
    double largest = 1, worst = 0;
    for (int64_t i = 0; i < graph_elements(harness->body, node); i++) {
        double value = element_get(harness->operands[operand].bytes, node->dtype, i);
        if (isfinite(expected[i]))
            largest = fmax(largest, fabs(expected[i]));
        double difference = value == expected[i] ? 0 : fabs(value - expected[i]);
        if (isnan(value) || isnan(expected[i]))
            difference = isnan(value) && isnan(expected[i]) ? 0 : (double)INFINITY;
        worst = fmax(worst, difference);
    }
    /* bf16 has 16 bits fewer: errors are counted in the last place of the type. */
    return worst / largest * (node->dtype == DTYPE_BF16 ? 0x1p-16 : 1);
}

double harness_difference(Harness *harness, Arena *arena) {
    InterpretBinding bindings[HARNESS_MAX_OPERANDS];
    for (uint32_t i = 0; i < harness->input_count; i++) {
        const Node *node = operand_node(harness, i);
        bindings[i] = (InterpretBinding){node->attributes.name, harness->inputs[i],
                                         graph_elements(harness->body, node)};
    }
    InterpretError error;
    double **expected = interpret(harness->body, bindings, harness->input_count, arena, &error);
    if (!expected) {
        complain(harness, error.text);
        return -1;
    }
    double worst = 0;
    for (uint32_t i = harness->input_count; i < harness->operand_count; i++)
        worst = fmax(worst, output_difference(harness, i, expected[i - harness->input_count]));
    return worst;
}

uint64_t harness_hash(const Harness *harness) {
    uint64_t hash = 0;
    for (uint32_t i = harness->input_count; i < harness->operand_count; i++)
        hash = XXH3_64bits_withSeed(harness->operands[i].bytes, harness->operands[i].size, hash);
    return hash;
}
