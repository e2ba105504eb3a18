/* One walk over the steps of each function, keeping for each buffer whether it holds its value. A
 * write to a place in the arena makes all other buffers that touch that place stale. */
#include "runtime/execution/plan_check.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

__attribute__((format(printf, 2, 3))) static bool fail(PlanError *error, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(error->text, sizeof error->text, format, arguments);
    va_end(arguments);
    return false;
}

static int64_t buffer_bytes(const PlanBuffer *buffer) {
    return buffer->elements * (int64_t)plan_type_size(buffer->type);
}

/* --- tables --- */

static int by_text(const void *left, const void *right) {
    return strcmp(*(char *const *)left, *(char *const *)right);
}

/* Whether the names at `first`, `stride` bytes apart, differ from each other. */
static bool names_unique(const void *first, uint32_t count, size_t stride, const char *what,
                         PlanError *error) {
    const char **names = calloc(count ? count : 1, sizeof *names);
    if (!names)
        return fail(error, "no memory to check the plan");
    for (uint32_t i = 0; i < count; i++)
        names[i] = *(char *const *)((const char *)first + i * stride);
    qsort(names, count, sizeof *names, by_text);
    bool unique = true;
    for (uint32_t i = 1; i < count && unique; i++)
        if (strcmp(names[i - 1], names[i]) == 0)
            unique = fail(error, "plan: the %s \"%.100s\" is given twice", what, names[i]);
    free(names);
    return unique;
}

static bool check_kernel(const PlanKernel *kernel, PlanError *error) {
    if (!kernel->symbol[0] || kernel->tiles < 1 || kernel->tiles > PLAN_MAX_TILES ||
        kernel->scratch_bytes < 0 || kernel->scratch_bytes > PLAN_MAX_BYTES ||
        kernel->output_count < 1 || kernel->output_count > kernel->operand_count)
        return fail(error, "plan: kernel \"%.100s\" is malformed", kernel->symbol);
    for (uint32_t i = 0; i < kernel->operand_count; i++)
        if (kernel->operands[i].elements < 0 || kernel->operands[i].elements > PLAN_MAX_BYTES)
            return fail(error, "plan: an operand of kernel \"%.100s\" is too large",
                        kernel->symbol);
    return !kernel->call || plan_check_call(kernel, error);
}

static bool check_donations(const PlanFunction *function, PlanError *error) {
    for (uint32_t i = 0; i < function->input_count; i++)
        if (function->inputs[i].donated != -1)
            return fail(error, "plan: an input of \"%.100s\" has a donor", function->name);
    for (uint32_t i = 0; i < function->output_count; i++) {
        const PlanBinding *output = &function->outputs[i];
        if (output->donated == -1)
            continue;
        if (output->donated < 0 || output->donated >= function->input_count ||
            function->inputs[output->donated].type != output->type ||
            function->inputs[output->donated].elements != output->elements)
            return fail(error, "plan: output \"%.100s\" cannot take the place of its donor",
                        output->name);
        for (uint32_t j = 0; j < i; j++)
            if (function->outputs[j].donated == output->donated)
                return fail(error, "plan: two outputs take the place of one input");
    }
    return true;
}

/* Each input and output is at most one buffer. */
static bool check_buffers(const PlanFunction *function, PlanError *error) {
    uint32_t bindings = function->input_count + function->output_count;
    bool *bound = calloc(bindings ? bindings : 1, sizeof *bound);
    if (!bound)
        return fail(error, "no memory to check the plan");
    bool valid = true;
    for (uint32_t i = 0; i < function->buffer_count && valid; i++) {
        const PlanBuffer *buffer = &function->buffers[i];
        if (plan_is_temporary(buffer->storage)) {
            const int64_t all =
                buffer->storage == PLAN_OWN ? function->own_bytes : function->arena_bytes;
            if (buffer->offset % PLAN_ALIGNMENT != 0 || buffer->offset > all ||
                buffer_bytes(buffer) > all - buffer->offset)
                valid = fail(error, "plan: buffer %u of \"%.100s\" is not in its arena", i,
                             function->name);
            continue;
        }
        uint32_t place = (uint32_t)buffer->binding +
                         (buffer->storage == PLAN_OUTPUT ? function->input_count : 0);
        if (bound[place])
            valid = fail(error, "plan: two buffers of \"%.100s\" have one binding", function->name);
        bound[place] = true;
    }
    free(bound);
    return valid;
}

/* --- steps --- */

typedef struct Walk {
    const Plan *plan;
    const PlanFunction *function;
    bool *valid; /* by buffer: it holds its value */
    PlanError *error;
} Walk;

/* Whether two buffers share memory, an output with its donor included. */
static bool overlap(const PlanFunction *function, uint32_t left, uint32_t right) {
    const PlanBuffer *a = &function->buffers[left], *b = &function->buffers[right];
    if (left == right)
        return true;
    if (a->storage == b->storage && plan_is_temporary(a->storage))
        return a->offset < b->offset + buffer_bytes(b) && b->offset < a->offset + buffer_bytes(a);
    if (a->storage == PLAN_OUTPUT && b->storage == PLAN_INPUT)
        return function->outputs[a->binding].donated == b->binding;
    return a->storage == PLAN_INPUT && b->storage == PLAN_OUTPUT &&
           function->outputs[b->binding].donated == a->binding;
}

