#include "passes/emit/attention_body.h"

#include "passes/emit/attention_range.h"

#include <math.h>
#include <stdlib.h>

enum { FLOAT_BYTES = 4 };

/* Its inputs but the score are extras of the attention: "x3" is number 3. */
AttentionBody attention_body(const AttentionKernel *kernel) {
    Emitter *e = kernel->emitter;
    const AttentionShape *s = &kernel->shape;
    const Function *body = s->node->attributes.body;
    const uint32_t count = kernel_input_count(body);
    AttentionBody made = {.kernel = kernel, .body = body};
    LLVMValueRef *operands = arena_array(e->arena, count, sizeof *operands);
    made.numbers = arena_array(e->arena, body->node_count, sizeof *made.numbers);
    for (uint32_t i = 0; i < count; i++) {
        const NodeId id = kernel_input(body, i);
        const Node *input = graph_node(body, id);
        if (id == function_find_binding(body, "score"))
            continue;
        const uint32_t extra = (uint32_t)strtoul(input->attributes.name + 1, NULL, 10);
        const NodeId source = s->node->sources[s->first_extra + extra];
        operands[i] = kernel->frame.operands[kernel_input_number(s->body, source)];
        if (input->dtype == DTYPE_I32 && input->axes.count == 0)
            made.numbers[id] = LLVMBuildSExt(
                e->builder, emit_load(e, e->i32, operands[i], FLOAT_BYTES), e->i64, "number");
    }
    made.evaluator = evaluator_create(e, body, operands, NULL);
    return made;
}

static void place_axes(const AttentionBody *body, Site *site, const Axes *axes,
                       LLVMValueRef index) {
    Emitter *e = body->kernel->emitter;
    for (int i = axes->count; i-- > 0;) {
        const Axis *axis = graph_axis(body->kernel->shape.body, axes->at[i]);
        const AxisId inner = function_find_axis(body->body, axis->name);
        if (inner != AXIS_NONE)
            site->at[inner] =
                (Coordinate){COORDINATE_SAME, i ? emit_mod_const(e, index, axis->extent) : index};
        index = emit_div_const(e, index, axis->extent);
    }
}

LLVMValueRef attention_body_value(const AttentionBody *body, LLVMValueRef batch, LLVMValueRef row,
                                  LLVMValueRef key, LLVMValueRef scores, LLVMValueRef mask) {
    Emitter *e = body->kernel->emitter;
    const AttentionShape *s = &body->kernel->shape;
    Site *site = site_create(&body->evaluator, NULL, s->lanes);
    site->mask = mask;
    place_axes(body, site, &s->batch_axes, batch);
    place_axes(body, site, &s->row_axes, row);
    const AxisId keys =
        function_find_axis(body->body, graph_axis(s->body, s->key_axes.at[0])->name);
    if (keys != AXIS_NONE)
        site->at[keys] = (Coordinate){COORDINATE_RAMP, key};
    const NodeId score = function_find_binding(body->body, "score");
    if (score != NODE_NONE)
        site->values[score] = scores;
    LLVMValueRef value = site_lanes(site, body->body->outputs[0].node);
    return LLVMBuildSelect(e->builder, mask, value, emit_f32_lanes(e, (double)-INFINITY, s->lanes),
                           "");
}

AttentionKeys attention_body_keys(const AttentionBody *body, LLVMValueRef batch, LLVMValueRef row,
                                  int64_t rows) {
    Emitter *e = body->kernel->emitter;
    const AttentionShape *s = &body->kernel->shape;
    const ScoreArea area = {
        batch, row, emit_i64(e, rows), emit_i64(e, 0), emit_i64(e, s->padded_keys), body->numbers};
    ScoreRange panels = emit_unmasked_range(e, s, &area, SIDE_KEYS, s->key_panel);
    ScoreRange close = emit_close_range(e, s, &area, SIDE_KEYS, s->key_panel, &panels);
    LLVMValueRef last = emit_min_i64(e, close.last, emit_i64(e, s->keys));
    return (AttentionKeys){close.first, emit_max_i64(e, close.first, last)};
}
