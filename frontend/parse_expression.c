/* Expressions, by precedence climbing. */
#include "frontend/parse.h"
#include "frontend/precedence.h"

#include <string.h>

typedef struct BinaryRule {
    const char *text;
    TokenKind token;
    Precedence precedence;
} BinaryRule;

static const BinaryRule binary_rules[] = {
    [BINARY_OR] = {"or", TOKEN_OR, PRECEDENCE_OR},
    [BINARY_AND] = {"and", TOKEN_AND, PRECEDENCE_AND},
    [BINARY_LESS] = {"<", TOKEN_LESS, PRECEDENCE_COMPARE},
    [BINARY_LESS_EQUAL] = {"<=", TOKEN_LESS_EQUAL, PRECEDENCE_COMPARE},
    [BINARY_GREATER] = {">", TOKEN_GREATER, PRECEDENCE_COMPARE},
    [BINARY_GREATER_EQUAL] = {">=", TOKEN_GREATER_EQUAL, PRECEDENCE_COMPARE},
    [BINARY_EQUAL] = {"==", TOKEN_EQUAL, PRECEDENCE_COMPARE},
    [BINARY_NOT_EQUAL] = {"!=", TOKEN_NOT_EQUAL, PRECEDENCE_COMPARE},
    [BINARY_MATCH] = {"~", TOKEN_TILDE, PRECEDENCE_COMPARE},
    [BINARY_ADD] = {"+", TOKEN_PLUS, PRECEDENCE_ADD},
    [BINARY_SUB] = {"-", TOKEN_MINUS, PRECEDENCE_ADD},
    [BINARY_MUL] = {"*", TOKEN_STAR, PRECEDENCE_MUL},
    [BINARY_DIV] = {"/", TOKEN_SLASH, PRECEDENCE_MUL},
    [BINARY_FLOOR_DIV] = {"//", TOKEN_DOUBLE_SLASH, PRECEDENCE_MUL},
    [BINARY_MOD] = {"%", TOKEN_PERCENT, PRECEDENCE_MUL},
    [BINARY_POW] = {"^", TOKEN_CARET, PRECEDENCE_POW},
};

enum { BINARY_COUNT = sizeof binary_rules / sizeof *binary_rules, MOST_ARGUMENTS = 255 };

const char *binary_op_text(BinaryOp op) { return binary_rules[op].text; }
Precedence binary_op_precedence(BinaryOp op) { return binary_rules[op].precedence; }

static const Expr *parse_binary(Parser *parser, Precedence least);

const Expr *parse_plain(Parser *parser) { return parse_binary(parser, PRECEDENCE_OR); }

/* --- nodes --- */

static uint32_t taller(uint32_t height, const Expr *child) {
    return child->height > height ? child->height : height;
}

static uint32_t arguments_height(const Argument *arguments, uint32_t count) {
    uint32_t height = 0;
    for (uint32_t i = 0; i < count; i++)
        height = taller(height, arguments[i].value);
    return height;
}

/* A node over children of that height. NULL after reporting that the tree is too high. */
static Expr *expr_create(Parser *parser, ExprKind kind, uint32_t start, uint32_t children_height) {
    SourceSpan span = parser_span_from(parser, start);
    if (children_height >= SYNTAX_MAX_DEPTH) {
        diagnostics_error(parser->diagnostics, "too-deep", span,
                          "the expression has more than %d levels", SYNTAX_MAX_DEPTH);
        return NULL;
    }
    Expr *expr = arena_alloc(parser->arena, sizeof *expr);
    expr->kind = kind;
    expr->span = span;
    expr->height = children_height + 1;
    return expr;
}

/* --- lists in brackets --- */

static bool parse_argument(Parser *parser, Argument *argument) {
    bool named = parser_at(parser, TOKEN_NAME);
    uint32_t start = parser->token.offset;
    *argument = (Argument){0};
    if (named && parser->next.kind == TOKEN_ARROW) {
        Name from, to;
        if (!parser_name(parser, "an axis", &from) || !parser_expect(parser, TOKEN_ARROW, NULL) ||
            !parser_name(parser, "an axis", &to))
            return false;
        Expr *arrow = expr_create(parser, EXPR_ARROW, start, 0);
        arrow->arrow.from = from;
        arrow->arrow.to = to;
        argument->value = arrow;
        return true;
    }
    if (named && parser->next.kind == TOKEN_ASSIGN) {
        if (!parser_name(parser, "a keyword", &argument->keyword))
            return false;
        parser_take(parser);
    }
    argument->value = parse_plain(parser);
    return argument->value;
}

