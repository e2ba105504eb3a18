#include "runtime/training/buckets.h"

#include "runtime/training/adding.h"

#include <stdlib.h>

/* A message should be long enough to be worth its latency, and there should be some of them for
 * the first to be under way early. */
enum { FEWEST_FLOATS = 1 << 16, MOST_FLOATS = 1 << 19, USUAL_COUNT = 16 };

typedef struct Output {
    uint32_t number;
    uint32_t ready[2];
    uint32_t order; /* by which they are sorted: that of what most chunks are run by */
} Output;

/* --- when outputs are ready --- */

static uint32_t last_use(const PlanFunction *function, uint32_t output) {
    for (uint32_t i = function->step_count; i > 0; i--)
        for (uint32_t k = 0; k < function->steps[i - 1].operand_count; k++) {
            const PlanBuffer *buffer = &function->buffers[function->steps[i - 1].operands[k]];
            if (buffer->storage == PLAN_OUTPUT && buffer->binding == output)
                return i;
        }
    return function->step_count;
}

static int output_order(const void *a, const void *b) {
    const Output *left = a, *right = b;
    if (left->order != right->order)
        return left->order < right->order ? -1 : 1;
    return (left->number > right->number) - (left->number < right->number);
}

/* All outputs in the order in which they are ready; malloc'ed. */
static Output *outputs_sorted(const PlanFunction *grad, const PlanFunction *adding) {
    Output *outputs = calloc(grad->output_count + 1, sizeof *outputs);
    for (uint32_t i = 0; i < grad->output_count && outputs; i++) {
        const uint32_t first = last_use(grad, i);
        const bool beside = adding && !adding_is_in_place(adding, i);
        const uint32_t added = !adding ? first : beside ? adding->step_count : last_use(adding, i);
        outputs[i] = (Output){i, {first, added}, added};
    }
    if (outputs)
        qsort(outputs, grad->output_count, sizeof *outputs, output_order);
    return outputs;
}

/* --- buckets --- */

static int64_t usual_floats(const PlanFunction *grad) {
    int64_t floats = 0;
    for (uint32_t i = 0; i < grad->output_count; i++)
        floats += grad->outputs[i].elements;
    floats /= USUAL_COUNT;
    floats = floats > FEWEST_FLOATS ? floats : FEWEST_FLOATS;
    return floats < MOST_FLOATS ? floats : MOST_FLOATS;
}

static uint32_t larger_of(uint32_t a, uint32_t b) { return a > b ? a : b; }

/* Adds a stretch to the last bucket, or to a new one where that is full. Returns its length. */
static int64_t put(Buckets *buckets, const Output *output, BucketPiece piece, int64_t usual) {
    static const Bucket none;
    Bucket *last = buckets->count ? &buckets->all[buckets->count - 1] : NULL;
    const Bucket *before = last ? last : &none;
    if (!last || last->floats == usual) {
        last = &buckets->all[buckets->count++];
        *last = (Bucket){.first_piece = before->first_piece + before->piece_count,
                         .ready = {before->ready[0], before->ready[1]}};
    }
    piece.count = piece.count < usual - last->floats ? piece.count : usual - last->floats;
    buckets->pieces[last->first_piece + last->piece_count++] = piece;
    last->floats += piece.count;
    for (int which = 0; which < 2; which++)
        last->ready[which] = larger_of(last->ready[which], output->ready[which]);
    return piece.count;
}

static void fill(Buckets *buckets, const PlanFunction *grad, const Output *outputs,
                 const int64_t *offsets, int64_t usual) {
    for (uint32_t i = 0; i < grad->output_count; i++) {
        BucketPiece rest = {offsets[outputs[i].number] / (int64_t)sizeof(float),
                            grad->outputs[outputs[i].number].elements};
        while (rest.count > 0) {
            const int64_t put_here = put(buckets, &outputs[i], rest, usual);
            rest.first += put_here;
            rest.count -= put_here;
        }
    }
    for (int i = 0; i < buckets->count; i++)
        if (buckets->all[i].floats > buckets->most_floats)
            buckets->most_floats = buckets->all[i].floats;
}

bool buckets_create(Buckets *buckets, const PlanFunction *grad, const PlanFunction *adding,
                    const int64_t *offsets, RunError *error) {
    const int64_t usual = usual_floats(grad);
    int64_t most = 1;
    for (uint32_t i = 0; i < grad->output_count; i++)
        most += grad->outputs[i].elements / usual + 1; /* pieces, and so buckets */
    *buckets = (Buckets){.all = calloc((size_t)most * 2, sizeof *buckets->all),
                         .pieces = calloc((size_t)most * 2, sizeof *buckets->pieces)};
    Output *outputs = outputs_sorted(grad, adding);
    const bool made = buckets->all && buckets->pieces && outputs;
    if (made)
        fill(buckets, grad, outputs, offsets, usual);
    free(outputs);
    return made || run_no_memory(error, "the gradients' order");
}

void buckets_free(Buckets *buckets) {
    free(buckets->all);
    free(buckets->pieces);
    *buckets = (Buckets){0};
}
