/* Values of ops over axes and along one. */
#include "ir/evaluate.h"
#include "ir/loop.h"

#include <math.h>
#include <string.h>

static void fill(double *values, int64_t count, double value) {
    for (int64_t i = 0; i < count; i++)
        values[i] = value;
}

static int64_t node_elements(const Evaluation *evaluation) {
    return graph_elements(evaluation->function, evaluation->node);
}

/* --- reductions: result and source are operands 0 and 1 --- */

static Loop reduction_loop(const Evaluation *evaluation) {
    const Node *node = evaluation->node;
    Loop loop = loop_over(evaluation->function, &node->axes, &node->attributes.axes);
    loop_operand(&loop, 0, &node->axes);
    loop_operand(&loop, 1, &evaluation_source(evaluation, 0)->axes);
    return loop;
}

void evaluate_sum(Evaluation *evaluation) {
    Loop loop = reduction_loop(evaluation);
    const bool wraps = evaluation->node->dtype == DTYPE_I32;
    double *result = evaluation->results[0];
    const double *a = evaluation_value(evaluation, 0);
    fill(result, node_elements(evaluation), 0);
    do {
        double sum = result[loop.offsets[0]];
        for (int64_t i = 0; i < loop.inner; i++)
            sum += a[loop.offsets[1] + i * loop.steps[1]];
        result[loop.offsets[0]] = wraps ? (double)(int32_t)(uint32_t)(int64_t)sum : sum;
    } while (loop_next(&loop));
}

void evaluate_reduce_max(Evaluation *evaluation) {
    Loop loop = reduction_loop(evaluation);
    double *result = evaluation->results[0];
    const double *a = evaluation_value(evaluation, 0);
    fill(result, node_elements(evaluation), -INFINITY);
    do {
        for (int64_t i = 0; i < loop.inner; i++)
            result[loop.offsets[0]] =
                maximum_of(result[loop.offsets[0]], a[loop.offsets[1] + i * loop.steps[1]]);
    } while (loop_next(&loop));
}

void evaluate_argmax(Evaluation *evaluation) {
    Loop loop = reduction_loop(evaluation);
    const double *a = evaluation_value(evaluation, 0);
    do {
        int64_t best = 0;
        double largest = -INFINITY;
        for (int64_t i = 0; i < loop.inner; i++) {
            double value = a[loop.offsets[1] + i * loop.steps[1]];
            if (value > largest) {
                largest = value;
                best = i;
            }
        }
        evaluation->results[0][loop.offsets[0]] = (double)best;
    } while (loop_next(&loop));
}

void evaluate_contract(Evaluation *evaluation) {
    Loop loop = reduction_loop(evaluation);
    loop_operand(&loop, 2, &evaluation_source(evaluation, 1)->axes);
    double *result = evaluation->results[0];
    const double *a = evaluation_value(evaluation, 0), *b = evaluation_value(evaluation, 1);
    fill(result, node_elements(evaluation), 0);
    do {
        double sum = 0;
        for (int64_t i = 0; i < loop.inner; i++)
            sum += a[loop.offsets[1] + i * loop.steps[1]] * b[loop.offsets[2] + i * loop.steps[2]];
        result[loop.offsets[0]] += sum;
    } while (loop_next(&loop));
}

/* --- rows --- */

static double row_maximum(const double *row, int64_t count, int64_t step) {
    double largest = -INFINITY;
    for (int64_t i = 0; i < count; i++)
        largest = maximum_of(largest, row[i * step]);
    return largest;
}

/* Sum of e^(x - largest); 0 for a row that is all -inf. */
static double row_sum(const double *row, int64_t count, int64_t step, double largest) {
    double sum = 0;
    for (int64_t i = 0; i < count && largest != -INFINITY; i++)
        sum += exp(row[i * step] - largest);
    return sum;
}

void evaluate_softmax(Evaluation *evaluation) {
    const Node *node = evaluation->node;
    const Axes outer = axes_minus(&node->axes, &node->attributes.axes);
    Loop loop = loop_over(evaluation->function, &outer, &node->attributes.axes);
    loop_operand(&loop, 0, &node->axes);
    loop_operand(&loop, 1, &evaluation_source(evaluation, 0)->axes);
    do {
        const double *row = evaluation_value(evaluation, 0) + loop.offsets[1];
        double *result = evaluation->results[0] + loop.offsets[0];
        double largest = row_maximum(row, loop.inner, loop.steps[1]);
        double sum = row_sum(row, loop.inner, loop.steps[1], largest);
        for (int64_t i = 0; i < loop.inner; i++)
            result[i * loop.steps[0]] =
                largest == -INFINITY ? 0 : exp(row[i * loop.steps[1]] - largest) / sum;
    } while (loop_next(&loop));
}