/* Keywords come last, each once. */
static bool check_argument(Parser *parser, const Argument *arguments, uint32_t count) {
    const Argument *last = &arguments[count - 1];
    if (count > MOST_ARGUMENTS) {
        diagnostics_error(parser->diagnostics, "too-many", last->value->span,
                          "there are more than %d arguments", MOST_ARGUMENTS);
        return false;
    }
    if (!last->keyword.text && count > 1 && arguments[count - 2].keyword.text) {
        Diagnostic *d = diagnostics_error(parser->diagnostics, "argument-order", last->value->span,
                                          "an argument without keyword follows one with a keyword");
        diagnostic_related(d, arguments[count - 2].keyword.span, "the keyword");
    }
    for (uint32_t i = 0; last->keyword.text && i + 1 < count; i++) {
        if (!arguments[i].keyword.text || strcmp(arguments[i].keyword.text, last->keyword.text))
            continue;
        Diagnostic *d = diagnostics_error(parser->diagnostics, "duplicate-name", last->keyword.span,
                                          "'%s' is given twice", last->keyword.text);
        diagnostic_related(d, arguments[i].keyword.span, "first given here");
        return true;
    }
    return true;
}

/* "expected ',' or ')'", and where the list began. */
static bool expect_close(Parser *parser, TokenKind close, Token open) {
    if (parser_accept(parser, close))
        return true;
    Diagnostic *d =
        parser_unexpected(parser, close == TOKEN_RIGHT_PAREN ? "',' or ')'" : "',' or ']'");
    diagnostic_related(d, parser_token_span(parser, open), "opened here");
    return false;
}

bool parse_arguments(Parser *parser, TokenKind close, Argument **arguments, uint32_t *count) {
    Token open = parser_take(parser);
    Vector list = {0};
    while (!parser_at(parser, close)) {
        Argument argument;
        if (!parse_argument(parser, &argument))
            return false;
        *(Argument *)vector_add(&list, parser->arena, sizeof argument) = argument;
        if (!check_argument(parser, list.items, list.count))
            return false;
        if (!parser_accept(parser, TOKEN_COMMA))
            break;
    }
    *arguments = list.items;
    *count = list.count;
    return expect_close(parser, close, open);
}

static bool check_axis(Parser *parser, const NameList *axes, Name axis) {
    if (axes->count >= MAX_AXES) {
        diagnostics_error(parser->diagnostics, "too-many", axis.span,
                          "a tensor has at most %d axes", MAX_AXES);
        return false;
    }
    for (uint32_t i = 0; i < axes->count; i++) {
        if (strcmp(axes->at[i].text, axis.text))
            continue;
        Diagnostic *d = diagnostics_error(parser->diagnostics, "duplicate-axis", axis.span,
                                          "the axis '%s' is here twice", axis.text);
        diagnostic_related(d, axes->at[i].span, "first here");
        diagnostic_hint(d, "a second name for the same extent: dim other = %s", axis.text);
        return true;
    }
    return true;
}

bool parse_axes(Parser *parser, NameList *axes) {
    *axes = (NameList){0};
    if (!parser_at(parser, TOKEN_LEFT_BRACKET))
        return true;
    Token open = parser_take(parser);
    axes->at = arena_array(parser->arena, MAX_AXES, sizeof *axes->at);
    while (!parser_at(parser, TOKEN_RIGHT_BRACKET)) {
        Name axis;
        if (!parser_name(parser, "an axis", &axis) || !check_axis(parser, axes, axis))
            return false;
        axes->at[axes->count++] = axis;
        if (!parser_accept(parser, TOKEN_COMMA))
            break;
    }
    return expect_close(parser, TOKEN_RIGHT_BRACKET, open);
}

/* --- primaries --- */

/* `as NAME`, or nothing. */
static bool parse_step(Parser *parser, Name *step) {
    *step = (Name){0};
    return !parser_accept(parser, TOKEN_AS) || parser_name(parser, "a name for the call", step);
}

