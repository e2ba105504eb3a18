/* A step waits where it touches memory that a step since the last wait writes, or writes what such
 * a step reads: what counts is where buffers lie, as the arena's places are used again and again.
 * What threads have of their own is nobody's to wait for.
 * The gradients of a layer's weights wait for nobody, nor does any step of an update. */
#include "runtime/execution/waits.h"

#include <stdlib.h>

/* Memory that a step touches: bytes of the arena, or an input or output as a whole. */
typedef struct Span {
    PlanStorage storage;
    int64_t first, last; /* exclusive */
    bool written;
} Span;

static Span span_of(const PlanFunction *function, uint32_t number, bool written) {
    const PlanBuffer *buffer = &function->buffers[number];
    if (buffer->storage == PLAN_ARENA)
        return (Span){PLAN_ARENA, buffer->offset,
                      buffer->offset + buffer->elements * (int64_t)plan_type_size(buffer->type),
                      written};
    if (buffer->storage == PLAN_OWN)
        return (Span){.storage = PLAN_OWN};
    int64_t binding = buffer->binding;
    PlanStorage storage = buffer->storage;
    if (storage == PLAN_OUTPUT && function->outputs[binding].donated >= 0) {
        storage = PLAN_INPUT;
        binding = function->outputs[binding].donated;
    }
    return (Span){storage, binding, binding + 1, written};
}

static bool conflicts(const Span *a, const Span *b) {
    return (a->written || b->written) && a->storage == b->storage && a->first < b->last &&
           b->first < a->last;
}

static bool conflicts_with_any(const Span *span, const Span *others, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (conflicts(span, &others[i]))
            return true;
    return false;
}

bool *waits_find(const Plan *plan, const PlanFunction *function) {
    size_t operands = 0, open = 0; /* spans since the last wait */
    for (uint32_t i = 0; i < function->step_count; i++)
        operands += function->steps[i].operand_count;
    bool *waits = calloc(function->step_count + 1, sizeof *waits);
    Span *spans = calloc(operands + 1, sizeof *spans);
    for (uint32_t i = 0; i < function->step_count && waits && spans; i++) {
        const PlanStep *step = &function->steps[i];
        uint32_t inputs = step->operand_count - plan->kernels[step->kernel].output_count;
        Span *own = spans + open;
        for (uint32_t k = 0; k < step->operand_count; k++)
            own[k] = span_of(function, step->operands[k], k >= inputs);
        for (uint32_t k = 0; k < step->operand_count && !waits[i]; k++)
            waits[i] = conflicts_with_any(&own[k], spans, open);
        if (waits[i]) {
            for (uint32_t k = 0; k < step->operand_count; k++)
                spans[k] = own[k];
            open = 0;
        }
        open += step->operand_count;
    }
    if (!spans) {
        free(waits);
        waits = NULL;
    }
    free(spans);
    return waits;
}
