/* How tightly operators bind: what the parser and the printer of expressions must agree on.
 *
 *     or < and < not < comparisons and ~ < + - < * / // % < unary - < ^
 *
 * ^ associates to the right, comparisons not at all, the rest to the left. */
#ifndef SCANLINE_FRONTEND_PRECEDENCE_H
#define SCANLINE_FRONTEND_PRECEDENCE_H

#include "frontend/syntax.h"

typedef enum Precedence {
    PRECEDENCE_OR = 1,
    PRECEDENCE_AND,
    PRECEDENCE_NOT,
    PRECEDENCE_COMPARE,
    PRECEDENCE_ADD,
    PRECEDENCE_MUL,
    PRECEDENCE_NEGATE,
    PRECEDENCE_POW,
    PRECEDENCE_LEAF,
} Precedence;

Precedence binary_op_precedence(BinaryOp op);

#endif
