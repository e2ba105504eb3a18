/* The meaning of what is kept in tiles (ir/tiled.h). */
#include "ir/evaluate.h"
#include "ir/tiled.h"

#include <string.h>

/* Matrices, each kept by itself; `which` is the source that they are of. */
typedef struct Matrices {
    int64_t count, rows, columns;
    const double *values;
    double *tiled;
} Matrices;

static Matrices matrices_of(const Evaluation *evaluation, uint32_t which) {
    const Axes *own = &evaluation->node->attributes.axes;
    Matrices matrices = {
        .rows = graph_axis(evaluation->function, own->at[0])->extent,
        .columns = graph_axis(evaluation->function, own->at[1])->extent,
        .values = evaluation_value(evaluation, which),
        .tiled = evaluation->results[0],
    };
    const Node *source = evaluation_source(evaluation, which);
    matrices.count =
        graph_elements(evaluation->function, source) / (matrices.rows * matrices.columns);
    return matrices;
}

static void tile_row(const Matrices *matrices, int64_t row) {
    const int64_t even = row / 2 * 2 * matrices->columns, size = matrices->rows * matrices->columns;
    for (int64_t i = 0; i < matrices->count; i++)
        for (int64_t column = 0; column < matrices->columns; column++) {
            const double *values = matrices->values + i * size + even + column;
            const uint32_t bits = evaluation_bf16(values[0]) |
                                  (uint32_t)evaluation_bf16(values[matrices->columns]) << 16;
            int32_t element;
            memcpy(&element, &bits, sizeof element);
            matrices->tiled[i * (size / 2) + tiled_element(row, column, matrices->columns)] =
                element;
        }
}

void evaluate_tile(Evaluation *evaluation) {
    const Matrices matrices = matrices_of(evaluation, 0);
    for (int64_t row = 0; row < matrices.rows; row += 2)
        tile_row(&matrices, row);
}

/* A row and the one that shares its elements. */
void evaluate_tile_slice(Evaluation *evaluation) {
    const Matrices matrices = matrices_of(evaluation, 2);
    const double position = evaluation_value(evaluation, 1)[0];
    memcpy(matrices.tiled, evaluation_value(evaluation, 0),
           (size_t)(matrices.count * matrices.rows * matrices.columns / 2) *
               sizeof *matrices.tiled);
    if (position >= 0 && position < (double)matrices.rows)
        tile_row(&matrices, (int64_t)position);
}