/* The names in `sum[h, e](...)`, which have been read as items. */
static bool axes_of_items(Parser *parser, const Argument *items, uint32_t count, NameList *axes) {
    axes->at = arena_array(parser->arena, MAX_AXES, sizeof *axes->at);
    for (uint32_t i = 0; i < count; i++) {
        const Expr *value = items[i].value;
        if (items[i].keyword.text || value->kind != EXPR_NAME || strchr(value->name, '.')) {
            diagnostics_error(parser->diagnostics, "syntax", value->span,
                              "in the brackets of a call there are names of axes alone");
            return false;
        }
        Name axis = {value->name, value->span};
        if (!check_axis(parser, axes, axis))
            return false;
        axes->at[axes->count++] = axis;
    }
    return true;
}

/* The '(' of a call is the parser's token. */
static const Expr *parse_call(Parser *parser, const Expr *callee, const Argument *items,
                              uint32_t item_count) {
    NameList axes = {0};
    Argument *arguments;
    uint32_t count;
    Name step;
    if (callee->kind != EXPR_NAME || strchr(callee->name, '.')) {
        diagnostics_error(parser->diagnostics, "syntax", callee->span,
                          "this cannot be called: a call begins with the name of a function");
        return NULL;
    }
    if (!axes_of_items(parser, items, item_count, &axes) ||
        !parse_arguments(parser, TOKEN_RIGHT_PAREN, &arguments, &count) ||
        !parse_step(parser, &step))
        return NULL;
    Expr *call =
        expr_create(parser, EXPR_CALL, callee->span.offset, arguments_height(arguments, count));
    if (!call)
        return NULL;
    call->call.callee = (Name){callee->name, callee->span};
    call->call.axes = axes;
    call->call.arguments = arguments;
    call->call.argument_count = count;
    call->call.step = step;
    return call;
}

/* base[items], or base[axes](arguments). */
static const Expr *parse_index(Parser *parser, const Expr *base) {
    Argument *items;
    uint32_t count;
    Name step;
    Token open = parser->token;
    if (!parse_arguments(parser, TOKEN_RIGHT_BRACKET, &items, &count))
        return NULL;
    if (parser_at(parser, TOKEN_LEFT_PAREN))
        return parse_call(parser, base, items, count);
    if (!count) {
        diagnostics_error(parser->diagnostics, "syntax", parser_span_from(parser, open.offset),
                          "there is nothing between the brackets");
        return NULL;
    }
    if (!parse_step(parser, &step))
        return NULL;
    uint32_t height = taller(arguments_height(items, count), base);
    Expr *index = expr_create(parser, EXPR_INDEX, base->span.offset, height);
    if (!index)
        return NULL;
    index->index.base = base;
    index->index.items = items;
    index->index.item_count = count;
    index->index.step = step;
    return index;
}

static const Expr *parse_parenthesised(Parser *parser) {
    Token open = parser_take(parser);
    const Expr *inner = parse_plain(parser);
    if (!inner)
        return NULL;
    if (!parser_accept(parser, TOKEN_RIGHT_PAREN)) {
        Diagnostic *d = parser_unexpected(parser, "')'");
        diagnostic_related(d, parser_token_span(parser, open), "opened here");
        return NULL;
    }
    Expr *copy = arena_alloc(parser->arena, sizeof *copy);
    *copy = *inner;
    copy->span = parser_span_from(parser, open.offset);
    return copy;
}

static const Expr *parse_list(Parser *parser) {
    Token open = parser_take(parser);
    Vector items = {0};
    uint32_t height = 0;
    while (!parser_at(parser, TOKEN_RIGHT_BRACKET)) {
        const Expr *item = parse_value(parser);
        if (!item)
            return NULL;
        *(const Expr **)vector_add(&items, parser->arena, sizeof item) = item;
        height = taller(height, item);
        if (!parser_accept(parser, TOKEN_COMMA))
            break;
    }
    if (!expect_close(parser, TOKEN_RIGHT_BRACKET, open))
        return NULL;
    Expr *list = expr_create(parser, EXPR_LIST, open.offset, height);
    if (!list)
        return NULL;
    list->list.at = items.items;
    list->list.count = items.count;
    return list;
}