static bool check_operands(const Walk *walk, const PlanStep *step) {
    const PlanFunction *function = walk->function;
    if (step->kernel >= walk->plan->kernel_count)
        return fail(walk->error, "plan: a step of \"%.100s\" has no kernel", function->name);
    const PlanKernel *kernel = &walk->plan->kernels[step->kernel];
    if (step->operand_count != kernel->operand_count ||
        step->immediate_count != kernel->immediate_count)
        return fail(walk->error, "plan: a step does not fit its kernel \"%.100s\"", kernel->symbol);
    for (uint32_t i = 0; i < step->operand_count; i++) {
        if (step->operands[i] >= function->buffer_count)
            return fail(walk->error, "plan: a step of \"%.100s\" has no such buffer",
                        function->name);
        const PlanBuffer *buffer = &function->buffers[step->operands[i]];
        if (buffer->type != kernel->operands[i].type ||
            buffer->elements != kernel->operands[i].elements)
            return fail(walk->error, "plan: operand %u of kernel \"%.100s\" is of another size", i,
                        kernel->symbol);
    }
    return true;
}

/* An output may lie on an input of its step only where that input was donated for it. */
static bool check_output(const Walk *walk, const PlanStep *step, uint32_t number) {
    const PlanFunction *function = walk->function;
    uint32_t output = step->operands[number];
    if (function->buffers[output].storage == PLAN_INPUT)
        return fail(walk->error, "plan: a step of \"%.100s\" writes an input", function->name);
    for (uint32_t i = 0; i < step->operand_count; i++) {
        uint32_t other = step->operands[i];
        if (i == number || !overlap(function, output, other))
            continue;
        if (function->buffers[other].storage != PLAN_INPUT)
            return fail(walk->error, "plan: a step of \"%.100s\" writes over its own operand",
                        function->name);
    }
    return true;
}

/* A step that each thread runs for itself writes nothing else. */
static bool check_own(const Walk *walk, const PlanStep *step) {
    const PlanKernel *kernel = &walk->plan->kernels[step->kernel];
    uint32_t own = 0;
    for (uint32_t i = step->operand_count - kernel->output_count; i < step->operand_count; i++)
        own += walk->function->buffers[step->operands[i]].storage == PLAN_OWN;
    if (own == 0 || (own == kernel->output_count && !kernel->call))
        return true;
    return fail(walk->error, "plan: kernel \"%.100s\" cannot be run by each thread for itself",
                kernel->symbol);
}

static bool check_step(Walk *walk, const PlanStep *step) {
    if (!check_operands(walk, step) || !check_own(walk, step))
        return false;
    const PlanFunction *function = walk->function;
    uint32_t inputs = step->operand_count - walk->plan->kernels[step->kernel].output_count;
    for (uint32_t i = 0; i < inputs; i++)
        if (!walk->valid[step->operands[i]])
            return fail(walk->error, "plan: a step of \"%.100s\" reads what is not there",
                        function->name);
    for (uint32_t i = inputs; i < step->operand_count; i++) {
        if (!check_output(walk, step, i))
            return false;
        for (uint32_t other = 0; other < function->buffer_count; other++)
            if (walk->valid[other] && overlap(function, step->operands[i], other))
                walk->valid[other] = false;
    }
    for (uint32_t i = inputs; i < step->operand_count; i++)
        walk->valid[step->operands[i]] = true;
    return true;
}

static bool check_outputs(const Walk *walk) {
    const PlanFunction *function = walk->function;
    uint32_t written = 0;
    for (uint32_t i = 0; i < function->buffer_count; i++)
        written += function->buffers[i].storage == PLAN_OUTPUT && walk->valid[i];
    return written == function->output_count ||
           fail(walk->error, "plan: an output of \"%.100s\" is never written", function->name);
}

static bool check_function(const Plan *plan, const PlanFunction *function, PlanError *error) {
    if (!names_unique(function->inputs, function->input_count, sizeof *function->inputs, "input",
                      error) ||
        !names_unique(function->outputs, function->output_count, sizeof *function->outputs,
                      "output", error) ||
        !check_donations(function, error) || !check_buffers(function, error))
        return false;
    Walk walk = {plan, function, calloc(function->buffer_count + 1, sizeof(bool)), error};
    if (!walk.valid)
        return fail(error, "no memory to check the plan");
    for (uint32_t i = 0; i < function->buffer_count; i++)
        walk.valid[i] = function->buffers[i].storage == PLAN_INPUT;
    bool valid = true;
    for (uint32_t i = 0; i < function->step_count && valid; i++)
        valid = check_step(&walk, &function->steps[i]);
    valid = valid && check_outputs(&walk);
    free(walk.valid);
    return valid;
}

/* names_unique reads the name at the start of each entry. */
_Static_assert(offsetof(PlanBinding, name) == 0, "a binding begins with its name");
_Static_assert(offsetof(PlanFunction, name) == 0, "a function begins with its name");
_Static_assert(offsetof(PlanKernel, symbol) == 0, "a kernel begins with its symbol");

bool plan_check(const Plan *plan, PlanError *error) {
    if (!names_unique(plan->kernels, plan->kernel_count, sizeof *plan->kernels, "kernel", error) ||
        !names_unique(plan->functions, plan->function_count, sizeof *plan->functions, "function",
                      error))
        return false;
    for (uint32_t i = 0; i < plan->kernel_count; i++)
        if (!check_kernel(&plan->kernels[i], error))
            return false;
    for (uint32_t i = 0; i < plan->function_count; i++)
        if (!check_function(plan, &plan->functions[i], error))
            return false;
    return true;
}