static int64_t clamp_position(double position, int64_t extent) {
    return position < 0 ? 0 : position >= (double)extent ? extent - 1 : (int64_t)position;
}

void evaluate_cross_entropy(Evaluation *evaluation) {
    Loop loop = reduction_loop(evaluation);
    loop_operand(&loop, 2, &evaluation_source(evaluation, 1)->axes);
    const double *classes = evaluation_value(evaluation, 1);
    do {
        const double *row = evaluation_value(evaluation, 0) + loop.offsets[1];
        int64_t class = clamp_position(classes[loop.offsets[2]], loop.inner);
        double largest = row_maximum(row, loop.inner, loop.steps[1]);
        double sum = row_sum(row, loop.inner, loop.steps[1], largest);
        evaluation->results[0][loop.offsets[0]] = largest + log(sum) - row[class * loop.steps[1]];
    } while (loop_next(&loop));
}

/* --- moving along an axis --- */

void evaluate_gather(Evaluation *evaluation) {
    const Node *node = evaluation->node, *table = evaluation_source(evaluation, 0);
    const AxisId axis = node->attributes.axes.at[0];
    const int64_t extent = graph_axis(evaluation->function, axis)->extent;
    const int64_t stride = axes_stride(evaluation->function, &table->axes, axis);
    const double *a = evaluation_value(evaluation, 0), *positions = evaluation_value(evaluation, 1);
    Loop loop = loop_over(evaluation->function, &node->axes, &node->axes);
    loop_operand(&loop, 0, &node->axes);
    loop_operand(&loop, 1, &table->axes);
    loop_operand(&loop, 2, &evaluation_source(evaluation, 1)->axes);
    do {
        for (int64_t i = 0; i < loop.inner; i++) {
            int64_t place =
                clamp_position(positions[loop.offsets[2] + i * loop.steps[2]], extent) * stride;
            evaluation->results[0][loop.offsets[0] + i * loop.steps[0]] =
                a[place + loop.offsets[1] + i * loop.steps[1]];
        }
    } while (loop_next(&loop));
}

void evaluate_scatter_add(Evaluation *evaluation) {
    const Node *node = evaluation->node;
    const Node *positions = evaluation_source(evaluation, 0);
    const Node *updates = evaluation_source(evaluation, 1);
    const AxisId axis = node->attributes.axes.at[0];
    const int64_t extent = graph_axis(evaluation->function, axis)->extent;
    const int64_t stride = axes_stride(evaluation->function, &node->axes, axis);
    const double *a = evaluation_value(evaluation, 0), *b = evaluation_value(evaluation, 1);
    Loop loop = loop_over(evaluation->function, &positions->axes, &updates->axes);
    loop_operand(&loop, 0, &node->axes);
    loop_operand(&loop, 1, &positions->axes);
    loop_operand(&loop, 2, &updates->axes);
    fill(evaluation->results[0], node_elements(evaluation), 0);
    do {
        for (int64_t i = 0; i < loop.inner; i++) {
            int64_t place = clamp_position(a[loop.offsets[1] + i * loop.steps[1]], extent) * stride;
            evaluation->results[0][place + loop.offsets[0] + i * loop.steps[0]] +=
                b[loop.offsets[2] + i * loop.steps[2]];
        }
    } while (loop_next(&loop));
}