static const Expr *parse_leaf(Parser *parser) {
    Token token = parser_take(parser);
    Expr *leaf = expr_create(parser, EXPR_NAME, token.offset, 0);
    if (token.kind == TOKEN_NUMBER) {
        leaf->kind = EXPR_NUMBER;
        leaf->number.value = token.number;
        leaf->number.integer = token.integer;
    } else if (token.kind == TOKEN_STRING) {
        leaf->kind = EXPR_STRING;
        leaf->string = token.text;
    } else {
        leaf->name = token.text;
    }
    return leaf;
}

static const Expr *parse_primary(Parser *parser) {
    switch (parser->token.kind) {
    case TOKEN_NUMBER:
    case TOKEN_STRING:
    case TOKEN_NAME:
        return parse_leaf(parser);
    case TOKEN_LEFT_PAREN:
        return parse_parenthesised(parser);
    case TOKEN_LEFT_BRACKET:
        return parse_list(parser);
    default:
        parser_unexpected(parser, "an expression");
        return NULL;
    }
}

static const Expr *parse_postfix(Parser *parser) {
    const Expr *expr = parse_primary(parser);
    while (expr) {
        if (parser_at(parser, TOKEN_LEFT_PAREN))
            expr = parse_call(parser, expr, NULL, 0);
        else if (parser_at(parser, TOKEN_LEFT_BRACKET))
            expr = parse_index(parser, expr);
        else
            break;
    }
    return expr;
}

/* --- operators --- */

static const Expr *parse_unary(Parser *parser) {
    bool negate = parser_at(parser, TOKEN_MINUS);
    if (!negate && !parser_at(parser, TOKEN_NOT))
        return parse_postfix(parser);
    Token op = parser_take(parser);
    const Expr *operand = parse_binary(parser, negate ? PRECEDENCE_POW : PRECEDENCE_COMPARE);
    Expr *unary = operand ? expr_create(parser, EXPR_UNARY, op.offset, operand->height) : NULL;
    if (!unary)
        return NULL;
    unary->unary.op = negate ? UNARY_NEGATE : UNARY_NOT;
    unary->unary.operand = operand;
    return unary;
}

/* The operator at the token, or -1. */
static int operator_at(const Parser *parser) {
    for (int op = 0; op < BINARY_COUNT; op++)
        if (binary_rules[op].token == parser->token.kind)
            return op;
    return -1;
}

/* left OP right, the operator being the parser's token. */
static const Expr *parse_right(Parser *parser, BinaryOp op, const Expr *left) {
    Token token = parser_take(parser);
    Precedence precedence = binary_rules[op].precedence;
    const Expr *right = parse_binary(parser, op == BINARY_POW ? precedence : precedence + 1);
    if (!right)
        return NULL;
    Expr *binary = expr_create(parser, EXPR_BINARY, left->span.offset, taller(left->height, right));
    if (!binary)
        return NULL;
    binary->binary.op = op;
    binary->binary.op_span = parser_token_span(parser, token);
    binary->binary.left = left;
    binary->binary.right = right;
    return binary;
}

static const Expr *parse_binary(Parser *parser, Precedence least) {
    const Expr *left = parser_enter(parser) ? parse_unary(parser) : NULL;
    bool compared = false;
    while (left) {
        int op = operator_at(parser);
        if (op < 0 || binary_rules[op].precedence < least)
            break;
        bool comparison = binary_rules[op].precedence == PRECEDENCE_COMPARE;
        if (comparison && compared) {
            Diagnostic *d = diagnostics_error(parser->diagnostics, "syntax",
                                              parser_token_span(parser, parser->token),
                                              "comparisons cannot be chained");
            diagnostic_hint(d, "write a < b and b < c");
            left = NULL;
            break;
        }
        compared = comparison;
        left = parse_right(parser, (BinaryOp)op, left);
    }
    parser_leave(parser);
    return left;
}

const Expr *parse_value(Parser *parser) {
    uint32_t start = parser->token.offset;
    const Expr *first = parse_plain(parser);
    if (!first || !parser_accept(parser, TOKEN_DOTS))
        return first;
    const Expr *last = parse_plain(parser);
    Expr *range = last ? expr_create(parser, EXPR_RANGE, start, taller(first->height, last)) : NULL;
    if (!range)
        return NULL;
    range->range.first = first;
    range->range.last = last;
    return range;
}