void evaluate_shift(Evaluation *evaluation) {
    const Node *node = evaluation->node, *moved = evaluation_source(evaluation, 0);
    const AxisId axis = node->attributes.axes.at[0];
    const int64_t extent = graph_axis(evaluation->function, axis)->extent;
    const int64_t stride = axes_stride(evaluation->function, &moved->axes, axis);
    const int64_t amount = node->attributes.amount;
    const double *a = evaluation_value(evaluation, 0), *b = evaluation_value(evaluation, 1);
    Loop loop = loop_over(evaluation->function, &node->axes, &node->axes);
    loop_operand(&loop, 0, &node->axes);
    loop_operand(&loop, 1, &moved->axes);
    loop_operand(&loop, 2, &evaluation_source(evaluation, 1)->axes);
    loop_coordinate(&loop, 3, axis);
    do {
        for (int64_t i = 0; i < loop.inner; i++) {
            int64_t to = loop.offsets[3] + i * loop.steps[3], from;
            bool inside = !__builtin_sub_overflow(to, amount, &from) && from >= 0 && from < extent;
            evaluation->results[0][loop.offsets[0] + i * loop.steps[0]] =
                inside ? a[loop.offsets[1] + i * loop.steps[1] - amount * stride]
                       : b[loop.offsets[2] + i * loop.steps[2]];
        }
    } while (loop_next(&loop));
}

void evaluate_update_slice(Evaluation *evaluation) {
    const Node *node = evaluation->node;
    const double position = evaluation_value(evaluation, 1)[0];
    const double *a = evaluation_value(evaluation, 0), *c = evaluation_value(evaluation, 2);
    Loop loop = loop_over(evaluation->function, &node->axes, &node->axes);
    loop_operand(&loop, 0, &node->axes);
    loop_operand(&loop, 1, &evaluation_source(evaluation, 0)->axes);
    loop_operand(&loop, 2, &evaluation_source(evaluation, 2)->axes);
    loop_coordinate(&loop, 3, node->attributes.axes.at[0]);
    do {
        for (int64_t i = 0; i < loop.inner; i++) {
            const int64_t at = loop.offsets[3] + i * loop.steps[3];
            evaluation->results[0][loop.offsets[0] + i * loop.steps[0]] =
                (double)at == position ? c[loop.offsets[2] + i * loop.steps[2]]
                                       : a[loop.offsets[1] + i * loop.steps[1]];
        }
    } while (loop_next(&loop));
}

void evaluate_rename(Evaluation *evaluation) {
    size_t count = (size_t)node_elements(evaluation);
    memcpy(evaluation->results[0], evaluation_value(evaluation, 0), count * sizeof(double));
}

void evaluate_split(Evaluation *evaluation) {
    const Node *node = evaluation->node, *source = evaluation_source(evaluation, 0);
    const AxisId *own = node->attributes.axes.at;
    const int64_t extent = graph_axis(evaluation->function, own[2])->extent;
    const int64_t stride = axes_stride(evaluation->function, &source->axes, own[0]);
    const double *a = evaluation_value(evaluation, 0);
    Loop loop = loop_over(evaluation->function, &node->axes, &node->axes);
    loop_operand(&loop, 0, &node->axes);
    loop_operand(&loop, 1, &source->axes);
    loop_coordinate(&loop, 2, own[1]);
    loop_coordinate(&loop, 3, own[2]);
    do {
        for (int64_t i = 0; i < loop.inner; i++) {
            const int64_t outer = loop.offsets[2] + i * loop.steps[2];
            const int64_t inner = loop.offsets[3] + i * loop.steps[3];
            evaluation->results[0][loop.offsets[0] + i * loop.steps[0]] =
                a[loop.offsets[1] + i * loop.steps[1] + (outer * extent + inner) * stride];
        }
    } while (loop_next(&loop));
}

void evaluate_merge(Evaluation *evaluation) {
    const Node *node = evaluation->node, *source = evaluation_source(evaluation, 0);
    const AxisId *own = node->attributes.axes.at;
    const int64_t extent = graph_axis(evaluation->function, own[1])->extent;
    const int64_t outer = axes_stride(evaluation->function, &source->axes, own[0]);
    const int64_t inner = axes_stride(evaluation->function, &source->axes, own[1]);
    const double *a = evaluation_value(evaluation, 0);
    Loop loop = loop_over(evaluation->function, &node->axes, &node->axes);
    loop_operand(&loop, 0, &node->axes);
    loop_operand(&loop, 1, &source->axes);
    loop_coordinate(&loop, 2, own[2]);
    do {
        for (int64_t i = 0; i < loop.inner; i++) {
            const int64_t at = loop.offsets[2] + i * loop.steps[2];
            evaluation->results[0][loop.offsets[0] + i * loop.steps[0]] =
                a[loop.offsets[1] + i * loop.steps[1] + at / extent * outer + at % extent * inner];
        }
    } while (loop_next(&loop));
}
